//! What a registry says now about a release, so that an old answer cannot hide a yank or a recall.

use serde::{Deserialize, Serialize};

use super::statement::{Kind, ReleaseKind, StatementError};
use crate::domain::{Digest, ReleaseId, Timestamp, VerificationState};
use crate::log::Hash;
use crate::signing::{Envelope, PublicKey, SecretKey};

/// `predicateType` of a standing.
pub const STANDING_PREDICATE_TYPE: &str = "https://pluginry.dev/standing/v1";

const KIND: ReleaseKind =
    ReleaseKind { kind: Kind::statement("standing", 16 * 1024), predicate_type: STANDING_PREDICATE_TYPE };

/// The state of a release at a size of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The release.
    pub release: ReleaseId,
    /// SHA-256 of its package.
    pub digest: Digest,
    /// How many entries the log has.
    pub tree_size: u64,
    /// The root of the log at that size.
    pub root: Hash,
    /// When it was signed.
    pub issued_at: Timestamp,
    /// Where its verification stands.
    pub verification: VerificationState,
    /// Whether the author withdrew it from new resolves.
    pub yanked: bool,
    /// The author's advice against it.
    pub deprecated: Option<String>,
    /// Why the operator hides it.
    pub quarantined: Option<String>,
    /// Why the operator deleted its bytes.
    pub taken_down: Option<String>,
    /// Why the operator tells hosts to stop running it.
    pub recalled: Option<String>,
    /// The log index from which on its signer's key counts for nothing.
    pub signer_revoked_from: Option<u64>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Predicate {
    tree_size: u64,
    root: Hash,
    issued_at: Timestamp,
    verification: VerificationState,
    yanked: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deprecated: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    quarantined: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    taken_down: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    recalled: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signer_revoked_from: Option<u64>,
}

impl Standing {
    /// Refuses a standing about another package.
    pub fn check_subject(&self, release: &ReleaseId, digest: Digest) -> Result<(), StatementError> {
        KIND.check_subject((&self.release, self.digest), (release, digest))
    }
}

/// Signs a standing with the registry key.
pub fn sign_standing(standing: &Standing, key: &SecretKey) -> Envelope {
    let predicate = Predicate {
        tree_size: standing.tree_size,
        root: standing.root,
        issued_at: standing.issued_at,
        verification: standing.verification,
        yanked: standing.yanked,
        deprecated: standing.deprecated.clone(),
        quarantined: standing.quarantined.clone(),
        taken_down: standing.taken_down.clone(),
        recalled: standing.recalled.clone(),
        signer_revoked_from: standing.signer_revoked_from,
    };
    KIND.sign(&standing.release, standing.digest, &predicate, key)
}

/// Reads a standing that one of the registry's `keys` signed.
pub fn read_standing(envelope: &Envelope, keys: &[PublicKey]) -> Result<Standing, StatementError> {
    let (release, digest, predicate): (_, _, Predicate) = KIND.read(envelope, keys)?;
    Ok(Standing {
        release,
        digest,
        tree_size: predicate.tree_size,
        root: predicate.root,
        issued_at: predicate.issued_at,
        verification: predicate.verification,
        yanked: predicate.yanked,
        deprecated: predicate.deprecated,
        quarantined: predicate.quarantined,
        taken_down: predicate.taken_down,
        recalled: predicate.recalled,
        signer_revoked_from: predicate.signer_revoked_from,
    })
}
