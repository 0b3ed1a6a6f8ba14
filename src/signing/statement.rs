//! The author's statement about a release: an in-toto Statement v1 in a DSSE envelope.

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::error::shortened;
use super::{Envelope, KeyId, PAYLOAD_TYPE, PublicKey, SecretKey, SigningError};
use crate::domain::{Capabilities, Digest, ReleaseId};

/// `_type` of an in-toto Statement v1.
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";

/// `predicateType` of an author's release statement.
pub const RELEASE_PREDICATE_TYPE: &str = "https://pluginry.dev/attestation/release/v1";

/// What the author of a release signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseStatement {
    /// The release.
    pub release: ReleaseId,
    /// SHA-256 of the package.
    pub digest: Digest,
    /// SHA-256 of the manifest's canonical JSON.
    pub manifest_digest: Digest,
    /// What the manifest asks for.
    pub capabilities: Capabilities,
}

/// An in-toto Statement v1 as JSON.
#[derive(Serialize, Deserialize)]
pub(crate) struct Statement<Predicate> {
    #[serde(rename = "_type")]
    pub(crate) statement_type: String,
    pub(crate) subject: Vec<Subject>,
    #[serde(rename = "predicateType")]
    pub(crate) predicate_type: String,
    pub(crate) predicate: Predicate,
}

/// What a statement is about.
#[derive(Serialize, Deserialize)]
pub(crate) struct Subject {
    pub(crate) name: String,
    pub(crate) digest: SubjectDigest,
}

/// Its digest, hexadecimal.
#[derive(Serialize, Deserialize)]
pub(crate) struct SubjectDigest {
    pub(crate) sha256: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReleasePredicate {
    manifest_digest: Digest,
    capabilities: Capabilities,
}

impl ReleaseStatement {
    /// The subject name of a release, a package URL: `pkg:pluginry/<namespace>/<name>@<version>`.
    pub fn subject_name(release: &ReleaseId) -> String {
        format!("pkg:pluginry/{}@{}", release.plugin.path(), release.version)
    }

    /// The statement as canonical JSON (RFC 8785).
    pub fn to_canonical_json(&self) -> Vec<u8> {
        let predicate = ReleasePredicate {
            manifest_digest: self.manifest_digest,
            capabilities: self.capabilities.clone(),
        };
        let statement = Statement {
            statement_type: STATEMENT_TYPE.to_owned(),
            subject: vec![Subject {
                name: Self::subject_name(&self.release),
                digest: SubjectDigest { sha256: self.digest.to_hex() },
            }],
            predicate_type: RELEASE_PREDICATE_TYPE.to_owned(),
            predicate,
        };
        serde_json_canonicalizer::to_vec(&statement).expect("a statement holds texts alone")
    }

    /// Reads the statement about `release` from a verified payload.
    fn from_payload(payload: &[u8], release: &ReleaseId) -> Result<Self, SigningError> {
        let not_a_statement = |problem: String| SigningError::NotAStatement { problem };
        let statement: Statement<IgnoredAny> =
            serde_json::from_slice(payload).map_err(|error| not_a_statement(error.to_string()))?;
        if statement.statement_type != STATEMENT_TYPE {
            let found = shortened(&statement.statement_type);
            return Err(not_a_statement(format!("`_type` is {found:?}, not {STATEMENT_TYPE:?}")));
        }
        if statement.predicate_type != RELEASE_PREDICATE_TYPE {
            let found = shortened(&statement.predicate_type);
            return Err(SigningError::WrongPredicateType { found, expected: RELEASE_PREDICATE_TYPE });
        }
        let [subject] = statement.subject.as_slice() else {
            let count = statement.subject.len();
            return Err(not_a_statement(format!("it has {count} subjects, not one")));
        };
        let expected = Self::subject_name(release);
        if subject.name != expected {
            return Err(SigningError::SubjectNameDiffers { found: shortened(&subject.name), expected });
        }
        let digest = Digest::from_hex(&subject.digest.sha256).map_err(|_| {
            not_a_statement("`subject[0].digest.sha256` is not 64 lower-case hexadecimal digits".into())
        })?;
        let predicate = serde_json::from_slice::<Statement<ReleasePredicate>>(payload)
            .map_err(|error| not_a_statement(format!("`predicate`: {error}")))?
            .predicate;
        Ok(Self {
            release: release.clone(),
            digest,
            manifest_digest: predicate.manifest_digest,
            capabilities: predicate.capabilities,
        })
    }
}

/// Signs a release statement.
pub fn sign_release(statement: &ReleaseStatement, key: &SecretKey) -> Envelope {
    Envelope::sign(PAYLOAD_TYPE, statement.to_canonical_json(), key)
}

/// Checks that one of `candidates` signed a statement about `expected_release` with `expected_digest`.
///
/// The signature is checked before the payload is read. Returns what was signed and by which key.
pub fn verify_release(
    envelope: &Envelope,
    candidates: &[PublicKey],
    expected_release: &ReleaseId,
    expected_digest: Digest,
) -> Result<(ReleaseStatement, KeyId), SigningError> {
    if envelope.payload_type() != PAYLOAD_TYPE {
        let found = shortened(envelope.payload_type());
        return Err(SigningError::WrongPayloadType { found, expected: PAYLOAD_TYPE });
    }
    let signer = envelope.verify(candidates)?;
    let statement = ReleaseStatement::from_payload(envelope.payload(), expected_release)?;
    if statement.digest != expected_digest {
        return Err(SigningError::DigestDiffers { found: statement.digest, actual: expected_digest });
    }
    Ok((statement, signer))
}
