//! A secret key in a file of its own: readable by its owner alone, durable before it is used.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;

use zeroize::Zeroizing;

use super::error::{KeyPlace, RegistryKeysError};
use crate::signing::SecretKey;

/// Reads a key; `None` when there is no such file. Refuses one that others on this machine may read.
pub(super) fn read_key_file(path: &Path) -> Result<Option<SecretKey>, RegistryKeysError> {
    let failed = |source| RegistryKeysError::File { path: path.to_owned(), source };
    let metadata = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(failed)?,
    };
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(RegistryKeysError::Shared { path: path.to_owned(), mode });
    }
    let text = Zeroizing::new(fs::read_to_string(path).map_err(failed)?);
    let place = || KeyPlace::File(path.to_owned());
    text.parse().map(Some).map_err(|source| RegistryKeysError::NotAKey { place: place(), source })
}

/// Reads a key, or makes one where there is none.
pub(crate) fn read_or_make_key_file(path: &Path) -> Result<SecretKey, RegistryKeysError> {
    if let Some(key) = read_key_file(path)? {
        return Ok(key);
    }
    let key = draw_key()?;
    write_key_file(path, &key)?;
    Ok(key)
}

/// Draws a new key from the operating system.
pub(super) fn draw_key() -> Result<SecretKey, RegistryKeysError> {
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(seed.as_mut_slice())
        .map_err(|error| RegistryKeysError::Randomness { problem: error.to_string() })?;
    Ok(SecretKey::from_seed(&seed))
}

/// Writes a key so that a crash leaves the whole file or none. Replaces what is there.
pub(super) fn write_key_file(path: &Path, key: &SecretKey) -> Result<(), RegistryKeysError> {
    let failed = |source| RegistryKeysError::File { path: path.to_owned(), source };
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    // `tempfile` creates with mode 0600.
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    file.write_all(key.to_text().as_bytes())
        .and_then(|()| file.write_all(b"\n"))
        .and_then(|()| file.as_file().sync_all())
        .map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    sync_folder(folder).map_err(failed)
}

/// Moves a key file, durably. Makes the folder it moves to.
pub(super) fn move_key_file(from: &Path, to: &Path) -> Result<(), RegistryKeysError> {
    let failed = |source| RegistryKeysError::File { path: from.to_owned(), source };
    let folder = to.parent().unwrap_or(Path::new("."));
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    fs::rename(from, to).map_err(failed)?;
    sync_folder(folder).and_then(|()| sync_folder(from.parent().unwrap_or(Path::new(".")))).map_err(failed)
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Refusal as _;

    #[test]
    fn a_key_reads_back_and_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys/log.key");
        let key = SecretKey::from_seed(&[7; 32]);

        assert!(read_key_file(&path).unwrap().is_none());
        write_key_file(&path, &key).unwrap();

        assert_eq!(read_key_file(&path).unwrap().unwrap().public_key(), key.public_key());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_key_others_may_read_and_a_file_without_a_key_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.key");
        write_key_file(&path, &SecretKey::from_seed(&[7; 32])).unwrap();

        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let shared = read_key_file(&path).unwrap_err();
        fs::write(&path, "secret words").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let empty = read_key_file(&path).unwrap_err();

        assert_eq!(shared.code(), "key-file-shared");
        assert_eq!(empty.code(), "registry-key-unreadable");
        assert!(!empty.to_string().contains("secret words"), "{empty}");
    }
}
