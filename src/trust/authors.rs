//! The keys a host trusts: a JSON list, each key as text or with the namespaces it may sign for.

use serde::{Deserialize, Serialize};

use crate::domain::{Namespace, Refusal};
use crate::signing::PublicKey;

pub(super) const TRUST_MAX_BYTES: usize = 1024 * 1024;

/// Why a text is not a trust file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the trust file cannot be read: {problem}")]
pub struct TrustError {
    problem: String,
}

impl TrustError {
    pub(super) fn new(problem: impl Into<String>) -> Self {
        Self { problem: problem.into() }
    }
}

impl Refusal for TrustError {
    fn code(&self) -> &'static str {
        "trust-unreadable"
    }

    fn mend(&self) -> Option<String> {
        Some(
            r#"Save what the registry answers at /api/v1/trust, and add "authors" if you like; or write a JSON list of author keys like ["ed25519:…", {"public_key": "ed25519:…", "namespaces": ["acme"]}]."#
                .into(),
        )
    }
}

/// One trusted key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Entry")]
pub struct TrustedKey {
    /// The key.
    pub public_key: PublicKey,
    /// The namespaces it may sign for; absent: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespaces: Option<Vec<Namespace>>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "a public key, or an object with public_key and namespaces")]
enum Entry {
    Text(PublicKey),
    Limited(LimitedEntry),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LimitedEntry {
    public_key: PublicKey,
    #[serde(default)]
    namespaces: Option<Vec<Namespace>>,
}

impl From<Entry> for TrustedKey {
    fn from(entry: Entry) -> Self {
        match entry {
            Entry::Text(public_key) => Self { public_key, namespaces: None },
            Entry::Limited(LimitedEntry { public_key, namespaces }) => Self { public_key, namespaces },
        }
    }
}

/// The keys a host trusts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TrustedKeys(pub Vec<TrustedKey>);

impl TrustedKeys {
    /// Reads a list of keys.
    pub fn from_json(json: &[u8]) -> Result<Self, TrustError> {
        if json.len() > TRUST_MAX_BYTES {
            return Err(TrustError { problem: format!("it is over {TRUST_MAX_BYTES} bytes") });
        }
        serde_json::from_slice(json).map_err(|error| TrustError { problem: error.to_string() })
    }

    /// The keys that may sign releases of `namespace`.
    pub fn for_namespace(&self, namespace: &Namespace) -> Vec<PublicKey> {
        let covers = |key: &&TrustedKey| key.namespaces.as_ref().is_none_or(|all| all.contains(namespace));
        self.0.iter().filter(covers).map(|key| key.public_key).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signing::SecretKey;

    #[test]
    fn a_key_may_be_trusted_for_some_namespaces_alone() {
        let (wide, narrow) =
            (SecretKey::from_seed(&[1; 32]).public_key(), SecretKey::from_seed(&[2; 32]).public_key());
        let json = format!(r#"["{wide}", {{"public_key": "{narrow}", "namespaces": ["acme"]}}]"#);

        let trusted = TrustedKeys::from_json(json.as_bytes()).unwrap();

        assert_eq!(trusted.for_namespace(&"acme".parse().unwrap()), [wide, narrow]);
        assert_eq!(trusted.for_namespace(&"other".parse().unwrap()), [wide]);
    }

    #[test]
    fn an_unreadable_list_is_refused_instead_of_trusting_nobody_or_everybody() {
        for json in ["", "{}", "[1]", r#"["ed25519:AAAA"]"#, r#"[{"public_key":"x"}]"#] {
            assert!(TrustedKeys::from_json(json.as_bytes()).is_err(), "{json}");
        }
    }
}
