//! A key that counts signs a new one in: an in-toto Statement v1 in a DSSE envelope, about one key of one namespace.

use serde::{Deserialize, Serialize};

use super::error::shortened;
use super::statement::{Statement, Subject, SubjectDigest};
use super::{Envelope, KeyId, PAYLOAD_TYPE, PublicKey, STATEMENT_TYPE, SecretKey, SigningError};
use crate::domain::{Namespace, Refusal};

/// `predicateType` of an endorsement.
pub const ENDORSEMENT_PREDICATE_TYPE: &str = "https://pluginry.dev/attestation/key-endorsement/v1";

const SUBJECT_PREFIX: &str = "pluginry:key/";

/// Why an endorsement does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndorsementError {
    /// Not a DSSE envelope around such a statement.
    #[error("the endorsement cannot be read: {problem}")]
    Unreadable {
        /// What is wrong with it.
        problem: String,
    },
    /// A statement of another kind, which must not be replayed as an endorsement.
    #[error("the endorsement's predicate type is {found:?}, not {ENDORSEMENT_PREDICATE_TYPE:?}")]
    WrongPredicateType {
        /// As given, cut to a bounded length.
        found: String,
    },
    /// It is for another namespace.
    #[error("the endorsement is for the namespace {found}, not for {expected}")]
    OtherNamespace {
        /// As signed, cut to a bounded length.
        found: String,
        /// Where it was sent.
        expected: Namespace,
    },
    /// It is for another key.
    #[error("the endorsement is for the key {found}, not for {expected}")]
    OtherKey {
        /// As signed, shortened.
        found: String,
        /// The key that is to be enrolled, shortened.
        expected: String,
    },
    /// No key that counts in the namespace signed it.
    #[error(
        "the endorsement carries no signature by a key that counts in {namespace} (signed by: {signers})"
    )]
    UnknownSigner {
        /// The namespace.
        namespace: Namespace,
        /// The key ids the envelope names, shortened.
        signers: String,
    },
    /// A signature claims a key that counts, and does not verify.
    #[error("the endorsement's signature by key {key_id} does not verify")]
    BadSignature {
        /// The key it claims, shortened.
        key_id: String,
    },
}

impl Refusal for EndorsementError {
    fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "endorsement-unreadable",
            Self::WrongPredicateType { .. } => "endorsement-wrong-predicate-type",
            Self::OtherNamespace { .. } => "endorsement-other-namespace",
            Self::OtherKey { .. } => "endorsement-other-key",
            Self::UnknownSigner { .. } => "endorsement-unknown-signer",
            Self::BadSignature { .. } => "endorsement-bad-signature",
        }
    }

    fn mend(&self) -> Option<String> {
        Some(match self {
            Self::UnknownSigner { .. } => {
                "Let a key endorse it that counts now: neither revoked nor waiting; without an endorsement the \
                 key is enrolled too, and waits."
                    .into()
            }
            _ => "`pluginry key enroll --endorse-with OLD` writes and sends the right one.".into(),
        })
    }
}

/// What a key that counts says about a new one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyEndorsement {
    /// The namespace the new key may sign for.
    pub namespace: Namespace,
    /// The new key.
    pub public_key: PublicKey,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct EndorsementPredicate {
    namespace: String,
    public_key: String,
}

impl KeyEndorsement {
    /// The statement as canonical JSON (RFC 8785).
    ///
    /// Its subject is the key of the namespace, as in the log: `pluginry:key/<namespace>` with the key id as digest.
    pub fn to_canonical_json(&self) -> Vec<u8> {
        let statement = Statement {
            statement_type: STATEMENT_TYPE.to_owned(),
            subject: vec![Subject {
                name: subject_name(&self.namespace),
                digest: SubjectDigest { sha256: self.public_key.id().to_hex() },
            }],
            predicate_type: ENDORSEMENT_PREDICATE_TYPE.to_owned(),
            predicate: EndorsementPredicate {
                namespace: self.namespace.to_string(),
                public_key: self.public_key.to_string(),
            },
        };
        serde_json_canonicalizer::to_vec(&statement).expect("a statement holds texts alone")
    }

    /// Checks that a verified payload says this, about this key of this namespace and no other.
    fn is_said_by(&self, payload: &[u8]) -> Result<(), EndorsementError> {
        let unreadable = |problem: String| EndorsementError::Unreadable { problem };
        let kind: Statement<serde::de::IgnoredAny> =
            serde_json::from_slice(payload).map_err(|error| unreadable(error.to_string()))?;
        if kind.statement_type != STATEMENT_TYPE {
            return Err(unreadable(format!("`_type` is not {STATEMENT_TYPE:?}")));
        }
        if kind.predicate_type != ENDORSEMENT_PREDICATE_TYPE {
            return Err(EndorsementError::WrongPredicateType { found: shortened(&kind.predicate_type) });
        }
        let said: Statement<EndorsementPredicate> =
            serde_json::from_slice(payload).map_err(|error| unreadable(format!("`predicate`: {error}")))?;
        let [subject] = said.subject.as_slice() else {
            return Err(unreadable(format!("it has {} subjects, not one", said.subject.len())));
        };
        if said.predicate.namespace != self.namespace.as_str()
            || subject.name != subject_name(&self.namespace)
        {
            let about = subject.name.strip_prefix(SUBJECT_PREFIX).unwrap_or(&subject.name);
            let named = [said.predicate.namespace.as_str(), about];
            let other = named.into_iter().find(|name| *name != self.namespace.as_str());
            let found = shortened(other.unwrap_or_default());
            return Err(EndorsementError::OtherNamespace { found, expected: self.namespace.clone() });
        }
        if said.predicate.public_key != self.public_key.to_string()
            || subject.digest.sha256 != self.public_key.id().to_hex()
        {
            let found = subject.digest.sha256.chars().take(12).collect();
            return Err(EndorsementError::OtherKey { found, expected: self.public_key.id().short() });
        }
        Ok(())
    }
}

/// Reads an endorsement as sent.
pub fn read_endorsement(json: &[u8]) -> Result<Envelope, EndorsementError> {
    Envelope::from_json(json).map_err(|error| match error {
        SigningError::NotAnEnvelope { problem } => {
            EndorsementError::Unreadable { problem: format!("it is no DSSE envelope: {problem}") }
        }
        other => EndorsementError::Unreadable { problem: other.to_string() },
    })
}

fn subject_name(namespace: &Namespace) -> String {
    format!("{SUBJECT_PREFIX}{namespace}")
}

/// Signs a new key in with one that counts.
pub fn sign_endorsement(endorsement: &KeyEndorsement, key: &SecretKey) -> Envelope {
    Envelope::sign(PAYLOAD_TYPE, endorsement.to_canonical_json(), key)
}

/// Checks that one of `counting`, the keys that count in the namespace, signed exactly `expected`.
///
/// The signature is checked before the payload is read. Returns which key signed.
pub fn verify_endorsement(
    envelope: &Envelope,
    counting: &[PublicKey],
    expected: &KeyEndorsement,
) -> Result<KeyId, EndorsementError> {
    if envelope.payload_type() != PAYLOAD_TYPE {
        let problem = format!("its payload type is {:?}", shortened(envelope.payload_type()));
        return Err(EndorsementError::Unreadable { problem });
    }
    let signer = envelope.verify(counting).map_err(|error| match error {
        SigningError::UnknownSigner { signers } => {
            EndorsementError::UnknownSigner { namespace: expected.namespace.clone(), signers }
        }
        SigningError::BadSignature { key_id } => EndorsementError::BadSignature { key_id },
        other => EndorsementError::Unreadable { problem: other.to_string() },
    })?;
    expected.is_said_by(envelope.payload())?;
    Ok(signer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Digest;
    use crate::signing::{ReleaseStatement, sign_release};

    fn key(seed: u8) -> SecretKey {
        SecretKey::from_seed(&[seed; 32])
    }

    fn endorsement(namespace: &str, new: &SecretKey) -> KeyEndorsement {
        KeyEndorsement { namespace: namespace.parse().unwrap(), public_key: new.public_key() }
    }

    #[test]
    fn the_statement_is_canonical_and_names_key_and_namespace() {
        let text = String::from_utf8(endorsement("acme", &key(2)).to_canonical_json()).unwrap();

        insta::assert_snapshot!(text);
    }

    #[test]
    fn a_key_that_counts_signs_another_one_in() {
        let envelope = sign_endorsement(&endorsement("acme", &key(2)), &key(1));
        let read = Envelope::from_json(&envelope.to_json()).unwrap();

        let signer = verify_endorsement(&read, &[key(1).public_key()], &endorsement("acme", &key(2)));

        assert_eq!(signer, Ok(key(1).public_key().id()));
    }

    #[test]
    fn what_endorses_something_else_is_refused_in_words() {
        let counting = [key(1).public_key()];
        let good = endorsement("acme", &key(2));
        let release = ReleaseStatement {
            release: "acme:markdown@1.0.0".parse().unwrap(),
            digest: Digest::of(b"x"),
            manifest_digest: Digest::of(b"y"),
            capabilities: Default::default(),
        };
        let mut mixed: serde_json::Value = serde_json::from_slice(&good.to_canonical_json()).unwrap();
        mixed["subject"][0]["name"] = "pluginry:key/other".into();
        let mixed = Envelope::sign(PAYLOAD_TYPE, serde_json::to_vec(&mixed).unwrap(), &key(1));
        let mut forged = serde_json::to_value(sign_endorsement(&good, &key(1))).unwrap();
        forged["payload"] = serde_json::to_value(sign_endorsement(&endorsement("acme", &key(3)), &key(3)))
            .unwrap()["payload"]
            .clone();
        let cases = [
            sign_endorsement(&endorsement("other", &key(2)), &key(1)),
            sign_endorsement(&endorsement("acme", &key(3)), &key(1)),
            sign_endorsement(&good, &key(2)),
            sign_release(&release, &key(1)),
            mixed,
            serde_json::from_value(forged).unwrap(),
            Envelope::sign("text/plain", good.to_canonical_json(), &key(1)),
            Envelope::sign(PAYLOAD_TYPE, b"{}".to_vec(), &key(1)),
        ];

        let mut said = String::new();
        for envelope in &cases {
            let refused = verify_endorsement(envelope, &counting, &good).unwrap_err();
            said.push_str(&format!("{}: {refused}\n    {}\n", refused.code(), refused.mend().unwrap()));
        }

        insta::assert_snapshot!(said);
    }
}
