//! Checkpoints: the size and root of a log, signed by the log and cosigned by witnesses (c2sp.org/tlog-checkpoint,
//! c2sp.org/tlog-cosignature).

use std::fmt;

use super::hash::Hash;
use super::note::{NoteError, NoteSignature, SIGNATURES_MAX, SignedNote, cosigned_message};
use super::proof::TREE_SIZE_MAX;
use super::verifier::{NoteVerifier, SignatureKind, is_key_name, key_id};
use crate::domain::Refusal;
use crate::signing::SecretKey;

/// Why a checkpoint is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// Not a signed note.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The note is about something else.
    #[error("the note is not a checkpoint: {problem}")]
    NotACheckpoint {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// None of the log's keys signed it.
    #[error("the checkpoint of {origin:?} carries no signature by a key of this log (signed by: {signers})")]
    Unsigned {
        /// The origin it names.
        origin: String,
        /// Who it says has signed, cut to a bounded length.
        signers: String,
    },
    /// A signature claims a key of the log, and does not verify.
    #[error("the checkpoint of {origin:?} carries a signature by {name}+{key_id:08x} that does not verify")]
    BadSignature {
        /// The origin it names.
        origin: String,
        /// The name of the key.
        name: String,
        /// The id of the key.
        key_id: u32,
    },
}

impl Refusal for CheckpointError {
    fn code(&self) -> &'static str {
        match self {
            Self::Note(error) => error.code(),
            Self::NotACheckpoint { .. } => "checkpoint-malformed",
            Self::Unsigned { .. } => "checkpoint-unsigned",
            Self::BadSignature { .. } => "checkpoint-bad-signature",
        }
    }

    fn mend(&self) -> Option<String> {
        match self {
            Self::Note(error) => error.mend(),
            Self::NotACheckpoint { .. } => {
                Some("Pass the checkpoint as the log serves it: origin, tree size and root hash, a line each.".into())
            }
            Self::Unsigned { .. } => {
                Some("Compare the log's key with the one its operator publishes; a new key comes with a signed trust document.".into())
            }
            Self::BadSignature { .. } => {
                Some("Fetch the checkpoint again; if it stays so, somebody changed it after it was signed.".into())
            }
        }
    }
}

/// The head of a log: who it is, how many entries it has, and the root of its tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The name of the log, unique in the world; fit to be a key's name ([`is_key_name`]).
    pub origin: String,
    /// How many entries the tree has.
    pub tree_size: u64,
    /// The root of the tree.
    pub root: Hash,
}

impl Checkpoint {
    /// The three lines that are signed.
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.tree_size, self.root)
    }

    /// The signed note. `keys` are the log's keys and their names, which are the origin.
    ///
    /// Whoever signs must know that the tree contains every tree the same key signed before.
    pub fn sign(&self, keys: &[(&str, &SecretKey)]) -> String {
        debug_assert!(is_key_name(&self.origin), "{:?} cannot be an origin", self.origin);
        let text = self.text();
        let signatures = keys
            .iter()
            .map(|(name, key)| {
                let key_id = key_id(name, SignatureKind::Ed25519, &key.public_key());
                NoteSignature::new(name, key_id, key.sign(text.as_bytes()).to_vec())
            })
            .collect();
        SignedNote::new(text, signatures).to_string()
    }

    /// Reads the text of a note; lines after the third are let be.
    fn from_text(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let (origin, size, root) = (lines.next()?, lines.next()?, lines.next()?);
        if !is_key_name(origin) || lines.any(str::is_empty) {
            return None;
        }
        let tree_size = parse_decimal(size).filter(|&size| size <= TREE_SIZE_MAX)?;
        Some(Self { origin: origin.to_owned(), tree_size, root: root.parse().ok()? })
    }
}

/// A decimal number without sign and leading zeroes.
pub(super) fn parse_decimal(text: &str) -> Option<u64> {
    let canonical = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| canonical)
}

/// A checkpoint as it came: read, but not believed. `Display` writes the note byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCheckpoint {
    note: SignedNote,
    checkpoint: Checkpoint,
}

/// A cosignature that was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cosignature {
    /// The name of the witness.
    pub witness: String,
    /// When the witness signed, in seconds since 1970.
    pub timestamp: u64,
}

impl SignedCheckpoint {
    /// Reads a note that is a checkpoint. Verifies nothing.
    pub fn parse(note: &str) -> Result<Self, CheckpointError> {
        let note = SignedNote::parse(note.as_bytes())?;
        let problem = "it has not an origin, a tree size and a root hash in its first three lines";
        let checkpoint =
            Checkpoint::from_text(note.text()).ok_or(CheckpointError::NotACheckpoint { problem })?;
        Ok(Self { note, checkpoint })
    }

    /// What it says, before anybody checked who says so: to find the keys of its origin, and nothing more.
    pub fn unverified(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The note.
    pub fn note(&self) -> &SignedNote {
        &self.note
    }

    /// The checkpoint, if one of the log's keys signed it. A key counts for the origin that is its name.
    ///
    /// A signature that claims one of the keys and does not verify is refused, whatever the others say.
    pub fn verify(&self, log_keys: &[NoteVerifier]) -> Result<Checkpoint, CheckpointError> {
        let origin = &self.checkpoint.origin;
        let mut signed = false;
        for key in log_keys {
            if key.kind() != SignatureKind::Ed25519 || key.name() != origin {
                continue;
            }
            let mut claims = self.note.signatures().iter().filter(|signature| signature.claims(key));
            if claims.clone().any(|signature| signature.verified_at(key, self.note.text()).is_none()) {
                let (name, key_id) = (key.name().to_owned(), key.key_id());
                return Err(CheckpointError::BadSignature { origin: origin.clone(), name, key_id });
            }
            signed |= claims.next().is_some();
        }
        if signed {
            return Ok(self.checkpoint.clone());
        }
        let told = |signature: &NoteSignature| format!("{}+{:08x}", signature.name(), signature.key_id());
        let signers: Vec<String> = self.note.signatures().iter().map(told).collect();
        let signers = signers.join(", ").chars().take(160).collect();
        Err(CheckpointError::Unsigned { origin: origin.clone(), signers })
    }

    /// The cosignatures by these witnesses that verify: at most one for each public key, the newest.
    pub fn cosignatures(&self, witnesses: &[NoteVerifier]) -> Vec<Cosignature> {
        let mut counted = Vec::new();
        let mut found = Vec::new();
        for witness in witnesses.iter().filter(|key| key.kind() == SignatureKind::Cosignature) {
            // The message does not name the witness, so one key under two names is still one witness.
            if counted.contains(witness.public_key().as_bytes()) {
                continue;
            }
            let newest = self
                .note
                .signatures()
                .iter()
                .filter(|signature| signature.claims(witness))
                .filter_map(|signature| signature.verified_at(witness, self.note.text()))
                .max();
            if let Some(timestamp) = newest {
                counted.push(*witness.public_key().as_bytes());
                found.push(Cosignature { witness: witness.name().to_owned(), timestamp });
            }
        }
        found
    }

    /// The same with the signature lines a witness answered; they replace what it said before. Verifies nothing.
    pub fn with_cosignature(&self, lines: &str) -> Result<Self, NoteError> {
        let mut signatures = self.note.signatures().to_vec();
        for line in lines.strip_suffix('\n').unwrap_or(lines).split('\n').take(SIGNATURES_MAX + 1) {
            let added = NoteSignature::parse(line)?;
            signatures.retain(|one| one.name() != added.name() || one.key_id() != added.key_id());
            signatures.push(added);
        }
        if signatures.len() > SIGNATURES_MAX {
            return Err(NoteError::TooManySignatures { signatures: signatures.len() });
        }
        let note = SignedNote::new(self.note.text().to_owned(), signatures);
        Ok(Self { note, checkpoint: self.checkpoint.clone() })
    }

    /// The same with the signatures under the log's own name alone.
    pub fn without_cosignatures(&self) -> Self {
        let own = |signature: &&NoteSignature| signature.name() == self.checkpoint.origin;
        let signatures = self.note.signatures().iter().filter(own).cloned().collect();
        let note = SignedNote::new(self.note.text().to_owned(), signatures);
        Self { note, checkpoint: self.checkpoint.clone() }
    }
}

impl fmt::Display for SignedCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.note.fmt(f)
    }
}

/// The signature line, newline included, by which a witness cosigns a checkpoint.
///
/// The witness must have verified the log's signature and the consistency with everything it cosigned before.
pub fn cosign(
    checkpoint: &SignedCheckpoint,
    witness_name: &str,
    key: &SecretKey,
    at_unix_seconds: u64,
) -> String {
    debug_assert!(is_key_name(witness_name), "{witness_name:?} cannot be the name of a witness");
    let signature = key.sign(cosigned_message(at_unix_seconds, checkpoint.note.text()).as_bytes());
    let timestamped = [at_unix_seconds.to_be_bytes().as_slice(), &signature].concat();
    let key_id = key_id(witness_name, SignatureKind::Cosignature, &key.public_key());
    NoteSignature::new(witness_name, key_id, timestamped).to_string()
}
