//! DSSE v1 envelopes (<https://github.com/secure-systems-lab/dsse>): a payload, its type, its signatures.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::error::shortened;
use super::keys::decode_exactly;
use super::{KeyId, PublicKey, SecretKey, SigningError};

/// The payload type of every attestation here: an in-toto statement.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// The most an author's envelope may weigh as JSON, in bytes.
pub const ENVELOPE_MAX_BYTES: usize = 256 * 1024;

/// The most base64 digits the payload of any envelope may have: a recall feed may list thousands of releases.
const PAYLOAD_MAX_DIGITS: usize = 4 * 1024 * 1024;

/// The most signatures an envelope may carry.
pub const SIGNATURES_MAX: usize = 16;

/// One signature of an envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// The signer's hint which key to try; unauthenticated. Absent as an empty text.
    pub key_id: String,
    /// The 64 bytes of the Ed25519 signature.
    pub bytes: [u8; 64],
}

/// A DSSE envelope whose base64 was read, whose signatures were not checked yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "WireEnvelope", into = "WireEnvelope")]
pub struct Envelope {
    payload_type: String,
    payload: Vec<u8>,
    signatures: Vec<Signature>,
}

/// The JSON of an envelope. Unknown fields are ignored, as DSSE asks.
#[derive(Clone, Serialize, Deserialize)]
#[serde(expecting = "an object with payload, payloadType and signatures")]
struct WireEnvelope {
    payload: String,
    #[serde(rename = "payloadType")]
    payload_type: String,
    signatures: Vec<WireSignature>,
}

#[derive(Clone, Serialize, Deserialize)]
struct WireSignature {
    #[serde(default)]
    keyid: String,
    sig: String,
}

impl Envelope {
    /// Signs `payload` with `key`.
    pub fn sign(payload_type: &str, payload: Vec<u8>, key: &SecretKey) -> Self {
        let bytes = key.sign(&pre_authentication_encoding(payload_type, &payload));
        let signature = Signature { key_id: key.public_key().id().to_hex(), bytes };
        Self { payload_type: payload_type.to_owned(), payload, signatures: vec![signature] }
    }

    /// Adds the signature of a further key over the same payload.
    #[must_use]
    pub fn and_sign(mut self, key: &SecretKey) -> Self {
        let further = Self::sign(&self.payload_type, std::mem::take(&mut self.payload), key);
        self.signatures.extend(further.signatures);
        Self { payload: further.payload, ..self }
    }

    /// Reads an envelope from JSON of at most [`ENVELOPE_MAX_BYTES`].
    pub fn from_json(json: &[u8]) -> Result<Self, SigningError> {
        if json.len() > ENVELOPE_MAX_BYTES {
            return Err(SigningError::TooLarge { size_bytes: json.len(), max_bytes: ENVELOPE_MAX_BYTES });
        }
        let wire: WireEnvelope = serde_json::from_slice(json)
            .map_err(|error| SigningError::NotAnEnvelope { problem: error.to_string() })?;
        wire.try_into()
    }

    /// The envelope as JSON.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("an envelope holds texts alone")
    }

    /// The payload's type.
    pub fn payload_type(&self) -> &str {
        &self.payload_type
    }

    /// The payload, signed or not.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The signatures, checked or not.
    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// Finds the candidate whose signature verifies.
    ///
    /// A key id is a hint: it picks the candidate it names, otherwise every candidate is tried.
    pub fn verify(&self, candidates: &[PublicKey]) -> Result<KeyId, SigningError> {
        let message = pre_authentication_encoding(&self.payload_type, &self.payload);
        let mut claimed = None;
        for signature in &self.signatures {
            let named = candidates.iter().find(|key| key.id().to_hex() == signature.key_id);
            let tried = named.map_or(candidates, std::slice::from_ref);
            if let Some(key) = tried.iter().find(|key| key.verifies(&message, &signature.bytes)) {
                return Ok(key.id());
            }
            claimed = claimed.or(named);
        }
        Err(match claimed {
            Some(key) => SigningError::BadSignature { key_id: key.id().short() },
            None => SigningError::UnknownSigner { signers: self.signers_as_text() },
        })
    }

    fn signers_as_text(&self) -> String {
        let named: Vec<String> = self
            .signatures
            .iter()
            .map(|signature| match signature.key_id.as_str() {
                "" => "an unnamed key".to_owned(),
                id => id.escape_debug().to_string().chars().take(12).collect(),
            })
            .collect();
        if named.is_empty() { "nobody".to_owned() } else { named.join(", ") }
    }
}

impl TryFrom<WireEnvelope> for Envelope {
    type Error = SigningError;

    fn try_from(wire: WireEnvelope) -> Result<Self, SigningError> {
        let refuse = |problem: String| SigningError::NotAnEnvelope { problem };
        if wire.payload.len() > PAYLOAD_MAX_DIGITS {
            let size_bytes = wire.payload.len();
            return Err(SigningError::TooLarge { size_bytes, max_bytes: PAYLOAD_MAX_DIGITS });
        }
        if wire.signatures.len() > SIGNATURES_MAX {
            let count = wire.signatures.len();
            return Err(refuse(format!(
                "it carries {count} signatures; at most {SIGNATURES_MAX} are allowed"
            )));
        }
        let payload = STANDARD
            .decode(&wire.payload)
            .map_err(|error| refuse(format!("`payload` is not standard base64: {error}")))?;
        let signatures = wire.signatures.into_iter().map(Signature::try_from).collect::<Result<_, _>>()?;
        Ok(Self { payload_type: wire.payload_type, payload, signatures })
    }
}

impl TryFrom<WireSignature> for Signature {
    type Error = SigningError;

    fn try_from(wire: WireSignature) -> Result<Self, SigningError> {
        let mut bytes = [0; 64];
        decode_exactly(&wire.sig, &mut bytes).ok_or_else(|| SigningError::NotAnEnvelope {
            problem: "a signature's `sig` is not the standard base64 of 64 bytes".into(),
        })?;
        Ok(Self { key_id: shortened(&wire.keyid), bytes })
    }
}

impl From<Envelope> for WireEnvelope {
    fn from(envelope: Envelope) -> Self {
        let signatures = envelope
            .signatures
            .into_iter()
            .map(|signature| WireSignature { keyid: signature.key_id, sig: STANDARD.encode(signature.bytes) })
            .collect();
        Self { payload: STANDARD.encode(envelope.payload), payload_type: envelope.payload_type, signatures }
    }
}

/// What DSSE signs: `DSSEv1 <length of type> <type> <length of payload> <payload>`.
pub fn pre_authentication_encoding(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut encoded = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    encoded.extend_from_slice(payload);
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoding_is_the_one_of_the_dsse_specification() {
        let encoded = pre_authentication_encoding("http://example.com/HelloWorld", b"hello world");

        assert_eq!(encoded, b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
    }

    #[test]
    fn the_order_of_candidates_and_a_missing_hint_do_not_matter() {
        let (mine, other) = (SecretKey::from_seed(&[1; 32]), SecretKey::from_seed(&[2; 32]));
        let mut envelope = Envelope::sign(PAYLOAD_TYPE, b"{}".to_vec(), &mine);
        envelope.signatures[0].key_id = String::new();

        let signer = envelope.verify(&[other.public_key(), mine.public_key()]);

        assert_eq!(signer, Ok(mine.public_key().id()));
    }

    #[test]
    fn an_oversized_envelope_is_refused_before_it_is_read() {
        let error = Envelope::from_json(&vec![b' '; ENVELOPE_MAX_BYTES + 1]).unwrap_err();

        assert_eq!(crate::domain::Refusal::code(&error), "attestation-too-large");
    }

    #[test]
    fn one_good_signature_among_bad_ones_is_enough() {
        let key = SecretKey::from_seed(&[1; 32]);
        let mut envelope = Envelope::sign(PAYLOAD_TYPE, b"{}".to_vec(), &key);
        let stranger = Signature { key_id: "elsewhere".into(), bytes: [9; 64] };
        envelope.signatures.insert(0, stranger);

        assert_eq!(envelope.verify(&[key.public_key()]), Ok(key.public_key().id()));
    }

    #[test]
    fn each_key_of_an_envelope_signed_twice_counts_alone() {
        let (old, new) = (SecretKey::from_seed(&[1; 32]), SecretKey::from_seed(&[2; 32]));

        let envelope = Envelope::sign(PAYLOAD_TYPE, b"{}".to_vec(), &old).and_sign(&new);

        assert_eq!(envelope.payload(), b"{}");
        assert_eq!(envelope.verify(&[old.public_key()]), Ok(old.public_key().id()));
        assert_eq!(envelope.verify(&[new.public_key()]), Ok(new.public_key().id()));
    }
}
