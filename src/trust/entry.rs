//! What the log holds: each entry is an in-toto Statement v1 as canonical JSON (RFC 8785), and those bytes are the leaf.
//!
//! From the entries and the packages alone, everything the registry says about a release can be worked out again.

use serde::{Deserialize, Serialize};

use crate::domain::{
    Digest, Namespace, PluginName, Refusal, ReleaseId, Risk, Timestamp, TrustLevel, VerificationState,
    Version,
};
use crate::signing::{Envelope, KeyId, PublicKey, STATEMENT_TYPE};

#[cfg(test)]
mod tests;

/// The most an entry may weigh in bytes: C2SP entry bundles carry a 16-bit length.
pub const ENTRY_MAX_BYTES: usize = 65_535;

const RELEASE_PREFIX: &str = "pkg:pluginry/";
const KEY_PREFIX: &str = "pluginry:key/";
const NAMESPACE_PREFIX: &str = "pluginry:namespace/";
const PROFILE_PREFIX: &str = "pluginry:profile/";

/// Why bytes are not an entry of the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// Over the bound.
    #[error("a log entry of {size_bytes} bytes; at most {ENTRY_MAX_BYTES} are allowed")]
    TooLarge {
        /// Its size.
        size_bytes: usize,
    },
    /// Not a statement of a known kind.
    #[error("not a log entry: {problem}")]
    Unreadable {
        /// What is wrong with it.
        problem: String,
    },
    /// The same content in other bytes than the canonical ones.
    #[error("a log entry that is not canonical JSON")]
    NotCanonical,
}

impl Refusal for EntryError {
    fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "log-entry-too-large",
            Self::Unreadable { .. } => "log-entry-unreadable",
            Self::NotCanonical => "log-entry-not-canonical",
        }
    }

    fn mend(&self) -> Option<String> {
        match self {
            Self::TooLarge { .. } => {
                Some("Shorten what is signed: fewer capabilities, shorter reasons.".into())
            }
            Self::Unreadable { .. } => {
                Some("Use a later version of pluginry, if the registry runs one.".into())
            }
            Self::NotCanonical => None,
        }
    }
}

/// What an entry is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogSubject {
    /// A release and the bytes of its package.
    Release {
        /// The release.
        release: ReleaseId,
        /// SHA-256 of its package.
        digest: Digest,
    },
    /// An author key of a namespace.
    Key {
        /// The namespace.
        namespace: Namespace,
        /// The key.
        key_id: KeyId,
    },
    /// A namespace; its digest is the one of its name.
    Namespace(Namespace),
    /// A host profile and the bytes of its document.
    Profile {
        /// The profile.
        profile: ReleaseId,
        /// SHA-256 of the document as served.
        digest: Digest,
    },
}

/// One entry of the log.
#[derive(Debug, Clone, PartialEq)]
pub struct LogStatement {
    /// What it is about.
    pub subject: LogSubject,
    /// What happened.
    pub event: LogEvent,
}

/// What happened; each has the moment the registry took it in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "predicateType", content = "predicate")]
pub enum LogEvent {
    /// A release was published.
    #[serde(rename = "https://pluginry.dev/log/publish/v1")]
    Publish(PublishEntry),
    /// A verification run ended.
    #[serde(rename = "https://pluginry.dev/log/verdict/v1")]
    Verdict(VerdictEntry),
    /// The author withdrew it from new resolves.
    #[serde(rename = "https://pluginry.dev/log/yank/v1")]
    Yank(Moment),
    /// The author took the withdrawal back.
    #[serde(rename = "https://pluginry.dev/log/unyank/v1")]
    Unyank(Moment),
    /// The author advises against it, or not any more.
    #[serde(rename = "https://pluginry.dev/log/deprecate/v1")]
    Deprecate(Advice),
    /// The operator hides it while it is looked at; without a reason: shows it again.
    #[serde(rename = "https://pluginry.dev/log/quarantine/v1")]
    Quarantine(Advice),
    /// The operator deleted its bytes.
    #[serde(rename = "https://pluginry.dev/log/takedown/v1")]
    Takedown(Advice),
    /// The operator tells hosts to stop running it; without a reason: not any more.
    #[serde(rename = "https://pluginry.dev/log/recall/v1")]
    Recall(Advice),
    /// A key signs for a namespace.
    #[serde(rename = "https://pluginry.dev/log/key-enroll/v1")]
    KeyEnroll(KeyEnrollment),
    /// A key no longer signs for a namespace.
    #[serde(rename = "https://pluginry.dev/log/key-revoke/v1")]
    KeyRevoke(KeyRevocation),
    /// A namespace has other owners than before.
    #[serde(rename = "https://pluginry.dev/log/owner-change/v1")]
    OwnerChange(Owners),
    /// The operator says how far the releases of a namespace are trusted.
    #[serde(rename = "https://pluginry.dev/log/trust/v1")]
    Trust(NamespaceTrust),
    /// A host profile was registered.
    #[serde(rename = "https://pluginry.dev/log/profile/v1")]
    Profile(Moment),
}

/// Content of entries that say nothing but when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Moment {
    /// When.
    pub at: Timestamp,
}

/// Content of entries with words for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Advice {
    /// When.
    pub at: Timestamp,
    /// The words; absent: what was said before no longer holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What the registry took in with a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PublishEntry {
    /// When.
    pub at: Timestamp,
    /// Size of the package in bytes.
    pub size_bytes: u64,
    /// SHA-256 of the manifest's canonical JSON.
    pub manifest_digest: Digest,
    /// The author key that signed it.
    pub signer: KeyId,
    /// The host profile it was inspected against.
    pub profile: PluginName,
    /// Version of that profile.
    pub profile_version: Version,
    /// The highest risk among what it asks for; absent: it asks for nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk: Option<Risk>,
    /// Whether it asks for more than the release before it.
    pub widening: bool,
    /// The author's statement as signed.
    pub attestation: Envelope,
}

/// How a verification run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VerdictEntry {
    /// When.
    pub at: Timestamp,
    /// The state it puts the release in.
    pub state: VerificationState,
    /// The SLSA verification summary, signed by the registry.
    pub summary: Envelope,
}

/// How a key came to sign for a namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KeyEnrollment {
    /// When.
    pub at: Timestamp,
    /// The key.
    pub public_key: PublicKey,
    /// From when on it counts; equal to `at`: at once.
    pub counts_from: Timestamp,
    /// The statement of a key that counted in the namespace and signed it in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endorsement: Option<Envelope>,
    /// The account that enrolled it.
    pub account: String,
    /// Who let it in although no key of the namespace counts any more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approved_by: Vec<String>,
}

/// From where on a key no longer counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KeyRevocation {
    /// When.
    pub at: Timestamp,
    /// The log index from which on the key counts for nothing; absent: the index of this entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_index: Option<u64>,
    /// The account that revoked it.
    pub account: String,
    /// Why, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl KeyEnrollment {
    /// Whether the key counted for an entry behind this one that the registry took in at `at`.
    ///
    /// A key that counts at once does so whatever the clock of another replica says.
    pub fn counts_at(&self, at: Timestamp) -> bool {
        self.counts_from <= self.at || self.counts_from <= at
    }
}

impl KeyRevocation {
    /// The log index from which on the key counts for nothing, for the entry at `own_index`: never behind itself.
    ///
    /// A key may be revoked again from an earlier index: of several entries the lowest index counts.
    pub fn counts_until(&self, own_index: u64) -> u64 {
        self.from_index.map_or(own_index, |index| index.min(own_index))
    }
}

/// Who owns a namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Owners {
    /// When.
    pub at: Timestamp,
    /// Names of the accounts, sorted.
    pub owners: Vec<String>,
}

/// How far the releases of a namespace are trusted from here on, those published before too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamespaceTrust {
    /// When.
    pub at: Timestamp,
    /// The level.
    pub level: TrustLevel,
    /// The account of the operator.
    pub account: String,
}

#[derive(Serialize, Deserialize)]
struct Wire {
    #[serde(rename = "_type")]
    statement_type: String,
    subject: Vec<WireSubject>,
    #[serde(flatten)]
    event: LogEvent,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireSubject {
    name: String,
    digest: WireDigest,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireDigest {
    sha256: String,
}

impl LogStatement {
    /// An entry about a release.
    pub fn of_release(release: &ReleaseId, digest: Digest, event: LogEvent) -> Self {
        Self { subject: LogSubject::Release { release: release.clone(), digest }, event }
    }

    /// An entry about a key.
    pub fn of_key(namespace: &Namespace, key_id: KeyId, event: LogEvent) -> Self {
        Self { subject: LogSubject::Key { namespace: namespace.clone(), key_id }, event }
    }

    /// The leaf of the log.
    pub fn to_bytes(&self) -> Result<Vec<u8>, EntryError> {
        let (name, digest) = self.subject.wire();
        let wire = Wire {
            statement_type: STATEMENT_TYPE.to_owned(),
            subject: vec![WireSubject { name, digest: WireDigest { sha256: digest.to_hex() } }],
            event: self.event.clone(),
        };
        let bytes = serde_json_canonicalizer::to_vec(&wire).expect("an entry has text keys only");
        if bytes.len() > ENTRY_MAX_BYTES {
            return Err(EntryError::TooLarge { size_bytes: bytes.len() });
        }
        Ok(bytes)
    }

    /// Reads a leaf. What cannot be written this way again is refused.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, EntryError> {
        let unreadable = |problem: String| EntryError::Unreadable { problem };
        if bytes.len() > ENTRY_MAX_BYTES {
            return Err(EntryError::TooLarge { size_bytes: bytes.len() });
        }
        let wire: Wire = serde_json::from_slice(bytes).map_err(|error| unreadable(error.to_string()))?;
        if wire.statement_type != STATEMENT_TYPE {
            return Err(unreadable("`_type` is not an in-toto Statement v1".into()));
        }
        let [subject] = wire.subject.as_slice() else {
            return Err(unreadable(format!("it has {} subjects, not one", wire.subject.len())));
        };
        let digest =
            Digest::from_hex(&subject.digest.sha256).map_err(|error| unreadable(error.to_string()))?;
        let subject = LogSubject::read(&subject.name, digest).map_err(unreadable)?;
        let statement = Self { subject, event: wire.event };
        if !statement.fits() {
            return Err(unreadable(format!("`{}` about another kind of subject", statement.kind())));
        }
        if statement.to_bytes()? != bytes {
            return Err(EntryError::NotCanonical);
        }
        Ok(statement)
    }

    /// What happened, in one word, as the database and the pages call it.
    pub fn kind(&self) -> &'static str {
        match self.event {
            LogEvent::Publish(_) => "publish",
            LogEvent::Verdict(_) => "verdict",
            LogEvent::Yank(_) => "yank",
            LogEvent::Unyank(_) => "unyank",
            LogEvent::Deprecate(_) => "deprecate",
            LogEvent::Quarantine(_) => "quarantine",
            LogEvent::Takedown(_) => "takedown",
            LogEvent::Recall(_) => "recall",
            LogEvent::KeyEnroll(_) => "key-enroll",
            LogEvent::KeyRevoke(_) => "key-revoke",
            LogEvent::OwnerChange(_) => "owner-change",
            LogEvent::Trust(_) => "trust",
            LogEvent::Profile(_) => "profile",
        }
    }

    /// When the registry took it in.
    pub fn at(&self) -> Timestamp {
        match &self.event {
            LogEvent::Publish(entry) => entry.at,
            LogEvent::Verdict(entry) => entry.at,
            LogEvent::Yank(entry) | LogEvent::Unyank(entry) | LogEvent::Profile(entry) => entry.at,
            LogEvent::Deprecate(entry)
            | LogEvent::Quarantine(entry)
            | LogEvent::Takedown(entry)
            | LogEvent::Recall(entry) => entry.at,
            LogEvent::KeyEnroll(entry) => entry.at,
            LogEvent::KeyRevoke(entry) => entry.at,
            LogEvent::OwnerChange(entry) => entry.at,
            LogEvent::Trust(entry) => entry.at,
        }
    }

    fn fits(&self) -> bool {
        match (&self.subject, &self.event) {
            (LogSubject::Key { key_id, .. }, LogEvent::KeyEnroll(entry)) => entry.public_key.id() == *key_id,
            (LogSubject::Key { .. }, LogEvent::KeyRevoke(_))
            | (LogSubject::Namespace(_), LogEvent::OwnerChange(_) | LogEvent::Trust(_))
            | (LogSubject::Profile { .. }, LogEvent::Profile(_)) => true,
            (LogSubject::Release { .. }, event) => !matches!(
                event,
                LogEvent::KeyEnroll(_)
                    | LogEvent::KeyRevoke(_)
                    | LogEvent::OwnerChange(_)
                    | LogEvent::Trust(_)
                    | LogEvent::Profile(_)
            ),
            _ => false,
        }
    }
}

impl LogSubject {
    /// The subject as the database looks it up: `acme:markdown@1.2.0`, `acme/<key id>`, `acme`.
    pub fn to_key(&self) -> String {
        match self {
            Self::Release { release, .. } => release.to_string(),
            Self::Key { namespace, key_id } => format!("{namespace}/{key_id}"),
            Self::Namespace(namespace) => namespace.to_string(),
            Self::Profile { profile, .. } => format!("profile {profile}"),
        }
    }

    fn wire(&self) -> (String, Digest) {
        match self {
            Self::Release { release, digest } => {
                (format!("{RELEASE_PREFIX}{}@{}", release.plugin.path(), release.version), *digest)
            }
            Self::Key { namespace, key_id } => {
                let digest = Digest::from_hex(&key_id.to_hex()).expect("a key id is a digest");
                (format!("{KEY_PREFIX}{namespace}"), digest)
            }
            Self::Namespace(namespace) => {
                (format!("{NAMESPACE_PREFIX}{namespace}"), Digest::of(namespace.as_str().as_bytes()))
            }
            Self::Profile { profile, digest } => {
                (format!("{PROFILE_PREFIX}{}@{}", profile.plugin.path(), profile.version), *digest)
            }
        }
    }

    fn read(name: &str, digest: Digest) -> Result<Self, String> {
        let release = |path: &str| path.replacen('/', ":", 1).parse::<ReleaseId>().map_err(|e| e.to_string());
        let namespace = |name: &str| name.parse::<Namespace>().map_err(|error| error.to_string());
        if let Some(path) = name.strip_prefix(RELEASE_PREFIX) {
            return Ok(Self::Release { release: release(path)?, digest });
        }
        if let Some(path) = name.strip_prefix(PROFILE_PREFIX) {
            return Ok(Self::Profile { profile: release(path)?, digest });
        }
        if let Some(owner) = name.strip_prefix(KEY_PREFIX) {
            let key_id = digest.to_hex().parse().expect("a digest reads as a key id");
            return Ok(Self::Key { namespace: namespace(owner)?, key_id });
        }
        if let Some(owner) = name.strip_prefix(NAMESPACE_PREFIX) {
            let namespace = namespace(owner)?;
            return match Digest::of(namespace.as_str().as_bytes()) == digest {
                true => Ok(Self::Namespace(namespace)),
                false => Err("the digest is not the one of the namespace's name".into()),
            };
        }
        Err(format!("an unknown subject {:?}", name.chars().take(80).collect::<String>()))
    }
}
