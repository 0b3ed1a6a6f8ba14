//! Ed25519 keys and their text forms.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use crate::domain::{Digest, Refusal};

const SECRET_PREFIX: &str = "pluginry-secret-ed25519:";
const PUBLIC_PREFIX: &str = "ed25519:";

/// Why a text is not a key. Never repeats the text of a secret key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not the text form of a public key, or not a usable point.
    #[error("not an Ed25519 public key: {problem}")]
    InvalidPublicKey {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Not the text form of a secret key.
    #[error("not an Ed25519 secret key: {problem}")]
    InvalidSecretKey {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Not 64 hexadecimal digits.
    #[error("{text:?} is not a key id")]
    InvalidKeyId {
        /// The text as given, cut to a bounded length.
        text: String,
    },
}

impl Refusal for KeyError {
    fn code(&self) -> &'static str {
        match self {
            Self::InvalidPublicKey { .. } => "invalid-public-key",
            Self::InvalidSecretKey { .. } => "invalid-secret-key",
            Self::InvalidKeyId { .. } => "invalid-key-id",
        }
    }

    fn mend(&self) -> Option<String> {
        Some(match self {
            Self::InvalidPublicKey { .. } => {
                "Write it as ed25519: and the base64 of its 32 bytes; `pluginry key list` prints yours."
                    .into()
            }
            Self::InvalidSecretKey { .. } => "Make a new key with `pluginry key new`.".into(),
            Self::InvalidKeyId { .. } => {
                "A key id is 64 lower-case hexadecimal digits; `pluginry key list` prints yours.".into()
            }
        })
    }
}

/// The id of a key: SHA-256 of its 32 public bytes, as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(Digest);

impl KeyId {
    /// The 64 hexadecimal digits.
    pub fn to_hex(self) -> String {
        self.0.to_hex()
    }

    /// The first 12 digits: enough for a person to tell keys apart, never for a decision.
    pub fn short(self) -> String {
        self.to_hex().split_at(12).0.to_owned()
    }
}

impl FromStr for KeyId {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        Digest::from_hex(text)
            .map(Self)
            .map_err(|_| KeyError::InvalidKeyId { text: text.chars().take(80).collect() })
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_hex())
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

/// A public key; as text `ed25519:<base64 of the 32 bytes>`. Always a point of full order.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// A key from its 32 bytes; refuses what is no curve point and points of small order.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, KeyError> {
        let key = VerifyingKey::from_bytes(bytes)
            .map_err(|_| KeyError::InvalidPublicKey { problem: "the bytes are not a point of the curve" })?;
        if key.is_weak() {
            return Err(KeyError::InvalidPublicKey { problem: "the point has a small order" });
        }
        Ok(Self(key))
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// The key's id.
    pub fn id(&self) -> KeyId {
        KeyId(Digest::of(self.as_bytes()))
    }

    /// Whether `signature` is this key's over `message`, by the strict rules (no malleable forms).
    pub fn verifies(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        self.0.verify_strict(message, &ed25519_dalek::Signature::from_bytes(signature)).is_ok()
    }
}

impl FromStr for PublicKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let digits = text
            .strip_prefix(PUBLIC_PREFIX)
            .ok_or(KeyError::InvalidPublicKey { problem: "it does not start with ed25519:" })?;
        let mut bytes = [0; 32];
        decode_exactly(digits, &mut bytes)
            .ok_or(KeyError::InvalidPublicKey { problem: "it is not the base64 of 32 bytes" })?;
        Self::from_bytes(&bytes)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PUBLIC_PREFIX}{}", STANDARD.encode(self.as_bytes()))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

/// A secret key; wiped from memory when dropped and never printed by `Debug`.
pub struct SecretKey(SigningKey);

impl SecretKey {
    /// The key of a 32-byte seed. The caller draws the seed from the operating system and wipes it.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// The public half.
    pub fn public_key(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// The text form, `pluginry-secret-ed25519:<base64 of the seed>`, for the key file alone.
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(SECRET_PREFIX.len() + 44));
        text.push_str(SECRET_PREFIX);
        STANDARD.encode_string(self.0.as_bytes(), &mut text);
        text
    }

    /// Signs a message. Whoever calls sees to it that no message of one kind can be taken for another.
    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

impl FromStr for SecretKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let digits = text.trim().strip_prefix(SECRET_PREFIX).ok_or(KeyError::InvalidSecretKey {
            problem: "it does not start with pluginry-secret-ed25519:",
        })?;
        let mut seed = Zeroizing::new([0; 32]);
        decode_exactly(digits, seed.as_mut_slice())
            .ok_or(KeyError::InvalidSecretKey { problem: "it is not the base64 of 32 bytes" })?;
        Ok(Self::from_seed(&seed))
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey(of {})", self.public_key())
    }
}

/// Strict standard base64 of exactly `target.len()` bytes.
pub(super) fn decode_exactly(text: &str, target: &mut [u8]) -> Option<()> {
    let expected_digits = target.len().div_ceil(3) * 4;
    if text.len() != expected_digits {
        return None;
    }
    let decoded = Zeroizing::new(STANDARD.decode(text).ok()?);
    (decoded.len() == target.len()).then(|| target.copy_from_slice(&decoded))
}

macro_rules! serde_as_text {
    ($type:ty) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

serde_as_text!(PublicKey);
serde_as_text!(KeyId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_read_back_from_their_text() {
        let secret = SecretKey::from_seed(&[7; 32]);
        let public = secret.public_key();

        assert_eq!(secret.to_text().parse::<SecretKey>().unwrap().public_key(), public);
        assert_eq!(public.to_string().parse::<PublicKey>().unwrap(), public);
        assert_eq!(public.id().to_string().parse::<KeyId>().unwrap(), public.id());
        assert_eq!(public.id().to_hex(), Digest::of(public.as_bytes()).to_hex());
    }

    #[test]
    fn a_secret_key_never_shows_itself() {
        let secret = SecretKey::from_seed(&[7; 32]);
        let digits = STANDARD.encode([7; 32]);

        assert!(!format!("{secret:?}").contains(&digits));
        let damaged = format!("{SECRET_PREFIX}{}", &digits[1..]);
        assert!(!damaged.parse::<SecretKey>().unwrap_err().to_string().contains(&digits[1..]));
    }

    #[test]
    fn weak_points_and_loose_base64_are_refused() {
        let identity = {
            let mut bytes = [0; 32];
            bytes[0] = 1;
            bytes
        };
        let good = SecretKey::from_seed(&[7; 32]).public_key().to_string();

        assert!(PublicKey::from_bytes(&identity).is_err());
        assert!(good.trim_end_matches('=').parse::<PublicKey>().is_err());
        assert!(format!("{good}\n").parse::<PublicKey>().is_err());
        assert!(good.replace("ed25519:", "").parse::<PublicKey>().is_err());
    }
}
