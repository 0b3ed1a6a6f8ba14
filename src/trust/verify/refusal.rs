//! Why a step of a verification did not pass.

use crate::domain::{CapabilityName, Digest, Refusal, ReleaseId, Scope, Timestamp, VerificationState};
use crate::log::{CheckpointError, ProofError};
use crate::signing::{KeyId, SigningError};
use crate::trust::{EntryError, StatementError};
use crate::wasm::{DeriveError, PackageError};

use super::words::{minute_of, state_word};

/// Why a step did not pass.
#[derive(Debug, thiserror::Error)]
pub enum StepRefusal {
    /// What the step needs could not be had.
    #[error("{problem}")]
    NotObtained {
        /// The stable code of the trouble.
        code: &'static str,
        /// What happened.
        problem: String,
        /// What to do about it.
        mend: Option<String>,
    },
    /// The checkpoint is not the log's.
    #[error("{0}")]
    Checkpoint(#[from] CheckpointError),
    /// Too few witnesses saw the checkpoint.
    #[error("{found} of the registry's witnesses cosigned the checkpoint, {needed} are needed")]
    WitnessesMissing {
        /// How many did.
        found: usize,
        /// How many must.
        needed: usize,
    },
    /// The bundle is older than what is known already.
    #[error(
        "the bundle is of a log of {found} entries, but the log is known to have {known}: it may hide what happened since"
    )]
    Outdated {
        /// Size of the bundle's tree.
        found: u64,
        /// Size of the tree known.
        known: u64,
    },
    /// Two trees of the same size.
    #[error(
        "the log shows two different histories: at {tree_size} entries its root is {found}, known is {known}"
    )]
    Forked {
        /// The size of both.
        tree_size: u64,
        /// The root shown now.
        found: String,
        /// The root known.
        known: String,
    },
    /// An entry is not in the log.
    #[error("the {what} is not in the log at index {index}: {error}")]
    NotLogged {
        /// Which entry.
        what: &'static str,
        /// Where it says it is.
        index: u64,
        /// What the proof says.
        error: ProofError,
    },
    /// An entry that is in the log and cannot be read.
    #[error("the {what} at index {index} of the log cannot be read: {error}")]
    EntryUnreadable {
        /// Which entry.
        what: &'static str,
        /// Where.
        index: u64,
        /// Why.
        error: EntryError,
    },
    /// An entry that is in the log and is about something else.
    #[error("index {index} of the log is not the {what}: it is a `{kind}` of {found}")]
    AnotherEntry {
        /// Which entry it should be.
        what: &'static str,
        /// Where.
        index: u64,
        /// What kind it is.
        kind: &'static str,
        /// What it is about.
        found: String,
    },
    /// Entries in an order in which they cannot have happened.
    #[error(
        "the log has the {later} at index {later_index} and the {earlier} at index {earlier_index}: that is the wrong order"
    )]
    WrongOrder {
        /// The entry that must come first.
        earlier: &'static str,
        /// Where it is.
        earlier_index: u64,
        /// The entry that must come later.
        later: &'static str,
        /// Where it is.
        later_index: u64,
    },
    /// The bundle says something else than the log.
    #[error("the bundle's {what} is not the one that was logged")]
    BundleDiffers {
        /// Which part.
        what: &'static str,
    },
    /// More or fewer bytes than were logged or locked.
    #[error("the package has {found} bytes, {expected} were {by}")]
    SizeDiffers {
        /// How many it must have.
        expected: u64,
        /// By whom: `locked` or `logged`.
        by: &'static str,
        /// As received, counted until it was too much.
        found: String,
    },
    /// Other bytes than were logged or locked.
    #[error("the package has digest {found}, {by} was {expected}")]
    DigestDiffers {
        /// The digest it must have.
        expected: Digest,
        /// By whom: `locked` or `logged`.
        by: &'static str,
        /// Of the bytes.
        found: Digest,
    },
    /// The log has other bytes for this release than the lock.
    #[error("the lock pins {locked}, but the log has {logged} for this release")]
    LockDiffers {
        /// By the lock.
        locked: Digest,
        /// By the log.
        logged: Digest,
    },
    /// Not a package.
    #[error("{0}")]
    Package(#[from] PackageError),
    /// A package of another release.
    #[error("the package says that it is {found}")]
    AnotherRelease {
        /// By its manifest or bundle.
        found: ReleaseId,
    },
    /// Something the registry signs does not count.
    #[error("{0}")]
    Statement(#[from] StatementError),
    /// There is no verdict, and there should be one.
    #[error("there is no verdict, but {why}")]
    VerdictMissing {
        /// Why there should be one.
        why: &'static str,
    },
    /// The verdict is not what is needed.
    #[error("the verdict is `{}`, but {why}", state_word(*state))]
    VerdictNotPassed {
        /// What it is.
        state: VerificationState,
        /// Why it is not enough.
        why: &'static str,
    },
    /// The verdict contradicts the entry that carries it, or the release.
    #[error("the verdict's {what} is not the one that was logged")]
    VerdictDiffers {
        /// Which part.
        what: &'static str,
    },
    /// Verified by a policy the host does not accept.
    #[error("it was verified by policy {found}, which is none of those you accept")]
    PolicyDiffers {
        /// The policy of the verdict.
        found: Digest,
    },
    /// Signed by another key than the lock pins.
    #[error("it is signed by key {found}, the lock pins key {expected}")]
    SignerDiffers {
        /// By the lock.
        expected: String,
        /// By the bundle.
        found: String,
    },
    /// Signed by a key the host does not trust for this namespace.
    #[error("it is signed by key {found}, which your trust file does not name for this namespace")]
    SignerNotTrusted {
        /// The key.
        found: KeyId,
    },
    /// The key did not count yet.
    #[error(
        "it was published at {}, but key {} counts only from {}",
        minute_of(*published_at),
        key.short(),
        minute_of(*counts_from)
    )]
    SignerNotYetCounting {
        /// The key.
        key: KeyId,
        /// When the release came into the log.
        published_at: Timestamp,
        /// From when on the key counts.
        counts_from: Timestamp,
    },
    /// The key did not count any more.
    #[error(
        "it was published at index {publish_index} of the log, but key {} counts for nothing from index {revoked_from} on: {by}",
        key.short()
    )]
    SignerRevoked {
        /// The key.
        key: KeyId,
        /// Where the release is.
        publish_index: u64,
        /// From where on the key does not count.
        revoked_from: u64,
        /// Who says so.
        by: String,
    },
    /// The signature does not count.
    #[error("{0}")]
    Signing(#[from] SigningError),
    /// The signed statement says something else than the manifest.
    #[error("the author's statement says {what} that differ from the package's manifest")]
    StatementDiffers {
        /// Which part.
        what: &'static str,
    },
    /// The host's contract is not known here, so the imports cannot be judged.
    #[error("the host profile {profile} is not known to this program")]
    UnknownProfile {
        /// The profile.
        profile: ReleaseId,
    },
    /// The imports do not fit the host's contract.
    #[error("{0}")]
    Imports(Box<DeriveError>),
    /// Something it imports needs a power that its manifest does not ask for.
    #[error("it imports {imports}, which needs `{capability}`, and its manifest does not ask for that")]
    NotDeclared {
        /// The power.
        capability: CapabilityName,
        /// The imports that need it.
        imports: String,
    },
    /// It needs or asks for a power the host did not grant.
    #[error("it needs `{capability}`{because}, which the lock does not grant")]
    NotGranted {
        /// The power.
        capability: CapabilityName,
        /// ` for <imports>`, or nothing.
        because: String,
    },
    /// It asks for a wider scope than the host granted.
    #[error("it asks for `{capability}` ({asked}), granted is only ({granted})")]
    ScopeNotGranted {
        /// The power.
        capability: CapabilityName,
        /// By its manifest.
        asked: Scope,
        /// By the lock.
        granted: Scope,
    },
    /// The registry's standing is older than the checkpoint of the same bundle.
    #[error(
        "the registry's standing is of a log of {found} entries, the bundle's checkpoint has {expected}: it may hide a yank or a recall"
    )]
    StandingOutdated {
        /// Size by the standing.
        found: u64,
        /// Size by the checkpoint.
        expected: u64,
    },
    /// The registry signed a standing that its own log contradicts.
    #[error("the registry's standing says {said}, but its log says {logged}")]
    StandingContradicted {
        /// By the standing.
        said: String,
        /// By the log.
        logged: String,
    },
    /// Published too recently for the host's taste.
    #[error("it was published at {}, {age_hours} hours ago; you ask for at least {min_age_hours}", minute_of(*published_at))]
    TooYoung {
        /// When.
        published_at: Timestamp,
        /// Hours since.
        age_hours: i64,
        /// Hours asked for.
        min_age_hours: u32,
    },
    /// Withdrawn by its author, and not locked.
    #[error("its author yanked it: it should not be chosen any more")]
    Yanked,
    /// The operator took it back.
    #[error("the registry {what} it: {reason}")]
    Withdrawn {
        /// `recalled`, `quarantined` or `took down`.
        what: &'static str,
        /// In the operator's words.
        reason: String,
    },
    /// The recall feed is too old to be believed.
    #[error("the recall feed is too old: it was good until {}", minute_of(*expired_at))]
    RecallsExpired {
        /// Until when it was good.
        expired_at: Timestamp,
    },
}

impl From<DeriveError> for StepRefusal {
    fn from(error: DeriveError) -> Self {
        Self::Imports(Box::new(error))
    }
}

impl Refusal for StepRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::NotObtained { code, .. } => code,
            Self::Checkpoint(error) => error.code(),
            Self::WitnessesMissing { .. } => "witnesses-missing",
            Self::Outdated { .. } => "bundle-outdated",
            Self::Forked { .. } => "log-forked",
            Self::NotLogged { .. } => "not-logged",
            Self::EntryUnreadable { error, .. } => error.code(),
            Self::AnotherEntry { .. } => "another-log-entry",
            Self::WrongOrder { .. } => "log-order-wrong",
            Self::BundleDiffers { .. } => "bundle-differs",
            Self::SizeDiffers { .. } => "size-differs",
            Self::DigestDiffers { .. } => "digest-differs",
            Self::LockDiffers { .. } => "lock-differs",
            Self::Package(error) => error.code(),
            Self::AnotherRelease { .. } => "another-release",
            Self::Statement(error) => error.code(),
            Self::VerdictMissing { .. } => "verdict-missing",
            Self::VerdictNotPassed { .. } => "verdict-not-passed",
            Self::VerdictDiffers { .. } => "verdict-differs",
            Self::PolicyDiffers { .. } => "policy-differs",
            Self::SignerDiffers { .. } => "signer-differs",
            Self::SignerNotTrusted { .. } => "signer-not-trusted",
            Self::SignerNotYetCounting { .. } => "signer-not-yet-counting",
            Self::SignerRevoked { .. } => "signer-revoked",
            Self::Signing(error) => error.code(),
            Self::StatementDiffers { .. } => "statement-differs",
            Self::UnknownProfile { .. } => "unknown-profile",
            Self::Imports(error) => error.code(),
            Self::NotDeclared { .. } => "import-not-declared",
            Self::NotGranted { .. } => "capability-not-granted",
            Self::ScopeNotGranted { .. } => "scope-not-granted",
            Self::StandingOutdated { .. } => "standing-outdated",
            Self::StandingContradicted { .. } => "standing-contradicted",
            Self::TooYoung { .. } => "too-young",
            Self::Yanked => "release-yanked",
            Self::Withdrawn { .. } => "release-withdrawn",
            Self::RecallsExpired { .. } => "recalls-expired",
        }
    }

    fn mend(&self) -> Option<String> {
        let text = match self {
            Self::NotObtained { mend, .. } => return mend.clone(),
            Self::Checkpoint(error) => return error.mend(),
            Self::Statement(error) => return error.mend(),
            Self::Imports(error) => return error.mend(),
            Self::WitnessesMissing { .. } => {
                "Try again in some minutes: witnesses sign a little later than the log. If it stays so, ask the operator."
            }
            Self::Outdated { .. } => {
                "Do not load it: somebody shows an old answer. Fetch again; if it stays so, ask the operator by another way."
            }
            Self::Forked { .. } => {
                "Do not load anything from this registry: it shows you another history than it showed before. Keep both checkpoints, and tell its operator and witnesses."
            }
            Self::UnknownProfile { profile } => {
                return Some(format!(
                    "Give the contract of your host with --profile-file; it must be {profile}. The registry's own copy is not believed."
                ));
            }
            Self::Package(PackageError::TooLarge { .. }) => {
                "Nothing this large is loaded; choose another release."
            }
            Self::VerdictMissing { .. } | Self::VerdictNotPassed { .. } => {
                "Do not load it. Choose a release that passed, or wait until the registry has verified this one."
            }
            Self::PolicyDiffers { .. } => {
                "Read that policy at the registry; if you accept it, name its digest with --policy-digest."
            }
            Self::NotGranted { .. } | Self::ScopeNotGranted { .. } => {
                "Do not load it. If the power is meant to be given, resolve again with a matching --grant."
            }
            Self::SignerNotTrusted { .. } => {
                "If you know the author's key, add it to the trust file; otherwise do not load it."
            }
            Self::SignerNotYetCounting { .. } | Self::SignerRevoked { .. } => {
                "Do not load it: whoever holds that key may not be the author. Choose a release signed by a key that counts."
            }
            Self::TooYoung { .. } => "Wait, or choose an older release.",
            Self::Yanked => {
                "Choose another release. To check it all the same, give `pluginry verify` --accept-yanked."
            }
            Self::Withdrawn { .. } => {
                "Do not run it, and stop it where it runs. Resolve again for another release."
            }
            Self::RecallsExpired { .. } => {
                "Bring a fresh feed from the registry's /api/v1/recalls and give it with --recalls."
            }
            _ => {
                "Do not load it: what was received is not what was logged, locked or signed. Tell the registry's operator."
            }
        };
        Some(text.into())
    }
}
