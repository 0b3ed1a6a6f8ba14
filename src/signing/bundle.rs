//! The bundle of the first format, until the server answers `trust::Bundle`: then this file goes.

use serde::{Deserialize, Serialize};

use super::{Envelope, KeyId, PublicKey};
use crate::domain::{Digest, HostProfile, PluginName, Version};

/// What `GET /api/v1/plugins/{namespace}/{name}/{version}/bundle` answers.
///
/// Nothing in it is believed for being in it: the digest, the signature and the imports are checked
/// against the package, and the key against the keys the reader trusts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bundle {
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
    /// The key that signed it, as enrolled at publish.
    pub public_key: PublicKey,
    /// The id of that key.
    pub key_id: KeyId,
    /// The host profile the release was inspected against.
    pub profile: HostProfile,
}

impl Bundle {
    /// The release it belongs to.
    pub fn release_id(&self) -> crate::domain::ReleaseId {
        crate::domain::ReleaseId::new(self.plugin.clone(), self.version.clone())
    }
}
