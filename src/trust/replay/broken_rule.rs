//! The rules an entry can break, each as a sentence.

use crate::domain::{Digest, Namespace, Refusal, ReleaseId, Timestamp};
use crate::signing::{KeyId, SigningError};

/// A rule of the registry that an entry of its log breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BrokenRule {
    /// The namespace was never given to anybody.
    #[error("nobody owns the namespace {namespace} at this place of the log")]
    NamespaceUnowned {
        /// The namespace.
        namespace: Namespace,
    },
    /// A namespace loses its last owner.
    #[error("it leaves the namespace {namespace} without an owner")]
    NoOwner {
        /// The namespace.
        namespace: Namespace,
    },
    /// Owners twice or out of order.
    #[error("the owners of {namespace} are not sorted, each once")]
    OwnersUnsorted {
        /// The namespace.
        namespace: Namespace,
    },
    /// A key comes a second time.
    #[error("the key {key_id} was enrolled for {namespace} before; a key never comes back")]
    KeyTwice {
        /// The namespace.
        namespace: Namespace,
        /// The key.
        key_id: KeyId,
    },
    /// The endorsement is not by a key that counts, or not about this key.
    #[error("the endorsement of the key {key_id} for {namespace} does not hold: {problem}")]
    Endorsement {
        /// The namespace.
        namespace: Namespace,
        /// The key.
        key_id: KeyId,
        /// What is wrong with it.
        problem: String,
    },
    /// A further key counts at once although no key of the namespace let it in.
    #[error("the key {key_id} counts for {namespace} at once although no key of the namespace endorsed it")]
    KeyCountsTooSoon {
        /// The namespace.
        namespace: Namespace,
        /// The key.
        key_id: KeyId,
    },
    /// A namespace without a counting key got one that nobody else approved.
    #[error(
        "the key {key_id} recovers the namespace {namespace}, which no key counts for, and nobody approved it"
    )]
    RecoveryNotApproved {
        /// The namespace.
        namespace: Namespace,
        /// The key.
        key_id: KeyId,
    },
    /// A revocation of a key that is not there or revoked before.
    #[error("the namespace {namespace} has no key {key_id} that could be revoked here")]
    NothingToRevoke {
        /// The namespace.
        namespace: Namespace,
        /// The key.
        key_id: KeyId,
    },
    /// A revocation that begins behind its own entry.
    #[error("it revokes the key {key_id} of {namespace} from index {from_index} on, which is behind it")]
    RevokedFromLater {
        /// The namespace.
        namespace: Namespace,
        /// The key.
        key_id: KeyId,
        /// The index named.
        from_index: u64,
    },
    /// A version published again.
    #[error("{release} was published before, at index {first}; a version is never used twice")]
    VersionTwice {
        /// The release.
        release: ReleaseId,
        /// The index of the first publish.
        first: u64,
    },
    /// The signer is no key of the namespace.
    #[error("its signer {key_id} was not enrolled for {namespace} at this place of the log")]
    SignerNotEnrolled {
        /// The namespace.
        namespace: Namespace,
        /// The key.
        key_id: KeyId,
    },
    /// The signer was revoked.
    #[error("its signer {key_id} counts for nothing in {namespace} from index {from_index} on")]
    SignerRevoked {
        /// The namespace.
        namespace: Namespace,
        /// The key.
        key_id: KeyId,
        /// From where on.
        from_index: u64,
    },
    /// The signer is still waiting.
    #[error("its signer {key_id} counts for {namespace} from {counts_from} on, and it was published at {at}")]
    SignerWaiting {
        /// The namespace.
        namespace: Namespace,
        /// The key.
        key_id: KeyId,
        /// From when on.
        counts_from: Timestamp,
        /// When it was used.
        at: Timestamp,
    },
    /// The author's statement does not hold.
    #[error("the author's statement about {release} does not hold: {problem}")]
    Attestation {
        /// The release.
        release: ReleaseId,
        /// What is wrong with it.
        problem: Box<SigningError>,
    },
    /// The author signed another manifest.
    #[error("the author of {release} signed a manifest with {signed}, the entry names {logged}")]
    ManifestDigestDiffers {
        /// The release.
        release: ReleaseId,
        /// What the author signed.
        signed: Digest,
        /// What the entry says.
        logged: Digest,
    },
    /// An event about a release that was never published.
    #[error("{release} was never published before it")]
    ReleaseUnknown {
        /// The release.
        release: ReleaseId,
    },
    /// An event about other bytes.
    #[error("it is about {found}, but {release} was published as {expected}")]
    DigestDiffers {
        /// The release.
        release: ReleaseId,
        /// The published digest.
        expected: Digest,
        /// The digest of the entry.
        found: Digest,
    },
    /// A profile registered again.
    #[error("the host profile {profile} was registered before; a profile never changes")]
    ProfileTwice {
        /// The profile.
        profile: ReleaseId,
    },
}

impl Refusal for BrokenRule {
    fn code(&self) -> &'static str {
        match self {
            Self::NamespaceUnowned { .. } => "namespace-unowned",
            Self::NoOwner { .. } | Self::OwnersUnsorted { .. } => "owners-wrong",
            Self::KeyTwice { .. } => "key-twice",
            Self::Endorsement { .. } => "endorsement-wrong",
            Self::KeyCountsTooSoon { .. } => "key-counts-too-soon",
            Self::RecoveryNotApproved { .. } => "recovery-not-approved",
            Self::NothingToRevoke { .. } | Self::RevokedFromLater { .. } => "revocation-wrong",
            Self::VersionTwice { .. } => "version-twice",
            Self::SignerNotEnrolled { .. } => "signer-not-enrolled",
            Self::SignerRevoked { .. } => "signer-revoked",
            Self::SignerWaiting { .. } => "signer-waiting",
            Self::Attestation { .. } | Self::ManifestDigestDiffers { .. } => "attestation-wrong",
            Self::ReleaseUnknown { .. } => "release-unknown",
            Self::DigestDiffers { .. } => "entry-digest-differs",
            Self::ProfileTwice { .. } => "profile-twice",
        }
    }
}
