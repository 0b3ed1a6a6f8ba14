//! A directory as object store: hard links instead of copies, and syncs where durability is promised.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::{BlobPut, StorageError};
use crate::kill_points;

/// How much of two files is compared at once.
const COMPARED_BYTES: usize = 256 * 1024;
/// Up to this many files are synced one by one: that leaves alone what others wrote and did not sync.
const FILES_SYNCED_EACH: usize = 8;

/// Puts the file at `source` also at `target`, durably; both names stay. A file already at `target` is left alone if
/// it has the same bytes, and replaced otherwise.
pub(super) fn put_blob(source: &Path, target: &Path) -> Result<BlobPut, StorageError> {
    let folder = target.parent().unwrap_or(Path::new("."));
    File::open(source)?.sync_all()?;
    kill_points::pass("blob-before-sync");
    let put = match fs::hard_link(source, target) {
        Ok(()) => BlobPut::New,
        // Its bytes were synced before it got the name; whoever gave the name may not have synced that yet.
        Err(error) if error.kind() == ErrorKind::AlreadyExists && is_same(source, target)? => {
            BlobPut::WasThere
        }
        Err(_) => {
            copy_into_place(source, target, folder)?;
            BlobPut::New
        }
    };
    kill_points::pass("blob-linked");
    sync_folder(folder)?;
    Ok(put)
}

/// Whether two files have the same bytes.
fn is_same(one: &Path, other: &Path) -> io::Result<bool> {
    let (mut one, mut other) = (File::open(one)?, File::open(other)?);
    if one.metadata()?.len() != other.metadata()?.len() {
        return Ok(false);
    }
    let (mut left, mut right) = (vec![0; COMPARED_BYTES], vec![0; COMPARED_BYTES]);
    loop {
        let read = one.read(&mut left)?;
        if read == 0 {
            return Ok(true);
        }
        other.read_exact(&mut right[..read])?;
        if left[..read] != right[..read] {
            return Ok(false);
        }
    }
}

/// For a source on another file system: a synced copy beside the target, then a rename.
fn copy_into_place(source: &Path, target: &Path, folder: &Path) -> Result<(), StorageError> {
    let mut copy = tempfile::NamedTempFile::new_in(folder)?;
    io::copy(&mut File::open(source)?, copy.as_file_mut())?;
    copy.as_file().sync_all()?;
    copy.persist(target).map_err(|error| error.error)?;
    Ok(())
}

/// Makes the 256 folders that packages lie in, durably; nothing happens when they are there.
pub(super) fn make_folders(blobs: &Path) -> Result<(), StorageError> {
    if blobs.join("ff").is_dir() {
        return Ok(());
    }
    fs::create_dir_all(blobs)?;
    // The last one is the sign that all are there.
    for number in 0..=255_u8 {
        match fs::create_dir(blobs.join(format!("{number:02x}"))) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error.into()),
            _ => {}
        }
    }
    sync_all(blobs)
}

/// Puts small files at their places, each as a whole, durably: a few with a sync each, many with one for all.
pub(super) fn put_files<'a>(
    root: &Path,
    files: impl Iterator<Item = (PathBuf, &'a Bytes)>,
) -> Result<(), StorageError> {
    let files: Vec<_> = files.collect();
    let is_many = files.len() > FILES_SYNCED_EACH;
    let mut folders = BTreeSet::new();
    for (path, bytes) in &files {
        let folder = path.parent().unwrap_or(root);
        if folders.insert(folder) {
            fs::create_dir_all(folder)?;
        }
        // What is public anyway may be served by another user's web server.
        let readable = fs::Permissions::from_mode(0o644);
        let mut file = tempfile::Builder::new().permissions(readable).tempfile_in(folder)?;
        file.write_all(bytes)?;
        if !is_many {
            file.as_file().sync_all()?;
        }
        file.persist(path).map_err(|error| error.error)?;
    }
    if is_many {
        return sync_all(root);
    }
    // The folders above may be new as well.
    let above =
        folders.iter().flat_map(|folder| folder.ancestors()).filter(|folder| folder.starts_with(root));
    above.collect::<BTreeSet<_>>().into_iter().try_for_each(sync_folder)
}

/// Removes files that may be gone already, and the folders that this leaves empty.
pub(super) fn remove_files(files: impl Iterator<Item = PathBuf>) -> Result<(), StorageError> {
    let mut folders = BTreeSet::new();
    for path in files {
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
            _ => folders.extend(path.parent().map(Path::to_owned)),
        }
    }
    for folder in folders {
        // It is not empty as long as a partial tile of the same place is kept.
        drop(fs::remove_dir(folder));
    }
    Ok(())
}

fn sync_folder(folder: &Path) -> Result<(), StorageError> {
    Ok(File::open(folder)?.sync_all()?)
}

/// Writes out everything of the file system that `root` lies on.
pub(super) fn sync_all(root: &Path) -> Result<(), StorageError> {
    let folder = File::open(root)?;
    rustix::fs::syncfs(&folder).map_err(io::Error::from)?;
    Ok(())
}
