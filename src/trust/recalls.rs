//! The recall feed: one signed list of every release hosts must not run and every key that no longer counts.

use serde::{Deserialize, Serialize};

use super::statement::{Kind, StatementError};
use crate::domain::{Digest, Namespace, ReleaseId, Timestamp};
use crate::signing::{Envelope, KeyId, PublicKey, SecretKey};

/// DSSE payload type of a recall feed.
pub const RECALLS_PAYLOAD_TYPE: &str = "application/vnd.pluginry.recalls.v1+json";

/// How long a feed may be believed, in seconds.
pub const RECALLS_LIFE_SECONDS: i64 = 24 * 60 * 60;

const KIND: Kind =
    Kind { what: "recall feed", payload_type: RECALLS_PAYLOAD_TYPE, max_bytes: 3 * 1024 * 1024 };

/// What a registry tells hosts to refuse, at a size of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecallFeed {
    /// When it was signed.
    pub issued_at: Timestamp,
    /// From when on it is not believed any more.
    pub expires_at: Timestamp,
    /// How many entries the log had; a feed of a smaller log is an older one.
    pub tree_size: u64,
    /// Releases that must not run, in the order of the log.
    pub recalls: Vec<RecallItem>,
    /// Keys that no longer count, in the order of the log.
    pub revoked_keys: Vec<RevokedKey>,
}

/// A release that must not run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecallItem {
    /// The release.
    pub release: ReleaseId,
    /// SHA-256 of its package.
    pub digest: Digest,
    /// What the operator did.
    pub kind: RecallKind,
    /// Why.
    pub reason: String,
    /// Log index of the entry that says so.
    pub index: u64,
}

/// What an operator did about a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RecallKind {
    /// Hosts shall stop running it.
    Recall,
    /// It is hidden while it is looked at.
    Quarantine,
    /// Its bytes are deleted.
    Takedown,
}

/// A key that no longer counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevokedKey {
    /// The namespace it signed for.
    pub namespace: Namespace,
    /// The key.
    pub key_id: KeyId,
    /// The log index from which on it counts for nothing.
    pub from_index: u64,
    /// Log index of the revocation.
    pub index: u64,
}

impl RecallFeed {
    /// What it says about a package, if anything: recalls before takedowns before quarantines.
    pub fn item(&self, digest: Digest) -> Option<&RecallItem> {
        let rank = |item: &&RecallItem| match item.kind {
            RecallKind::Recall => 0,
            RecallKind::Takedown => 1,
            RecallKind::Quarantine => 2,
        };
        self.recalls.iter().filter(|item| item.digest == digest).min_by_key(rank)
    }

    /// Whether it is too old to be believed.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        now >= self.expires_at
    }

    /// Whether both say the same, whenever they were signed.
    pub fn has_content_of(&self, other: &Self) -> bool {
        self.recalls == other.recalls && self.revoked_keys == other.revoked_keys
    }
}

/// Signs a feed with the registry key.
pub fn sign_recalls(feed: &RecallFeed, key: &SecretKey) -> Envelope {
    KIND.sign(feed, key)
}

/// Reads a feed that one of the registry's `keys` signed. Whether it is too old is the caller's to ask.
pub fn read_recalls(envelope: &Envelope, keys: &[PublicKey]) -> Result<RecallFeed, StatementError> {
    let feed: RecallFeed = KIND.read(envelope, keys)?;
    let life = feed.expires_at.as_micros().saturating_sub(feed.issued_at.as_micros());
    if !(0..=RECALLS_LIFE_SECONDS * 1_000_000).contains(&life) {
        return Err(KIND.unreadable("it does not expire within a day of its signature"));
    }
    Ok(feed)
}
