//! The one shape of everything a registry signs: a DSSE envelope whose signature is checked before a byte of its
//! payload is read.
//!
//! What is about a package (verdict, standing) is an in-toto Statement v1 with its own predicate type; what is about
//! the registry itself (recall feed, trust document) has its own payload type. So nothing can be replayed as another.

use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};

use crate::domain::{Digest, Refusal, ReleaseId};
use crate::signing::{
    Envelope, PAYLOAD_TYPE, PublicKey, ReleaseStatement, STATEMENT_TYPE, SecretKey, SigningError,
};

/// Why something a registry signed is not believed. `what` names it: a verdict, a standing, a recall feed, a trust
/// document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// The envelope carries something else.
    #[error("the {what} has the payload type {found:?}, not {expected:?}")]
    WrongPayloadType {
        /// What was expected.
        what: &'static str,
        /// As given, cut to a bounded length.
        found: String,
        /// What it must be.
        expected: &'static str,
    },
    /// Over the bound of its kind.
    #[error("the {what} is {size_bytes} bytes; at most {max_bytes} are read")]
    TooLarge {
        /// What was expected.
        what: &'static str,
        /// Its size.
        size_bytes: usize,
        /// The bound.
        max_bytes: usize,
    },
    /// None of the registry's keys signed it.
    #[error("the {what} carries no signature by a key of the registry (signed by: {signers})")]
    UnknownSigner {
        /// What was expected.
        what: &'static str,
        /// The key ids the envelope names, shortened.
        signers: String,
    },
    /// A signature claims a key of the registry, and does not verify.
    #[error("the {what}'s signature by the registry's key {key_id} does not verify")]
    BadSignature {
        /// What was expected.
        what: &'static str,
        /// The key it claims, shortened.
        key_id: String,
    },
    /// Signed, and still not of its form.
    #[error("the {what} cannot be read: {problem}")]
    Unreadable {
        /// What was expected.
        what: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// A statement of another kind, which must not be replayed as this one.
    #[error("the {what} has the predicate type {found:?}, not {expected:?}")]
    WrongPredicateType {
        /// What was expected.
        what: &'static str,
        /// As given, cut to a bounded length.
        found: String,
        /// What it must be.
        expected: &'static str,
    },
    /// The statement is about another release, or about other bytes of it.
    #[error("the {what} is about {found}, not about {expected}")]
    SubjectDiffers {
        /// What was expected.
        what: &'static str,
        /// The release and digest it is about.
        found: String,
        /// The release and digest at hand.
        expected: String,
    },
}

impl Refusal for StatementError {
    fn code(&self) -> &'static str {
        match self {
            Self::WrongPayloadType { .. } => "statement-wrong-payload-type",
            Self::TooLarge { .. } => "statement-too-large",
            Self::UnknownSigner { .. } => "statement-unknown-signer",
            Self::BadSignature { .. } => "statement-bad-signature",
            Self::Unreadable { .. } => "statement-unreadable",
            Self::WrongPredicateType { .. } => "statement-wrong-predicate-type",
            Self::SubjectDiffers { .. } => "statement-subject-differs",
        }
    }

    fn mend(&self) -> Option<String> {
        Some(match self {
            Self::WrongPayloadType { .. } | Self::WrongPredicateType { .. } => {
                "Do not use it: somebody put one signed document where another belongs.".into()
            }
            Self::TooLarge { .. } | Self::Unreadable { .. } => {
                "Use a later version of pluginry, if the registry runs one.".into()
            }
            Self::UnknownSigner { .. } => {
                "Compare the registry's keys at /api/v1/trust with those its operator publishes; a new key comes with a trust document that the old one signed.".into()
            }
            Self::BadSignature { .. } => {
                "Fetch it again; if it stays so, somebody changed it after it was signed.".into()
            }
            Self::SubjectDiffers { expected, .. } => format!("Fetch the one about {expected}."),
        })
    }
}

/// How a kind of signed thing is called, told apart from others, and bounded.
pub(super) struct Kind {
    /// For people: `verdict`.
    pub what: &'static str,
    /// DSSE payload type.
    pub payload_type: &'static str,
    /// The most bytes of payload that are read.
    pub max_bytes: usize,
}

impl Kind {
    /// An in-toto statement.
    pub(super) const fn statement(what: &'static str, max_bytes: usize) -> Self {
        Self { what, payload_type: PAYLOAD_TYPE, max_bytes }
    }

    /// Signs `content` as canonical JSON.
    pub(super) fn sign(&self, content: &impl Serialize, key: &SecretKey) -> Envelope {
        let payload = serde_json_canonicalizer::to_vec(content).expect("what a registry signs has text keys");
        Envelope::sign(self.payload_type, payload, key)
    }

    /// Checks that one of `keys` signed the envelope, and only then reads its payload.
    pub(super) fn read<T: DeserializeOwned>(
        &self,
        envelope: &Envelope,
        keys: &[PublicKey],
    ) -> Result<T, StatementError> {
        self.check_signature(envelope, keys)?;
        self.parse(envelope)
    }

    /// Refuses what is signed as something else, or too long.
    pub(super) fn check_form(&self, envelope: &Envelope) -> Result<(), StatementError> {
        let what = self.what;
        if envelope.payload_type() != self.payload_type {
            let found = shortened(envelope.payload_type());
            return Err(StatementError::WrongPayloadType { what, found, expected: self.payload_type });
        }
        if envelope.payload().len() > self.max_bytes {
            let size_bytes = envelope.payload().len();
            return Err(StatementError::TooLarge { what, size_bytes, max_bytes: self.max_bytes });
        }
        Ok(())
    }

    /// Refuses what none of `keys` signed as this kind.
    pub(super) fn check_signature(
        &self,
        envelope: &Envelope,
        keys: &[PublicKey],
    ) -> Result<(), StatementError> {
        self.check_form(envelope)?;
        let what = self.what;
        match envelope.verify(keys) {
            Ok(_) => Ok(()),
            Err(SigningError::BadSignature { key_id }) => Err(StatementError::BadSignature { what, key_id }),
            Err(SigningError::UnknownSigner { signers }) => {
                Err(StatementError::UnknownSigner { what, signers })
            }
            Err(error) => Err(StatementError::UnknownSigner { what, signers: error.to_string() }),
        }
    }

    /// Reads the payload, whoever signed it.
    pub(super) fn parse<T: DeserializeOwned>(&self, envelope: &Envelope) -> Result<T, StatementError> {
        serde_json::from_slice(envelope.payload()).map_err(|error| self.unreadable(error.to_string()))
    }

    /// A signed thing of this kind that is not of its form.
    pub(super) fn unreadable(&self, problem: impl Into<String>) -> StatementError {
        StatementError::Unreadable { what: self.what, problem: problem.into() }
    }
}

/// A kind of in-toto statement about a release.
pub(super) struct ReleaseKind {
    /// Name and bounds.
    pub kind: Kind,
    /// Its predicate type.
    pub predicate_type: &'static str,
}

#[derive(Serialize, Deserialize)]
struct Wire<Predicate> {
    #[serde(rename = "_type")]
    statement_type: String,
    subject: Vec<WireSubject>,
    #[serde(rename = "predicateType")]
    predicate_type: String,
    predicate: Predicate,
}

#[derive(Serialize, Deserialize)]
struct WireSubject {
    name: String,
    digest: WireDigest,
}

/// A digest as in-toto writes it.
#[derive(Serialize, Deserialize)]
pub(super) struct WireDigest {
    sha256: String,
}

impl WireDigest {
    pub(super) fn of(digest: Digest) -> Self {
        Self { sha256: digest.to_hex() }
    }

    pub(super) fn read(&self, at: &str) -> Result<Digest, String> {
        Digest::from_hex(&self.sha256)
            .map_err(|_| format!("`{at}.sha256` is not 64 lower-case hexadecimal digits"))
    }
}

impl ReleaseKind {
    /// Signs a statement about the package of a release.
    pub(super) fn sign(
        &self,
        release: &ReleaseId,
        digest: Digest,
        predicate: &impl Serialize,
        key: &SecretKey,
    ) -> Envelope {
        let statement = Wire {
            statement_type: STATEMENT_TYPE.to_owned(),
            subject: vec![WireSubject {
                name: ReleaseStatement::subject_name(release),
                digest: WireDigest::of(digest),
            }],
            predicate_type: self.predicate_type.to_owned(),
            predicate,
        };
        self.kind.sign(&statement, key)
    }

    /// Reads a statement that one of `keys` signed: which package it is about, and what it says.
    pub(super) fn read<Predicate: DeserializeOwned>(
        &self,
        envelope: &Envelope,
        keys: &[PublicKey],
    ) -> Result<(ReleaseId, Digest, Predicate), StatementError> {
        let head: Wire<IgnoredAny> = self.kind.read(envelope, keys)?;
        if head.statement_type != STATEMENT_TYPE {
            return Err(self.kind.unreadable(format!("`_type` is not {STATEMENT_TYPE:?}")));
        }
        if head.predicate_type != self.predicate_type {
            let (what, found) = (self.kind.what, shortened(&head.predicate_type));
            return Err(StatementError::WrongPredicateType { what, found, expected: self.predicate_type });
        }
        let [subject] = head.subject.as_slice() else {
            return Err(self.kind.unreadable(format!("it has {} subjects, not one", head.subject.len())));
        };
        let release = read_subject_name(&subject.name).map_err(|problem| self.kind.unreadable(problem))?;
        let digest =
            subject.digest.read("subject[0].digest").map_err(|problem| self.kind.unreadable(problem))?;
        let whole: Wire<Predicate> = self.kind.parse(envelope)?;
        Ok((release, digest, whole.predicate))
    }

    /// Refuses a statement about another package than the one at hand.
    pub(super) fn check_subject(
        &self,
        found: (&ReleaseId, Digest),
        expected: (&ReleaseId, Digest),
    ) -> Result<(), StatementError> {
        if found == expected {
            return Ok(());
        }
        let told = |(release, digest): (&ReleaseId, Digest)| format!("{release} with {digest}");
        Err(StatementError::SubjectDiffers {
            what: self.kind.what,
            found: told(found),
            expected: told(expected),
        })
    }
}

/// `pkg:pluginry/acme/markdown@1.2.0` → `acme:markdown@1.2.0`.
fn read_subject_name(name: &str) -> Result<ReleaseId, String> {
    let release = name
        .strip_prefix("pkg:pluginry/")
        .and_then(|path| path.replacen('/', ":", 1).parse::<ReleaseId>().ok());
    match release {
        Some(release) if ReleaseStatement::subject_name(&release) == name => Ok(release),
        _ => Err(format!("its subject {:?} is no release", shortened(name))),
    }
}

/// A text from outside, cut so that a message stays readable.
pub(super) fn shortened(text: &str) -> String {
    text.chars().take(120).collect()
}
