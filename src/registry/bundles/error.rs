//! Why there is no bundle.

use crate::db::DatabaseError;
use crate::domain::{Digest, PluginName, Refusal, ReleaseId, Version};
use crate::registry::{ReadLogError, ShowError};
use crate::signing::KeyId;
use crate::storage::StorageError;
use crate::trust::{EntryError, LOCK_BUNDLE_MAX_BYTES, LOCK_BUNDLE_RELEASES_MAX};

/// The most entries of a lock's releases that are read, in bytes; proofs, profiles and standings come on top.
pub(super) const ENTRIES_MAX_BYTES: usize = LOCK_BUNDLE_MAX_BYTES / 4;

/// Why there is no bundle.
#[derive(Debug, thiserror::Error)]
pub enum BuildBundleError {
    /// There is no such release.
    #[error(transparent)]
    Show(#[from] ShowError),
    /// A lock names releases this registry does not have.
    #[error("this registry has no {}", list(releases))]
    UnknownReleases {
        /// Which.
        releases: Vec<ReleaseId>,
    },
    /// A lock pins other bytes.
    #[error("the lock pins {release} with {pinned}, but the log has {logged}")]
    DigestDiffers {
        /// Which release.
        release: ReleaseId,
        /// As in the lock.
        pinned: Digest,
        /// As logged.
        logged: Digest,
    },
    /// A lock over the bound.
    #[error("the lock has {count} releases; at most {LOCK_BUNDLE_RELEASES_MAX} fit into a bundle")]
    TooManyReleases {
        /// How many.
        count: usize,
    },
    /// What the log says about the releases is over the bound.
    #[error("the log holds more than {ENTRIES_MAX_BYTES} bytes about these releases")]
    TooLarge,
    /// The host profile of a release is gone.
    #[error("the host profile {profile}@{version} is not registered any more")]
    ProfileMissing {
        /// Its name.
        profile: PluginName,
        /// Its version.
        version: Version,
    },
    /// The log does not tell how a key was enrolled.
    #[error("the log does not tell how the key {key_id} came to sign {release}")]
    EnrollmentMissing {
        /// The release.
        release: ReleaseId,
        /// Its signer.
        key_id: KeyId,
    },
    /// An entry of the log cannot be read.
    #[error("entry {index} of the log: {source}")]
    Entry {
        /// Its index.
        index: u64,
        /// Why.
        source: EntryError,
    },
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] ReadLogError),
    /// The object store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

fn list(releases: &[ReleaseId]) -> String {
    const SHOWN: usize = 10;
    let mut told: Vec<String> = releases.iter().take(SHOWN).map(ToString::to_string).collect();
    if releases.len() > SHOWN {
        told.push(format!("{} more", releases.len() - SHOWN));
    }
    told.join(", ")
}

impl Refusal for BuildBundleError {
    fn code(&self) -> &'static str {
        match self {
            Self::Show(error) => error.code(),
            Self::UnknownReleases { .. } => "unknown-releases",
            Self::DigestDiffers { .. } => "lock-digest-differs",
            Self::TooManyReleases { .. } | Self::TooLarge => "lock-too-large",
            Self::Log(error) => error.code(),
            Self::ProfileMissing { .. }
            | Self::EnrollmentMissing { .. }
            | Self::Entry { .. }
            | Self::Storage(_)
            | Self::Database(_) => "internal",
        }
    }

    fn mend(&self) -> Option<String> {
        match self {
            Self::Show(error) => error.mend(),
            Self::UnknownReleases { .. } => {
                Some("Send the lock to the registry it came from, or resolve again here.".into())
            }
            Self::DigestDiffers { .. } => Some(
                "Do not use this lock: it or this registry names other bytes under a published version."
                    .into(),
            ),
            Self::TooManyReleases { .. } | Self::TooLarge => {
                Some("Fetch the bundle of each release, or split the lock.".into())
            }
            Self::Log(error) => error.mend(),
            _ => None,
        }
    }
}
