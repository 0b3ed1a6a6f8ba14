//! Files as bytes without reading them into memory.

use std::fs::File;
use std::io;
use std::path::Path;

use bytes::Bytes;
use memmap2::Mmap;

/// Maps a file that nobody changes while it is mapped: an upload that is over, or a blob under its digest.
pub(super) fn map_file(file: &File) -> io::Result<Bytes> {
    if file.metadata()?.len() == 0 {
        return Ok(Bytes::new());
    }
    Ok(Bytes::from_owner(map(file)?))
}

/// Maps the file at `path`; nothing if there is none.
pub(super) fn map_path(path: &Path) -> io::Result<Option<Bytes>> {
    match File::open(path) {
        Ok(file) => map_file(&file).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[expect(unsafe_code, reason = "mapping is the way to read 64 MiB without holding them in memory")]
fn map(file: &File) -> io::Result<Mmap> {
    // SAFETY: uploads are private temporary files whose writing is over, and blobs are only ever written
    // under another name and renamed, so the bytes behind the mapping do not change.
    unsafe { Mmap::map(file) }
}
