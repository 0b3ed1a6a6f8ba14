//! Why a signature on a release does not count.

use crate::domain::{Digest, Refusal};

/// Why an attestation was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SigningError {
    /// Not a DSSE envelope.
    #[error("the attestation is not a DSSE envelope: {problem}")]
    NotAnEnvelope {
        /// What is wrong with it.
        problem: String,
    },
    /// Over the size bound.
    #[error("the attestation is {size_bytes} bytes; at most {max_bytes} are allowed")]
    TooLarge {
        /// Its size.
        size_bytes: usize,
        /// The bound.
        max_bytes: usize,
    },
    /// The envelope carries something else than an in-toto statement.
    #[error("the attestation's payload type is {found:?}, not {expected:?}")]
    WrongPayloadType {
        /// As given, cut to a bounded length.
        found: String,
        /// What it must be.
        expected: &'static str,
    },
    /// The payload is not an in-toto Statement v1 about one subject.
    #[error("the attestation's payload is not an in-toto statement: {problem}")]
    NotAStatement {
        /// What is wrong with it.
        problem: String,
    },
    /// A statement of another kind, which must not be replayed as a release.
    #[error("the attestation's predicate type is {found:?}, not {expected:?}")]
    WrongPredicateType {
        /// As given, cut to a bounded length.
        found: String,
        /// What it must be.
        expected: &'static str,
    },
    /// The statement is about another release.
    #[error("the attestation is about {found:?}, not about {expected:?}")]
    SubjectNameDiffers {
        /// As given, cut to a bounded length.
        found: String,
        /// The subject of the release.
        expected: String,
    },
    /// The statement is about other bytes.
    #[error("the attestation is about a package with digest {found}, but the package has {actual}")]
    DigestDiffers {
        /// As signed.
        found: Digest,
        /// Of the package at hand.
        actual: Digest,
    },
    /// Nobody who may sign signed it.
    #[error("the attestation carries no signature by a key that counts here (signed by: {signers})")]
    UnknownSigner {
        /// The key ids the envelope names, shortened.
        signers: String,
    },
    /// A signature claims a key that counts, and does not verify.
    #[error("the attestation's signature by key {key_id} does not verify")]
    BadSignature {
        /// The key it claims.
        key_id: String,
    },
}

impl Refusal for SigningError {
    fn code(&self) -> &'static str {
        match self {
            Self::NotAnEnvelope { .. } => "attestation-not-an-envelope",
            Self::TooLarge { .. } => "attestation-too-large",
            Self::WrongPayloadType { .. } => "attestation-wrong-payload-type",
            Self::NotAStatement { .. } => "attestation-not-a-statement",
            Self::WrongPredicateType { .. } => "attestation-wrong-predicate-type",
            Self::SubjectNameDiffers { .. } => "attestation-subject-differs",
            Self::DigestDiffers { .. } => "attestation-digest-differs",
            Self::UnknownSigner { .. } => "attestation-unknown-signer",
            Self::BadSignature { .. } => "attestation-bad-signature",
        }
    }

    fn mend(&self) -> Option<String> {
        Some(match self {
            Self::NotAnEnvelope { .. } | Self::NotAStatement { .. } => {
                "Let `pluginry publish` write the attestation, or follow DSSE v1 with an in-toto Statement v1 about exactly one subject.".into()
            }
            Self::TooLarge { .. } => "Sign the release statement alone, without further subjects or predicates.".into(),
            Self::WrongPayloadType { expected, .. } => format!("Set payloadType to {expected}."),
            Self::WrongPredicateType { expected, .. } => format!("Sign a statement with predicateType {expected}."),
            Self::SubjectNameDiffers { expected, .. } => format!("Sign a statement whose subject is {expected}."),
            Self::DigestDiffers { .. } => {
                "Sign the very bytes that are uploaded: build and pack first, then sign.".into()
            }
            Self::UnknownSigner { .. } => {
                "Sign with a key that is enrolled for the namespace and not revoked; `pluginry key enroll` enrols one.".into()
            }
            Self::BadSignature { .. } => {
                "Sign again: the signature must be Ed25519 over the DSSE pre-authentication encoding of the payload.".into()
            }
        })
    }
}

/// A text from outside, cut so that a message stays readable.
pub(super) fn shortened(text: &str) -> String {
    text.chars().take(120).collect()
}
