//! Why a registry has no keys to sign with.

use std::fmt;
use std::path::PathBuf;

use crate::db::DatabaseError;
use crate::domain::Refusal;
use crate::signing::KeyError;
use crate::trust::TrustChainError;

/// Which of the registry's two keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyRole {
    /// Signs checkpoints.
    Log,
    /// Signs verdicts, standings, the recall feed and the trust document.
    Registry,
}

impl KeyRole {
    /// `log` or `registry`, as in file names and settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Registry => "registry",
        }
    }
}

impl fmt::Display for KeyRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where a key was looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyPlace {
    /// In a setting, as text.
    Setting(&'static str),
    /// In a file.
    File(PathBuf),
}

impl fmt::Display for KeyPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Setting(name) => write!(f, "the setting {name}"),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

/// Why a registry has no keys to sign with.
#[derive(Debug, thiserror::Error)]
pub enum RegistryKeysError {
    /// A key file cannot be read or made.
    #[error("the key file {path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Others on the machine may read a key file.
    #[error("the key file {path} may be read by others on this machine (mode {mode:03o})")]
    Shared {
        /// Which.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// There is no key where one should be.
    #[error("{place} holds no usable key: {source}")]
    NotAKey {
        /// Where.
        place: KeyPlace,
        /// What is wrong with it.
        source: KeyError,
    },
    /// Two settings name the same key.
    #[error("the {role} key is set twice, as text and as a file")]
    SetTwice {
        /// Which key.
        role: KeyRole,
    },
    /// The registry has a past that was signed by a key that is not here.
    #[error("this registry{} has signed before, but its {role} key is not at {place}", of(origin))]
    Missing {
        /// Which key.
        role: KeyRole,
        /// Where it was looked for.
        place: KeyPlace,
        /// The registry, where it is known.
        origin: String,
    },
    /// The key here is not the one the trust document names.
    #[error("{place} holds the {role} key {found}, but {origin} signs with {expected}")]
    Differs {
        /// Which key.
        role: KeyRole,
        /// Where.
        place: KeyPlace,
        /// The registry.
        origin: String,
        /// Id of the key that is there, shortened.
        found: String,
        /// Id of the key that should be there, shortened.
        expected: String,
    },
    /// Not a name for a log.
    #[error("{origin:?} cannot be the origin of a log")]
    UnusableOrigin {
        /// As configured.
        origin: String,
    },
    /// The origin never changes.
    #[error("the setting trust.origin is {configured:?}, but this registry has signed as {origin:?}")]
    OriginDiffers {
        /// As configured.
        configured: String,
        /// As in the first trust document.
        origin: String,
    },
    /// A witness in the settings has no readable key.
    #[error("the setting witness.witnesses: {problem}")]
    Witness {
        /// What is wrong.
        problem: String,
    },
    /// The trust document in the database cannot be believed.
    #[error("the trust document in the database: {0}")]
    Document(#[from] TrustChainError),
    /// The operating system gives no random bytes.
    #[error("no random bytes for a key: {problem}")]
    Randomness {
        /// What it says.
        problem: String,
    },
    /// The database failed.
    #[error("the database failed: {0}")]
    Database(#[from] DatabaseError),
}

fn of(origin: &str) -> String {
    if origin.is_empty() { String::new() } else { format!(" ({origin})") }
}

impl Refusal for RegistryKeysError {
    fn code(&self) -> &'static str {
        match self {
            Self::File { .. } => "key-file",
            Self::Shared { .. } => "key-file-shared",
            Self::NotAKey { .. } => "registry-key-unreadable",
            Self::SetTwice { .. } => "registry-key-set-twice",
            Self::Missing { .. } => "registry-key-missing",
            Self::Differs { .. } => "registry-key-differs",
            Self::UnusableOrigin { .. } | Self::OriginDiffers { .. } => "registry-origin",
            Self::Witness { .. } => "configuration-invalid",
            Self::Document(error) => error.code(),
            Self::Randomness { .. } | Self::Database(_) => "internal",
        }
    }

    fn mend(&self) -> Option<String> {
        Some(match self {
            Self::File { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
                "Put the key there, or correct the setting that names the file.".into()
            }
            Self::File { .. } => {
                "Give the account that runs the registry the right to read and write its data directory."
                    .into()
            }
            Self::Shared { path, .. } => format!(
                "Run `chmod 600 {}`; if others used this machine meanwhile, rotate the key afterwards.",
                path.display()
            ),
            Self::NotAKey { .. } => {
                "Put the key back as it was made: pluginry-secret-ed25519: and base64.".into()
            }
            Self::SetTwice { role } => format!("Set trust.{role}_key or trust.{role}_key_file, not both."),
            Self::Missing { role, .. } | Self::Differs { role, .. } => format!(
                "Copy keys/{role}.key from the data directory of the replica that made it or from your backup, or name it with trust.{role}_key_file. Without that key nobody who trusts this registry will follow it."
            ),
            Self::UnusableOrigin { .. } => {
                "Set trust.origin to a name without spaces and plus signs, such as plugins.example.org."
                    .into()
            }
            Self::OriginDiffers { origin, .. } => {
                format!("Set trust.origin to {origin:?} or leave it out: clients know the log by that name.")
            }
            Self::Witness { .. } => {
                "Copy each witness's key whole, as its owner publishes it, and once.".into()
            }
            Self::Document(_) => "Restore the table trust_documents from your backup.".into(),
            Self::Randomness { .. } | Self::Database(_) => return None,
        })
    }
}
