//! The offline bundles: all that is needed to check a release, or the releases of a lock, without the network.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::domain::{Digest, HostProfile, PluginName, Refusal, ReleaseId, Version};
use crate::log::Hash;
use crate::signing::{Envelope, KeyId, PublicKey};

/// The format's number; a reader refuses what it does not know.
pub const BUNDLE_FORMAT: u32 = 2;

/// The most a bundle of one release may weigh as JSON, in bytes.
pub const BUNDLE_MAX_BYTES: usize = 4 * 1024 * 1024;

/// The most a bundle of a whole lock may weigh as JSON, in bytes.
pub const LOCK_BUNDLE_MAX_BYTES: usize = 64 * 1024 * 1024;

/// The most entries about one release that are carried beside its publish, key and verdict.
pub const BUNDLE_EVENTS_MAX: usize = 256;

/// The most releases of one lock bundle.
pub const LOCK_BUNDLE_RELEASES_MAX: usize = 4096;

/// An entry of the log with the proof that it is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoggedEntry {
    /// Its place in the log, from 0.
    pub index: u64,
    /// The leaf as text, byte for byte.
    pub entry: String,
    /// The inclusion proof in the tree of the bundle's checkpoint.
    pub proof: Vec<Hash>,
}

/// What `GET /api/v1/plugins/{namespace}/{name}/{version}/bundle` answers.
///
/// Nothing in it is believed for being in it: the checkpoint is checked against the log's key, every entry
/// against the checkpoint, the package, its signature and its imports against the entries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    /// [`BUNDLE_FORMAT`].
    pub format: u32,
    /// The plugin.
    pub plugin: PluginName,
    /// The version of the release.
    pub version: Version,
    /// SHA-256 of the package.
    pub digest: Digest,
    /// Size of the package in bytes.
    pub size_bytes: u64,
    /// SHA-256 of the manifest's canonical JSON.
    pub manifest_digest: Digest,
    /// The author's signed statement.
    pub attestation: Envelope,
    /// The key that signed it.
    pub public_key: PublicKey,
    /// The id of that key.
    pub key_id: KeyId,
    /// The host profile the release was inspected against.
    pub profile: HostProfile,
    /// The log's signed checkpoint all proofs lead to; empty inside a [`LockBundle`], which has one for all.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub checkpoint: String,
    /// How the release came into the log.
    pub publish: LoggedEntry,
    /// How the key that signed it came to sign for the namespace.
    pub key_enrollment: LoggedEntry,
    /// From where on that key no longer counts, if it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_revocation: Option<LoggedEntry>,
    /// The newest verdict, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<LoggedEntry>,
    /// What else was logged about the release, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<LoggedEntry>,
    /// What the registry said about the release when it made the bundle: a signed standing.
    pub standing: Envelope,
}

/// One checkpoint and the bundles of all releases of a lock: what `POST /api/v1/bundles` answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockBundle {
    /// [`BUNDLE_FORMAT`].
    pub format: u32,
    /// The log's signed checkpoint all proofs of all bundles lead to.
    pub checkpoint: String,
    /// The recall feed: signed, with its own end of life.
    pub recalls: Envelope,
    /// A bundle a release, without checkpoint.
    pub bundles: Vec<Bundle>,
}

/// Why a text is not a bundle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// Over the bound.
    #[error("the bundle is {size_bytes} bytes; at most {allowed_bytes} are read")]
    TooLarge {
        /// Its size.
        size_bytes: usize,
        /// The bound.
        allowed_bytes: usize,
    },
    /// Written by another program version.
    #[error("the bundle has format {format}; this program reads format {BUNDLE_FORMAT}")]
    UnknownFormat {
        /// The format it states; 1 where it states none.
        format: u32,
    },
    /// Not JSON of the shape.
    #[error("the bundle cannot be read: {problem}")]
    Unreadable {
        /// What is wrong, with the place.
        problem: String,
    },
}

impl Refusal for BundleError {
    fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "bundle-too-large",
            Self::UnknownFormat { .. } => "bundle-format-unknown",
            Self::Unreadable { .. } => "bundle-unreadable",
        }
    }

    fn mend(&self) -> Option<String> {
        Some(match self {
            Self::UnknownFormat { format } if *format > BUNDLE_FORMAT => {
                "Use the pluginry version that wrote it, or a later one.".into()
            }
            _ => "Fetch it again: `pluginry fetch` writes one beside each package, and with --bundle one for the whole lock.".into(),
        })
    }
}

impl Bundle {
    /// Reads a bundle that carries its own checkpoint.
    pub fn from_json(json: &[u8]) -> Result<Self, BundleError> {
        let bundle: Self = read(json, BUNDLE_MAX_BYTES)?;
        if bundle.checkpoint.is_empty() {
            return Err(unreadable("it has no checkpoint"));
        }
        bundle.within_bounds()
    }

    /// The bundle as JSON.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec_pretty(self).expect("a bundle holds no map with keys that are no texts")
    }

    /// The release it belongs to.
    pub fn release_id(&self) -> ReleaseId {
        ReleaseId::new(self.plugin.clone(), self.version.clone())
    }

    fn within_bounds(self) -> Result<Self, BundleError> {
        if self.events.len() > BUNDLE_EVENTS_MAX {
            let count = self.events.len();
            return Err(unreadable(format!("it carries {count} events, over {BUNDLE_EVENTS_MAX}")));
        }
        Ok(self)
    }
}

impl LockBundle {
    /// Reads the bundle of a lock: one checkpoint, and every release once.
    pub fn from_json(json: &[u8]) -> Result<Self, BundleError> {
        let Self { format, checkpoint, recalls, bundles } = read(json, LOCK_BUNDLE_MAX_BYTES)?;
        if checkpoint.is_empty() {
            return Err(unreadable("it has no checkpoint"));
        }
        if bundles.len() > LOCK_BUNDLE_RELEASES_MAX {
            let count = bundles.len();
            return Err(unreadable(format!("it carries {count} releases, over {LOCK_BUNDLE_RELEASES_MAX}")));
        }
        let bundles = bundles.into_iter().map(Bundle::within_bounds).collect::<Result<Vec<_>, _>>()?;
        let mut seen = std::collections::BTreeSet::new();
        for bundle in &bundles {
            let release = bundle.release_id();
            if bundle.format != BUNDLE_FORMAT {
                return Err(BundleError::UnknownFormat { format: bundle.format });
            }
            if !bundle.checkpoint.is_empty() {
                return Err(unreadable(format!("the part of {release} brings a checkpoint of its own")));
            }
            if !seen.insert(release.clone()) {
                return Err(unreadable(format!("it carries {release} twice")));
            }
        }
        Ok(Self { format, checkpoint, recalls, bundles })
    }

    /// The bundle as JSON.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec_pretty(self).expect("a bundle holds no map with keys that are no texts")
    }

    /// The bundle of one release, with the checkpoint that is common to all.
    pub fn bundle(&self, release: &ReleaseId) -> Option<Bundle> {
        let found = self.bundles.iter().find(|bundle| bundle.release_id() == *release)?;
        Some(Bundle { checkpoint: self.checkpoint.clone(), ..found.clone() })
    }
}

#[derive(Deserialize)]
struct Format {
    /// The first format stated none.
    #[serde(default = "first_format")]
    format: u32,
}

fn first_format() -> u32 {
    1
}

/// The format is read first: a shape that is not known yet must not look like damage.
fn read<T: DeserializeOwned>(json: &[u8], allowed_bytes: usize) -> Result<T, BundleError> {
    if json.len() > allowed_bytes {
        return Err(BundleError::TooLarge { size_bytes: json.len(), allowed_bytes });
    }
    let Format { format } = serde_json::from_slice(json).map_err(|error| unreadable(error.to_string()))?;
    if format != BUNDLE_FORMAT {
        return Err(BundleError::UnknownFormat { format });
    }
    serde_json::from_slice(json).map_err(|error| unreadable(error.to_string()))
}

fn unreadable(problem: impl Into<String>) -> BundleError {
    BundleError::Unreadable { problem: problem.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_formats_are_named_as_such() {
        let found = |json: &str| Bundle::from_json(json.as_bytes()).unwrap_err();

        assert_eq!(found(r#"{"plugin":"acme:hello"}"#), BundleError::UnknownFormat { format: 1 });
        assert_eq!(found(r#"{"format":3,"new":true}"#), BundleError::UnknownFormat { format: 3 });
        assert!(matches!(found(r#"{"format":2}"#), BundleError::Unreadable { .. }));
        assert!(matches!(found("7"), BundleError::Unreadable { .. }));
    }

    #[test]
    fn a_text_over_the_bound_is_not_even_read() {
        let error = Bundle::from_json(&vec![b' '; BUNDLE_MAX_BYTES + 1]).unwrap_err();

        assert!(matches!(error, BundleError::TooLarge { .. }), "{error}");
    }
}
