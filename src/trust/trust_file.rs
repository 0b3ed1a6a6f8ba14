//! What a host says it trusts, in one file: the keys of a registry, the keys of authors, or both.

use serde::Deserialize;

use super::authors::{TRUST_MAX_BYTES, TrustError, TrustedKeys};
use super::{TrustChain, TrustDocument};
use crate::signing::Envelope;

/// A trust file: what the registry answers at `/api/v1/trust`, optionally with `"authors"` beside `"versions"`; or a
/// JSON list of author keys alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustFile {
    /// The registry's trust document with its history.
    pub chain: Option<TrustChain>,
    /// The author keys that count; absent: those the registry's log enrolled.
    pub authors: Option<TrustedKeys>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with versions and authors, or a list of author keys")]
struct WireTrustFile {
    #[serde(default)]
    versions: Option<Vec<Envelope>>,
    #[serde(default)]
    authors: Option<TrustedKeys>,
}

impl TrustFile {
    /// Reads a trust file and checks the chain in it; gives the registry's newest document too.
    pub fn from_json(json: &[u8]) -> Result<(Self, Option<TrustDocument>), TrustError> {
        let is_list = json.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[');
        if is_list {
            let authors = Some(TrustedKeys::from_json(json)?);
            return Ok((Self { chain: None, authors }, None));
        }
        if json.len() > TRUST_MAX_BYTES {
            return Err(TrustError::new(format!("it is over {TRUST_MAX_BYTES} bytes")));
        }
        let wire: WireTrustFile =
            serde_json::from_slice(json).map_err(|error| TrustError::new(error.to_string()))?;
        if wire.versions.is_none() && wire.authors.is_none() {
            return Err(TrustError::new("it names neither a registry's keys nor an author's"));
        }
        let chain = wire.versions.map(TrustChain);
        let document = chain.as_ref().map(TrustChain::verify).transpose();
        let document = document.map_err(|error| TrustError::new(error.to_string()))?;
        Ok((Self { chain, authors: wire.authors }, document))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Timestamp;
    use crate::signing::SecretKey;
    use crate::trust::DatedKey;

    fn chain() -> TrustChain {
        let key = SecretKey::from_seed(&[3; 32]);
        let document = TrustDocument {
            version: 1,
            origin: "plugins.example.org".into(),
            issued_at: Timestamp::from_micros(0),
            log_keys: vec![DatedKey::new(key.public_key())],
            registry_keys: vec![DatedKey::new(key.public_key())],
            witnesses: vec![],
            witness_quorum: 0,
        };
        TrustChain(vec![document.sign(&[&key])])
    }

    #[test]
    fn a_trust_file_is_a_registry_s_answer_with_or_without_authors_or_a_list_of_authors() {
        let author = SecretKey::from_seed(&[4; 32]).public_key();
        let answer = chain().to_json();
        let mut both: serde_json::Value = serde_json::from_slice(&answer).unwrap();
        both["authors"] = serde_json::json!([author]);
        let list = serde_json::json!([author]);

        let read = |json: &[u8]| {
            let (file, document) = TrustFile::from_json(json).unwrap();
            (file.chain.is_some(), document.is_some(), file.authors.is_some())
        };

        assert_eq!(read(&answer), (true, true, false));
        assert_eq!(read(both.to_string().as_bytes()), (true, true, true));
        assert_eq!(read(format!(" \n{list}").as_bytes()), (false, false, true));
    }

    #[test]
    fn what_is_neither_is_refused_instead_of_trusting_nobody_or_everybody() {
        let mut forged: serde_json::Value = serde_json::from_slice(&chain().to_json()).unwrap();
        forged["versions"][0]["payload"] = "e30=".into();
        let words = |json: &str| TrustFile::from_json(json.as_bytes()).unwrap_err().to_string();

        let all =
            ["", "{}", "7", r#"{"version": []}"#, r#"{"versions": []}"#, &forged.to_string()].map(words);

        insta::assert_snapshot!(all.join("\n"));
    }
}
