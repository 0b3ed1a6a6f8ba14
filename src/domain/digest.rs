//! SHA-256 digests and hashing while bytes go by.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use super::Refusal;
use super::name::serde_as_text;

/// Why a text is not a digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a SHA-256 digest")]
pub struct DigestError {
    text: String,
}

impl Refusal for DigestError {
    fn code(&self) -> &'static str {
        "invalid-digest"
    }

    fn mend(&self) -> Option<String> {
        Some("Write it as sha256: and 64 lower-case hexadecimal digits.".into())
    }
}

/// A SHA-256 digest; as text `sha256:<64 hex digits>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// A digest from its 32 bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The 64 hexadecimal digits without a prefix.
    pub fn to_hex(self) -> String {
        let mut digits = vec![0; 64];
        hex::encode_to_slice(self.0, &mut digits).expect("32 bytes are 64 digits");
        String::from_utf8(digits).expect("digits are ASCII")
    }

    /// Reads exactly 64 lower-case hexadecimal digits.
    pub fn from_hex(text: &str) -> Result<Self, DigestError> {
        let error = || DigestError { text: text.chars().take(80).collect() };
        if text.len() != 64 || text.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err(error());
        }
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| error())?;
        Ok(Self(bytes))
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        match text.strip_prefix("sha256:") {
            Some(digits) => Self::from_hex(digits),
            None => Err(DigestError { text: text.chars().take(80).collect() }),
        }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.to_hex())
    }
}

serde_as_text!(Digest);

/// Hashes bytes as they stream by.
#[derive(Debug, Clone, Default)]
pub struct DigestWriter {
    hasher: Sha256,
    size_bytes: u64,
}

impl DigestWriter {
    /// Takes in the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.size_bytes += bytes.len() as u64;
    }

    /// How many bytes were taken in.
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// The digest of everything taken in.
    pub fn finish(self) -> Digest {
        Digest(self.hasher.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_streamed_digest_equals_the_digest_of_the_whole() {
        let mut writer = DigestWriter::default();
        writer.update(b"hello ");
        writer.update(b"world");

        assert_eq!(writer.size_bytes(), 11);
        assert_eq!(writer.finish(), Digest::of(b"hello world"));
    }

    #[test]
    fn text_reads_back_and_other_texts_are_refused() {
        let digest = Digest::of(b"x");

        assert_eq!(digest.to_string().parse::<Digest>().unwrap(), digest);
        assert!("sha256:zz".parse::<Digest>().is_err());
        assert!(digest.to_hex().parse::<Digest>().is_err());
        assert!(Digest::from_hex(&digest.to_hex().to_uppercase()).is_err());
    }
}
