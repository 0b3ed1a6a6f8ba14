//! Why a publish is refused: every reason with its words, its code and its mend.

use super::commit::{ChangeError, NotWritten};
use crate::db::DatabaseError;
use crate::domain::{Digest, NameError, PluginName, Refusal, ReleaseId, Timestamp, Withheld};
use crate::signing::SigningError;
use crate::storage::StorageError;
use crate::trust::EntryError;
use crate::wasm::{InspectionReport, PackageError};

/// The most an attestation may weigh as compact JSON, so that its entry always fits into the log.
pub(super) const LOGGED_ATTESTATION_MAX_BYTES: usize = 40 * 1024;

/// Why a publish was refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The bytes are no package.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// The manifest speaks of another release than the URL.
    #[error("the manifest describes {manifest}, but the address names {address}")]
    ManifestDisagrees {
        /// As the manifest has it.
        manifest: ReleaseId,
        /// As the URL has it.
        address: ReleaseId,
    },
    /// No registered profile meets the manifest's requirement.
    #[error("no registered version of the host profile {profile} meets {requirement} ({known})")]
    ProfileUnknown {
        /// The profile's name.
        profile: PluginName,
        /// The manifest's requirement.
        requirement: String,
        /// What there is.
        known: String,
    },
    /// The profile asked for has no name.
    #[error(transparent)]
    ProfileName(NameError),
    /// The profile asked for is not registered.
    #[error("there is no host profile {text} here")]
    ProfileNamedUnknown {
        /// As asked for, cut to a bounded length.
        text: String,
    },
    /// Inspection refused it.
    #[error("inspection found {} reasons to refuse the package", .0.refusals.len())]
    Inspection(Box<InspectionReport>),
    /// It needs plugins that are not here.
    #[error("{release} depends on {}, which this registry does not have", as_list(.missing))]
    UnknownDependency {
        /// The release.
        release: ReleaseId,
        /// The plugins that are missing.
        missing: Vec<PluginName>,
    },
    /// More direct dependencies than the profile allows.
    #[error("it has {count} dependencies; the host profile allows {most}")]
    TooManyDependencies {
        /// How many.
        count: usize,
        /// How many are allowed.
        most: u32,
    },
    /// The attestation does not count.
    #[error(transparent)]
    Signing(#[from] SigningError),
    /// The attestation does not fit into the log.
    #[error(
        "the attestation weighs {size_bytes} bytes; the log takes at most {LOGGED_ATTESTATION_MAX_BYTES}"
    )]
    AttestationTooLarge {
        /// Its size as compact JSON.
        size_bytes: usize,
    },
    /// The log cannot hold the release.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// Signed with a key that was enrolled and revoked.
    #[error("the attestation is signed with key {key_id}, which is revoked")]
    KeyRevoked {
        /// The key, shortened.
        key_id: String,
    },
    /// Signed with a key that is enrolled and counts later.
    #[error("the attestation is signed with key {key_id}, which counts from {until} on")]
    KeyWaiting {
        /// The key, shortened.
        key_id: String,
        /// From when on it counts.
        until: Timestamp,
    },
    /// Signed with a key that was asked for where no key counts.
    #[error("the attestation is signed with key {key_id}, which nobody approved yet")]
    KeyNeedsApproval {
        /// The key, shortened.
        key_id: String,
    },
    /// The statement's predicate speaks of another manifest.
    #[error("the attestation's {part} differ from those of the package")]
    StatementDiffers {
        /// Which part.
        part: &'static str,
    },
    /// A patch release asks for more.
    #[error("{release} is a patch of {before} and asks for more: {changes}")]
    WideningInPatch {
        /// The release.
        release: ReleaseId,
        /// The release before.
        before: ReleaseId,
        /// What it asks for in addition.
        changes: String,
    },
    /// A release asks for more and the author did not say so.
    #[error("{release} asks for more than {before}: {changes}")]
    WideningNotAccepted {
        /// The release.
        release: ReleaseId,
        /// The release before.
        before: ReleaseId,
        /// What it asks for in addition.
        changes: String,
    },
    /// The version is taken by other bytes.
    #[error("{release} was published before, with other bytes ({existing}; sent: {sent})")]
    VersionExists {
        /// The release.
        release: ReleaseId,
        /// Digest of what is there.
        existing: Digest,
        /// Digest of what was sent.
        sent: Digest,
    },
    /// The version was taken down.
    #[error("{release} was taken down by the operator ({reason}), and a version is never used again")]
    TakenDown {
        /// The release.
        release: ReleaseId,
        /// The operator's reason.
        reason: String,
    },
    /// Others publish the same plugin all the time.
    #[error("other releases of the plugin came before {0} again and again; nothing was published")]
    Overtaken(ReleaseId),
    /// The server is stopping.
    #[error("the registry is stopping; nothing was published")]
    ShuttingDown,
    /// The database failed.
    #[error("the database failed")]
    Database(#[from] DatabaseError),
    /// The object store failed, so nothing was published.
    #[error("the package did not arrive whole in the object store; nothing was published")]
    Storage(#[from] StorageError),
    /// The release is stored, but nobody sees it yet.
    #[error("the release is stored, but not shown yet: the log or an index file could not be written")]
    Unshown(#[source] NotWritten),
    /// An older package with the same bytes, which no release held, was removed in the middle of the publish.
    #[error(
        "the package of {0} was swept from the object store while it was published; nothing was published"
    )]
    PackageSwept(ReleaseId),
    /// Something of our own broke.
    #[error("{0}")]
    Broken(String),
}

impl Refusal for PublishError {
    fn code(&self) -> &'static str {
        match self {
            Self::Package(error) => error.code(),
            Self::ManifestDisagrees { .. } => "manifest-disagrees",
            Self::ProfileUnknown { .. } | Self::ProfileNamedUnknown { .. } => "unknown-profile",
            Self::ProfileName(error) => error.code(),
            Self::Inspection(_) => "inspection-refused",
            Self::UnknownDependency { .. } => "unknown-dependency",
            Self::TooManyDependencies { .. } => "too-many-dependencies",
            Self::Signing(error) => error.code(),
            Self::AttestationTooLarge { .. } => "attestation-too-large",
            Self::Entry(error) => error.code(),
            Self::KeyRevoked { .. } => "key-revoked",
            Self::KeyWaiting { .. } => "key-waiting",
            Self::KeyNeedsApproval { .. } => "key-needs-approval",
            Self::StatementDiffers { .. } => "attestation-predicate-differs",
            Self::WideningInPatch { .. } => "widening-in-patch",
            Self::WideningNotAccepted { .. } => "widening-not-accepted",
            Self::VersionExists { .. } => "version-exists",
            Self::TakenDown { .. } => "version-taken-down",
            Self::Overtaken(_) => "busy",
            Self::ShuttingDown => "shutting-down",
            Self::Storage(_) | Self::PackageSwept(_) => "storage-unavailable",
            Self::Unshown(_) => "not-shown-yet",
            Self::Database(_) | Self::Broken(_) => "internal",
        }
    }

    fn mend(&self) -> Option<String> {
        Some(match self {
            Self::Package(error) => return error.mend(),
            Self::Signing(error) => return error.mend(),
            Self::ManifestDisagrees { manifest, .. } => format!(
                "Send it to /api/v1/plugins/{}/{}, or correct plugin.toml and pack again.",
                manifest.plugin.path(),
                manifest.version
            ),
            Self::ProfileName(error) => return error.mend(),
            Self::ProfileNamedUnknown { .. } => "GET /api/v1/profiles lists those there are.".into(),
            Self::ProfileUnknown { .. } => {
                "Correct [host] in plugin.toml, or ask the operator to register the profile.".into()
            }
            Self::UnknownDependency { .. } => {
                "Publish the dependency first, or correct its name under [dependencies].".into()
            }
            Self::TooManyDependencies { .. } => "Depend on fewer plugins.".into(),
            Self::AttestationTooLarge { .. } => {
                "Sign with one key, and give shorter reasons for fewer capabilities.".into()
            }
            Self::Entry(error) => return error.mend(),
            Self::KeyRevoked { .. } => "Enrol a new key and sign with it.".into(),
            Self::KeyWaiting { .. } => {
                "Publish then; or sign with a key that counts, or let one sign this key in: \
                 `pluginry key enroll --endorse-with OLD`."
                    .into()
            }
            Self::KeyNeedsApproval { .. } => {
                "Ask another owner of the namespace or an operator for `pluginry key approve`.".into()
            }
            Self::StatementDiffers { .. } => {
                "Sign the packed file as it is uploaded: `pluginry publish` does both.".into()
            }
            Self::WideningInPatch { .. } => {
                "Raise the minor or major version: a patch never asks for more.".into()
            }
            Self::WideningNotAccepted { .. } => {
                "If that is meant, publish with --accept-widening (form field accept_widening=true).".into()
            }
            Self::VersionExists { .. } => "A version is never reused: raise it.".into(),
            Self::TakenDown { .. } => {
                "Mend what the operator objects to and publish it under a higher version.".into()
            }
            Self::Overtaken(_) | Self::ShuttingDown => "Send it again in a moment.".into(),
            Self::Unshown(_) => {
                "Publish the same package again in a moment: the answer is then the release.".into()
            }
            Self::Storage(_) | Self::PackageSwept(_) => {
                "Publish the same package again in a moment; if it stays, tell the operator.".into()
            }
            Self::Inspection(_) | Self::Database(_) | Self::Broken(_) => return None,
        })
    }
}

impl From<ChangeError> for PublishError {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::VersionExists { release, existing, sent } => {
                Self::VersionExists { release, existing, sent }
            }
            ChangeError::Withheld(
                Withheld::TakenDown { release, reason } | Withheld::Quarantined { release, reason },
            ) => Self::TakenDown { release, reason },
            ChangeError::Overtaken(release) => Self::Overtaken(release),
            ChangeError::KeyRevoked(key_id) => Self::KeyRevoked { key_id: shortened(&key_id) },
            ChangeError::KeyWaiting { key_id, until: Some(until) } => {
                Self::KeyWaiting { key_id: shortened(&key_id), until }
            }
            ChangeError::KeyWaiting { key_id, until: None } => {
                Self::KeyNeedsApproval { key_id: shortened(&key_id) }
            }
            ChangeError::Entry(error) => Self::Entry(error),
            ChangeError::Stopping => Self::ShuttingDown,
            ChangeError::Storage(error) => Self::Storage(error),
            ChangeError::PackageSwept(release) => Self::PackageSwept(release),
            ChangeError::Database(error) => Self::Database(error),
            ChangeError::Missing(release) => Self::Broken(format!("{release} is missing")),
            ChangeError::Unshown(problem) => Self::Unshown(problem),
            ChangeError::Failed(problem) => Self::Broken(problem),
        }
    }
}

fn as_list(names: &[PluginName]) -> String {
    names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// A key id as messages show it.
fn shortened(key_id: &str) -> String {
    key_id.chars().take(12).collect()
}
