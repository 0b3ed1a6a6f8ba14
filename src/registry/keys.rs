//! The registry's own keys: the log key signs checkpoints, the registry key signs what it says about releases.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::config::Configuration;
use crate::signing::{KeyError, SecretKey};

/// Why the registry has no keys.
#[derive(Debug, thiserror::Error)]
pub enum RegistryKeysError {
    /// A key file cannot be read or made.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A key file holds no key.
    #[error("{path}: {source}")]
    Key {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        source: KeyError,
    },
}

/// The keys of a running registry.
pub struct RegistryKeys {
    log: Vec<SecretKey>,
    registry: SecretKey,
}

impl RegistryKeys {
    /// Reads `keys/log.key` and `keys/registry.key` of the data directory; the first start makes them.
    pub(super) fn open(configuration: &Configuration) -> Result<Self, RegistryKeysError> {
        let folder = configuration.data.join("keys");
        let failed = |source| RegistryKeysError::File { path: folder.clone(), source };
        fs::create_dir_all(&folder).map_err(failed)?;
        Ok(Self {
            log: vec![read_or_make(&folder.join("log.key"))?],
            registry: read_or_make(&folder.join("registry.key"))?,
        })
    }

    /// The keys that sign checkpoints, the newest last.
    pub fn log(&self) -> &[SecretKey] {
        &self.log
    }

    /// The key that signs verdicts, standings and the recall feed.
    pub fn registry(&self) -> &SecretKey {
        &self.registry
    }
}

pub(super) fn read_or_make(path: &Path) -> Result<SecretKey, RegistryKeysError> {
    let failed = |source| RegistryKeysError::File { path: path.to_owned(), source };
    match fs::read_to_string(path).map(Zeroizing::new) {
        Ok(text) => text.parse().map_err(|source| RegistryKeysError::Key { path: path.to_owned(), source }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let mut seed = Zeroizing::new([0; 32]);
            getrandom::fill(seed.as_mut_slice()).map_err(|error| failed(io::Error::other(error)))?;
            let key = SecretKey::from_seed(&seed);
            let mut file =
                fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
            file.write_all(key.to_text().as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
            Ok(key)
        }
        Err(error) => Err(failed(error)),
    }
}
