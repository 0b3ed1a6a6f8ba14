//! A directory as object store: hard links instead of copies, and syncs where durability is promised.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::Path;

use super::StorageError;

/// Puts the file at `source` also at `target`, durably; both names stay. A whole file already at `target` is left alone.
pub(super) fn put_blob(
    root: &Path,
    source: &Path,
    target: &Path,
    size_bytes: u64,
) -> Result<(), StorageError> {
    let folder = target.parent().unwrap_or(root);
    if fs::metadata(target).is_ok_and(|meta| meta.len() == size_bytes) {
        // Its bytes were synced before it got the name; whoever gave the name may not have synced that yet.
        return sync_folder(folder);
    }
    File::open(source)?.sync_all()?;
    create_folders(root, folder)?;
    match fs::hard_link(source, target) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(_) => copy_into_place(source, target, folder)?,
    }
    sync_folder(folder)?;
    Ok(())
}

/// For a source on another file system: a synced copy beside the target, then a rename.
fn copy_into_place(source: &Path, target: &Path, folder: &Path) -> Result<(), StorageError> {
    let mut copy = tempfile::NamedTempFile::new_in(folder)?;
    io::copy(&mut File::open(source)?, copy.as_file_mut())?;
    copy.as_file().sync_all()?;
    copy.persist(target).map_err(|error| error.error)?;
    Ok(())
}

/// Creates what is missing between `root` and `folder`, and syncs each parent that got a new entry.
fn create_folders(root: &Path, folder: &Path) -> Result<(), StorageError> {
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(parent) = folder.parent()
        && parent.starts_with(root)
    {
        create_folders(root, parent)?;
        match fs::create_dir(folder) {
            Ok(()) => sync_folder(parent)?,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error.into()),
        }
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
