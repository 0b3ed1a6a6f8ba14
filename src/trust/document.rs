//! The trust document: the keys of a registry, and the chain of signatures by which each version follows from the
//! one before.
//!
//! Whoever pinned one version can follow every later one without asking anybody. Fetching and remembering belong
//! to the client.

use serde::{Deserialize, Serialize};

use super::statement::{Kind, StatementError, shortened};
use crate::domain::{Refusal, Timestamp};
use crate::log::{NoteVerifier, SignatureKind, is_key_name};
use crate::signing::{Envelope, PublicKey, SecretKey};

/// DSSE payload type of a trust document.
pub const TRUST_PAYLOAD_TYPE: &str = "application/vnd.pluginry.trust.v1+json";

/// The most versions of a chain that are read.
pub const TRUST_VERSIONS_MAX: usize = 256;

/// The most keys of one kind in a document.
const KEYS_MAX: usize = 64;

const KIND: Kind = Kind { what: "trust document", payload_type: TRUST_PAYLOAD_TYPE, max_bytes: 64 * 1024 };

/// Which keys stand for a registry, from one version on.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "WireDocument")]
pub struct TrustDocument {
    /// 1 for the first.
    pub version: u64,
    /// The name of the log, the same in every version.
    pub origin: String,
    /// When it was signed.
    pub issued_at: Timestamp,
    /// Keys that sign checkpoints, the oldest first.
    pub log_keys: Vec<DatedKey>,
    /// Keys that sign verdicts, standings, recall feeds and trust documents, the oldest first.
    pub registry_keys: Vec<DatedKey>,
    /// Witnesses whose cosignatures count.
    pub witnesses: Vec<NoteVerifier>,
    /// How many of them a checkpoint needs.
    pub witness_quorum: usize,
}

/// A key and up to where it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatedKey {
    /// The key.
    pub public_key: PublicKey,
    /// The tree size at which it was replaced: for larger trees it does not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retired_at: Option<u64>,
}

impl DatedKey {
    /// A key that counts without end.
    pub fn new(public_key: PublicKey) -> Self {
        Self { public_key, retired_at: None }
    }

    /// Whether it counts for a tree of this size.
    pub fn counts_at(&self, tree_size: u64) -> bool {
        self.retired_at.is_none_or(|retired_at| tree_size <= retired_at)
    }
}

/// The JSON of a document: log keys as vkeys, so that other tools take them as they stand.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireDocument {
    version: u64,
    origin: String,
    issued_at: Timestamp,
    log_keys: Vec<WireLogKey>,
    registry_keys: Vec<DatedKey>,
    witnesses: Vec<NoteVerifier>,
    witness_quorum: usize,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireLogKey {
    vkey: NoteVerifier,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retired_at: Option<u64>,
}

/// Every version of a trust document, the oldest first, as `GET /api/v1/trust` serves it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustChain(pub Vec<Envelope>);

#[derive(Serialize, Deserialize)]
#[serde(expecting = "an object with versions, a list of envelopes")]
struct WireChain<Versions> {
    versions: Versions,
}

/// Why a registry's keys are not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrustChainError {
    /// Not the JSON of a chain.
    #[error("this is not a trust document: {problem}")]
    Malformed {
        /// What is wrong with it.
        problem: String,
    },
    /// A version cannot be read, or has no signature by a key it names itself.
    #[error("version {version} of the trust document: {source}")]
    Version {
        /// Which, counted from 1.
        version: u64,
        /// Why.
        source: StatementError,
    },
    /// A version breaks a rule of the chain.
    #[error("version {version} of the trust document {problem}")]
    BreaksRule {
        /// Which.
        version: u64,
        /// What it does.
        problem: String,
    },
    /// A version that the one before it did not sign.
    #[error("version {version} of the trust document of {origin} is not signed by a key of version {}", version - 1)]
    NotSignedByPrevious {
        /// Which.
        version: u64,
        /// The registry.
        origin: String,
    },
    /// The registry shows another document under the number of the pinned one.
    #[error(
        "the trust document of {origin} changed: its version {version} is not the one that was pinned here"
    )]
    Changed {
        /// The pinned version.
        version: u64,
        /// The registry as it was pinned.
        origin: String,
    },
    /// The registry shows an older document than the pinned one.
    #[error(
        "the trust document of {origin} went back: version {pinned} is pinned here, {newest} is the newest it shows"
    )]
    RolledBack {
        /// The registry.
        origin: String,
        /// The pinned version.
        pinned: u64,
        /// The newest version shown.
        newest: u64,
    },
}

impl Refusal for TrustChainError {
    fn code(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "trust-malformed",
            Self::Version { .. } => "trust-version-refused",
            Self::BreaksRule { .. } => "trust-rule-broken",
            Self::NotSignedByPrevious { .. } | Self::Changed { .. } => "trust-changed",
            Self::RolledBack { .. } => "trust-rolled-back",
        }
    }

    fn mend(&self) -> Option<String> {
        Some(match self {
            Self::Malformed { .. } => "Pass what the registry answers at /api/v1/trust.".into(),
            Self::Version { .. } | Self::BreaksRule { .. } => {
                "Do not use this registry before its operator has explained it.".into()
            }
            Self::NotSignedByPrevious { .. } | Self::Changed { .. } => {
                "Do not go on: ask the operator, by another way than this registry, whether its keys are these. Only then forget the pinned ones.".into()
            }
            Self::RolledBack { .. } => {
                "Do not go on: somebody shows an old answer, or the registry was restored from an old copy. Ask its operator.".into()
            }
        })
    }
}

impl TrustDocument {
    /// Signs the document with each of `keys`: the registry key of the version before, and its own.
    pub fn sign(&self, keys: &[&SecretKey]) -> Envelope {
        let (first, others) = keys.split_first().expect("somebody signs");
        others.iter().fold(KIND.sign(self, first), |envelope, key| envelope.and_sign(key))
    }

    /// The log keys that count for the largest trees.
    pub fn log_verifiers(&self) -> Vec<NoteVerifier> {
        self.log_verifiers_where(|key| key.retired_at.is_none())
    }

    /// The log keys that count for a checkpoint of this tree size.
    pub fn log_verifiers_at(&self, tree_size: u64) -> Vec<NoteVerifier> {
        self.log_verifiers_where(|key| key.counts_at(tree_size))
    }

    fn log_verifiers_where(&self, counts: impl Fn(&DatedKey) -> bool) -> Vec<NoteVerifier> {
        let keys = self.log_keys.iter().filter(|key| counts(key));
        keys.filter_map(|key| NoteVerifier::of_log(&self.origin, key.public_key).ok()).collect()
    }

    /// The registry keys that are not replaced: for feeds and standings of now.
    pub fn registry_keys(&self) -> Vec<PublicKey> {
        let keys = self.registry_keys.iter().filter(|key| key.retired_at.is_none());
        keys.map(|key| key.public_key).collect()
    }

    /// The registry keys that counted when the log had this many entries: for a verdict at index `tree_size - 1`.
    pub fn registry_keys_at(&self, tree_size: u64) -> Vec<PublicKey> {
        let keys = self.registry_keys.iter().filter(|key| key.counts_at(tree_size));
        keys.map(|key| key.public_key).collect()
    }

    /// The witnesses whose cosignatures count.
    pub fn witness_verifiers(&self) -> Vec<NoteVerifier> {
        self.witnesses.clone()
    }

    /// Reads one version, signed by a key it names itself.
    fn read(envelope: &Envelope) -> Result<Self, StatementError> {
        // Which key must sign stands in the payload, so here the payload is parsed first and believed after.
        KIND.check_form(envelope)?;
        let document: Self = KIND.parse(envelope)?;
        KIND.check_signature(envelope, &document.registry_keys())?;
        Ok(document)
    }

    /// Refuses a next version that no key of this one signed.
    fn check_signed_next(&self, version: u64, next: &Envelope) -> Result<(), TrustChainError> {
        match KIND.check_signature(next, &self.registry_keys()) {
            Ok(()) => Ok(()),
            Err(StatementError::UnknownSigner { .. } | StatementError::BadSignature { .. }) => {
                Err(TrustChainError::NotSignedByPrevious { version, origin: self.origin.clone() })
            }
            Err(source) => Err(TrustChainError::Version { version, source }),
        }
    }

    /// What this version does that the one before forbids.
    fn broken_rule(&self, before: &Self) -> Option<String> {
        if self.origin != before.origin {
            return Some(format!(
                "renames the registry from {} to {}",
                before.origin,
                shortened(&self.origin)
            ));
        }
        let dropped = first_dropped(&before.log_keys, &self.log_keys)
            .or_else(|| first_dropped(&before.registry_keys, &self.registry_keys));
        dropped.map(|key| format!("drops or revives the key {}, which may only be retired", key.id().short()))
    }
}

/// The first key of `before` that is missing in `after`, or whose retirement was taken back.
fn first_dropped(before: &[DatedKey], after: &[DatedKey]) -> Option<PublicKey> {
    let stays = |old: &&DatedKey| {
        after.iter().any(|new| {
            new.public_key == old.public_key && (old.retired_at.is_none() || new.retired_at == old.retired_at)
        })
    };
    before.iter().find(|key| !stays(key)).map(|key| key.public_key)
}

impl Serialize for TrustDocument {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let vkey = |key: &DatedKey| {
            let vkey = NoteVerifier::of_log(&self.origin, key.public_key);
            vkey.map(|vkey| WireLogKey { vkey, retired_at: key.retired_at })
        };
        let log_keys = self.log_keys.iter().map(vkey).collect::<Result<_, _>>();
        let wire = WireDocument {
            version: self.version,
            origin: self.origin.clone(),
            issued_at: self.issued_at,
            log_keys: log_keys.map_err(serde::ser::Error::custom)?,
            registry_keys: self.registry_keys.clone(),
            witnesses: self.witnesses.clone(),
            witness_quorum: self.witness_quorum,
        };
        wire.serialize(serializer)
    }
}

impl TryFrom<WireDocument> for TrustDocument {
    type Error = String;

    fn try_from(wire: WireDocument) -> Result<Self, String> {
        if !is_key_name(&wire.origin) {
            return Err("`origin` cannot be the name of a log".into());
        }
        let is_log_key =
            |key: &WireLogKey| key.vkey.name() == wire.origin && key.vkey.kind() == SignatureKind::Ed25519;
        if !wire.log_keys.iter().all(is_log_key) {
            return Err("a vkey in `log_keys` is not an Ed25519 key under the name of `origin`".into());
        }
        let log_keys = wire
            .log_keys
            .iter()
            .map(|key| DatedKey { public_key: key.vkey.public_key(), retired_at: key.retired_at });
        let log_keys: Vec<DatedKey> = log_keys.collect();
        check_keys(&log_keys).map_err(|problem| format!("`log_keys`: {problem}"))?;
        check_keys(&wire.registry_keys).map_err(|problem| format!("`registry_keys`: {problem}"))?;
        let witnesses = &wire.witnesses;
        if witnesses.len() > KEYS_MAX || witnesses.iter().any(|key| key.kind() != SignatureKind::Cosignature)
        {
            return Err(format!("`witnesses` are not at most {KEYS_MAX} cosignature keys"));
        }
        if wire.witness_quorum > witnesses.len() {
            return Err("`witness_quorum` is more than there are witnesses".into());
        }
        Ok(Self {
            version: wire.version,
            origin: wire.origin,
            issued_at: wire.issued_at,
            log_keys,
            registry_keys: wire.registry_keys,
            witnesses: wire.witnesses,
            witness_quorum: wire.witness_quorum,
        })
    }
}

fn check_keys(keys: &[DatedKey]) -> Result<(), String> {
    if keys.len() > KEYS_MAX {
        return Err(format!("{} keys; at most {KEYS_MAX} are read", keys.len()));
    }
    if keys.iter().all(|key| key.retired_at.is_some()) {
        return Err("no key counts any more".into());
    }
    let is_repeated =
        |(at, key): (usize, &DatedKey)| keys[..at].iter().any(|earlier| earlier.public_key == key.public_key);
    if keys.iter().enumerate().any(is_repeated) {
        return Err("a key is listed twice".into());
    }
    Ok(())
}

impl TrustChain {
    /// Reads the JSON of a chain. Verifies nothing.
    pub fn from_json(json: &[u8]) -> Result<Self, TrustChainError> {
        serde_json::from_slice(json)
            .map_err(|error| TrustChainError::Malformed { problem: error.to_string() })
    }

    /// The chain as JSON.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("envelopes have text keys")
    }

    /// The newest document of a chain nobody pinned yet: each version signed by itself and by the one before.
    pub fn verify(&self) -> Result<TrustDocument, TrustChainError> {
        let mut documents = self.documents()?;
        Ok(documents.pop().expect("a chain has at least one version"))
    }

    /// The newest document, if it follows from the pinned one: every step signed by a key of the step before.
    pub fn follow(&self, pinned: &TrustDocument) -> Result<TrustDocument, TrustChainError> {
        let mut documents = self.documents()?;
        let origin = pinned.origin.clone();
        match documents.iter().find(|document| document.version == pinned.version) {
            Some(document) if document == pinned => {
                Ok(documents.pop().expect("a chain has at least one version"))
            }
            Some(_) => Err(TrustChainError::Changed { version: pinned.version, origin }),
            None => Err(TrustChainError::RolledBack {
                origin,
                pinned: pinned.version,
                newest: documents.last().map_or(0, |document| document.version),
            }),
        }
    }

    /// Every version, each checked against the one before; at least one.
    pub fn documents(&self) -> Result<Vec<TrustDocument>, TrustChainError> {
        if self.0.is_empty() || self.0.len() > TRUST_VERSIONS_MAX {
            let problem = format!("it has {} versions, not 1 to {TRUST_VERSIONS_MAX}", self.0.len());
            return Err(TrustChainError::Malformed { problem });
        }
        let mut documents: Vec<TrustDocument> = Vec::with_capacity(self.0.len());
        for (version, envelope) in (1..).zip(&self.0) {
            if let Some(before) = documents.last() {
                before.check_signed_next(version, envelope)?;
            }
            let document = TrustDocument::read(envelope)
                .map_err(|source| TrustChainError::Version { version, source })?;
            if document.version != version {
                let problem = format!("calls itself version {}", document.version);
                return Err(TrustChainError::BreaksRule { version, problem });
            }
            if let Some(problem) = documents.last().and_then(|before| document.broken_rule(before)) {
                return Err(TrustChainError::BreaksRule { version, problem });
            }
            documents.push(document);
        }
        Ok(documents)
    }
}

impl Serialize for TrustChain {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        WireChain { versions: &self.0 }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for TrustChain {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        WireChain::deserialize(deserializer).map(|wire| Self(wire.versions))
    }
}
