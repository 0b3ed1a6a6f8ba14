//! Signed notes: a text, an empty line, and the signatures of those who stand for it (c2sp.org/signed-note).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::verifier::{NoteVerifier, SignatureKind, is_key_name};
use crate::domain::Refusal;

/// The largest note that is read.
pub const NOTE_MAX_BYTES: usize = 64 * 1024;

/// The most signatures a note is read with.
pub const SIGNATURES_MAX: usize = 64;

/// Every signature line begins with an em dash and a space.
const LINE_START: &str = "— ";

/// Why bytes are not a signed note.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Over the size bound.
    #[error("the note is {size_bytes} bytes; at most {NOTE_MAX_BYTES} are read")]
    TooLarge {
        /// Its size.
        size_bytes: usize,
    },
    /// Over the bound on signatures.
    #[error("the note has {signatures} signatures; at most {SIGNATURES_MAX} are read")]
    TooManySignatures {
        /// How many there are.
        signatures: usize,
    },
    /// Not of the form of a note.
    #[error("this is not a signed note: {problem}")]
    NotANote {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A line that should be a signature is not.
    #[error("{line:?} is not a signature line")]
    NotASignature {
        /// The line, cut to a bounded length.
        line: String,
    },
}

impl Refusal for NoteError {
    fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "note-too-large",
            Self::TooManySignatures { .. } => "note-too-many-signatures",
            Self::NotANote { .. } => "note-malformed",
            Self::NotASignature { .. } => "note-signature-malformed",
        }
    }

    fn mend(&self) -> Option<String> {
        Some(match self {
            Self::TooLarge { .. } | Self::TooManySignatures { .. } => {
                "Keep the signatures of the log and of the witnesses you rely on, and leave out the others."
                    .into()
            }
            Self::NotANote { .. } | Self::NotASignature { .. } => {
                "Pass the note byte for byte: text, empty line, then lines of em dash, key name and base64."
                    .into()
            }
        })
    }
}

/// A signature line of a note: who says to have signed, and the signature.
#[derive(Clone, PartialEq, Eq)]
pub struct NoteSignature {
    name: String,
    key_id: u32,
    signature: Vec<u8>,
}

impl NoteSignature {
    pub(super) fn new(name: &str, key_id: u32, signature: Vec<u8>) -> Self {
        Self { name: name.to_owned(), key_id, signature }
    }

    /// Reads a line without its newline.
    pub(super) fn parse(line: &str) -> Result<Self, NoteError> {
        Self::read(line).ok_or_else(|| NoteError::NotASignature { line: line.chars().take(160).collect() })
    }

    fn read(line: &str) -> Option<Self> {
        let (name, digits) = line.strip_prefix(LINE_START)?.split_once(' ')?;
        let bytes = STANDARD.decode(digits).ok()?;
        let (key_id, signature) = bytes.split_first_chunk::<4>()?;
        if !is_key_name(name) || signature.is_empty() {
            return None;
        }
        Some(Self::new(name, u32::from_be_bytes(*key_id), signature.to_vec()))
    }

    /// The name of the key it claims.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The id of the key it claims.
    pub fn key_id(&self) -> u32 {
        self.key_id
    }

    /// The signature, without the key id before it.
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// Whether it claims to be by this key.
    pub fn claims(&self, verifier: &NoteVerifier) -> bool {
        self.key_id == verifier.key_id() && self.name == verifier.name()
    }

    /// When it says it was made, in seconds since 1970: for a cosignature by `verifier` over `text` that verifies.
    /// A log's signature has no time and answers 0.
    pub(super) fn verified_at(&self, verifier: &NoteVerifier, text: &str) -> Option<u64> {
        match verifier.kind() {
            SignatureKind::Ed25519 => {
                let signature = self.signature.as_slice().try_into().ok()?;
                verifier.public_key().verifies(text.as_bytes(), signature).then_some(0)
            }
            SignatureKind::Cosignature => {
                let (timestamp, signature) = self.signature.split_first_chunk::<8>()?;
                let timestamp = u64::from_be_bytes(*timestamp);
                let signature = signature.try_into().ok()?;
                let signed = cosigned_message(timestamp, text);
                (i64::try_from(timestamp).is_ok()
                    && verifier.public_key().verifies(signed.as_bytes(), signature))
                .then_some(timestamp)
            }
        }
    }
}

/// What a witness signs (c2sp.org/tlog-cosignature).
pub(super) fn cosigned_message(timestamp: u64, text: &str) -> String {
    format!("cosignature/v1\ntime {timestamp}\n{text}")
}

impl fmt::Display for NoteSignature {
    /// The line with its newline.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [self.key_id.to_be_bytes().as_slice(), &self.signature].concat();
        writeln!(f, "{LINE_START}{} {}", self.name, STANDARD.encode(bytes))
    }
}

impl fmt::Debug for NoteSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NoteSignature({:?}, {:08x})", self.name, self.key_id)
    }
}

/// A note: a text that ends in a newline, and at least one signature. `Display` writes it byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedNote {
    text: String,
    signatures: Vec<NoteSignature>,
}

impl SignedNote {
    pub(super) fn new(text: String, signatures: Vec<NoteSignature>) -> Self {
        Self { text, signatures }
    }

    /// Reads a note of at most [`NOTE_MAX_BYTES`] and [`SIGNATURES_MAX`] signatures. Verifies nothing.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > NOTE_MAX_BYTES {
            return Err(NoteError::TooLarge { size_bytes: bytes.len() });
        }
        let malformed = |problem| NoteError::NotANote { problem };
        let note = std::str::from_utf8(bytes).map_err(|_| malformed("it is not UTF-8"))?;
        if note.bytes().any(|byte| byte < 0x20 && byte != b'\n') {
            return Err(malformed("it has control characters"));
        }
        let blank = note.rfind("\n\n").ok_or_else(|| malformed("it has no empty line before signatures"))?;
        let (text, signed) = (&note[..=blank], &note[blank + 2..]);
        let lines = signed
            .strip_suffix('\n')
            .ok_or_else(|| malformed("it does not end with a signature line and a newline"))?;
        let signatures = lines.split('\n').count();
        if signatures > SIGNATURES_MAX {
            return Err(NoteError::TooManySignatures { signatures });
        }
        let signatures = lines.split('\n').map(NoteSignature::parse).collect::<Result<_, _>>()?;
        Ok(Self { text: text.to_owned(), signatures })
    }

    /// The text that is signed, with its last newline.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signatures, as they stand; unknown ones among them.
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// Whether there is a signature by this key, and every signature that claims this key verifies.
    pub fn signed_by(&self, verifier: &NoteVerifier) -> bool {
        let mut claims = self.signatures.iter().filter(|signature| signature.claims(verifier)).peekable();
        claims.peek().is_some()
            && claims.all(|signature| signature.verified_at(verifier, &self.text).is_some())
    }
}

impl fmt::Display for SignedNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| signature.fmt(f))
    }
}
