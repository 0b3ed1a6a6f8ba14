//! The public keys of notes as text, "vkeys" (c2sp.org/signed-note), for logs and for witnesses.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::domain::{Digest, Refusal};
use crate::signing::PublicKey;

/// The longest name of a key that is read.
const NAME_MAX_BYTES: usize = 255;

/// What a key signs, which its id and its text tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SignatureKind {
    /// The text of a note, by Ed25519: what a log does.
    Ed25519,
    /// A checkpoint at a time, `cosignature/v1`: what a witness does.
    Cosignature,
}

impl SignatureKind {
    fn byte(self) -> u8 {
        match self {
            Self::Ed25519 => 0x01,
            Self::Cosignature => 0x04,
        }
    }

    fn of_byte(byte: u8) -> Option<Self> {
        [Self::Ed25519, Self::Cosignature].into_iter().find(|kind| kind.byte() == byte)
    }
}

/// Why a text is not the verifier key of a note.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a verifier key: {problem}")]
pub struct VerifierKeyError {
    text: String,
    problem: &'static str,
}

impl VerifierKeyError {
    fn new(text: &str, problem: &'static str) -> Self {
        Self { text: text.chars().take(160).collect(), problem }
    }
}

impl Refusal for VerifierKeyError {
    fn code(&self) -> &'static str {
        "invalid-verifier-key"
    }

    fn mend(&self) -> Option<String> {
        Some("Copy the key whole, as its owner publishes it: <name>+<8 hexadecimal digits>+<base64>.".into())
    }
}

/// Whether a text can be the name of a key, and so the origin of a log: not empty, no spaces, no plus, no control
/// characters.
pub fn is_key_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= NAME_MAX_BYTES
        && !text.contains(|c: char| c == '+' || c.is_whitespace() || c.is_control())
}

/// A key that signs notes: its name, what it signs, and the public key. As text a "vkey".
#[derive(Clone, PartialEq, Eq)]
pub struct NoteVerifier {
    name: String,
    kind: SignatureKind,
    key: PublicKey,
    key_id: u32,
}

impl NoteVerifier {
    /// The key by which a log signs its checkpoints; its name is the log's origin.
    pub fn of_log(name: &str, key: PublicKey) -> Result<Self, VerifierKeyError> {
        Self::new(name, SignatureKind::Ed25519, key)
    }

    /// The key by which a witness cosigns checkpoints.
    pub fn of_witness(name: &str, key: PublicKey) -> Result<Self, VerifierKeyError> {
        Self::new(name, SignatureKind::Cosignature, key)
    }

    fn new(name: &str, kind: SignatureKind, key: PublicKey) -> Result<Self, VerifierKeyError> {
        if !is_key_name(name) {
            return Err(VerifierKeyError::new(
                name,
                "its name is empty or too long, or has a space, a plus or a control character",
            ));
        }
        Ok(Self { name: name.to_owned(), kind, key, key_id: key_id(name, kind, &key) })
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it signs.
    pub fn kind(&self) -> SignatureKind {
        self.kind
    }

    /// The id that signature lines carry.
    pub fn key_id(&self) -> u32 {
        self.key_id
    }

    /// The public key.
    pub fn public_key(&self) -> PublicKey {
        self.key
    }
}

/// The id of a key: the first four bytes of SHA-256 over name, newline, kind and public key.
pub(super) fn key_id(name: &str, kind: SignatureKind, key: &PublicKey) -> u32 {
    let hashed = [name.as_bytes(), b"\n", &[kind.byte()], key.as_bytes()].concat();
    let [a, b, c, d, ..] = *Digest::of(&hashed).as_bytes();
    u32::from_be_bytes([a, b, c, d])
}

impl FromStr for NoteVerifier {
    type Err = VerifierKeyError;

    fn from_str(text: &str) -> Result<Self, VerifierKeyError> {
        let refused = |problem| VerifierKeyError::new(text, problem);
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(material)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(refused("it has not three parts with a plus between them"));
        };
        let mut bytes = [0; 36];
        let length = STANDARD
            .decode_slice(material, &mut bytes)
            .map_err(|_| refused("its last part is not the base64 of a kind and a 32-byte key"))?;
        let (&kind, key) = bytes[..length].split_first().unwrap_or((&0, &[]));
        let kind = SignatureKind::of_byte(kind)
            .ok_or_else(|| refused("it is neither an Ed25519 key (1) nor a cosignature key (4)"))?;
        let key = key.try_into().map_err(|_| refused("its key has not 32 bytes"))?;
        let key = PublicKey::from_bytes(key).map_err(|_| refused("its key is not a usable Ed25519 key"))?;
        let verifier = Self::new(name, kind, key)?;
        if id != format!("{:08x}", verifier.key_id) {
            return Err(refused("its id is not the one of its name and key"));
        }
        Ok(verifier)
    }
}

impl fmt::Display for NoteVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let material = [&[self.kind.byte()], self.key.as_bytes().as_slice()].concat();
        write!(f, "{}+{:08x}+{}", self.name, self.key_id, STANDARD.encode(material))
    }
}

impl fmt::Debug for NoteVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NoteVerifier({self})")
    }
}

impl Serialize for NoteVerifier {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for NoteVerifier {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
