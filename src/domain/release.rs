//! A release as the index tells it: what a resolver needs to know, one JSON line in the index file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    Capabilities, DependencySpec, Digest, Manifest, Objection, PluginName, Requirement, Risk, Timestamp,
    TrustLevel, Version,
};

/// Where the verification run of a release stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VerificationState {
    /// Queued or running.
    Pending,
    /// Every case passed.
    Passed,
    /// A case failed, or the release could not be compiled or run within the limits.
    Failed,
}

/// One line of an index file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexRelease {
    /// Version of the release.
    pub version: Version,
    /// SHA-256 of the package.
    pub digest: Digest,
    /// Size of the package in bytes.
    pub size_bytes: u64,
    /// Place in the log: strictly increasing over the whole registry.
    pub sequence: u64,
    /// When it was published.
    pub published_at: Timestamp,
    /// The profile it is made for.
    pub profile: PluginName,
    /// The profile's versions that will do.
    pub profile_version: Requirement,
    /// Extension points it fills.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extension_points: Vec<String>,
    /// What it asks for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub capabilities: Capabilities,
    /// The highest risk among its capabilities; absent: pure computation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk: Option<Risk>,
    /// Plugins it needs.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub dependencies: BTreeMap<PluginName, DependencySpec>,
    /// Virtual packages it provides.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub provides: BTreeMap<PluginName, Version>,
    /// Plugins it cannot be loaded beside.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub conflicts: BTreeMap<PluginName, Requirement>,
    /// SPDX expression.
    pub license: String,
    /// Whether a lock may hold only one version of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub singleton: bool,
    /// Key id of the author key that signed it.
    pub signer: String,
    /// Whether it needs more than the release before it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub widening: bool,
    /// Whether that key is revoked from this release's place in the log or before: it no longer verifies.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub signer_revoked: bool,
    /// How far the operator trusts its namespace.
    #[serde(default, skip_serializing_if = "TrustLevel::is_marketplace")]
    pub trust: TrustLevel,
    /// Where its verification run stands.
    pub verification: VerificationState,
    /// Whether the author withdrew it from new resolves.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub yanked: bool,
    /// The author's advice against it, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deprecated: Option<String>,
    /// Why the operator hides it and withholds its package while it is looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quarantined: Option<String>,
    /// Why the operator deleted its package for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_down: Option<String>,
    /// Why the operator tells hosts to stop running it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recalled: Option<String>,
}

/// What publishing learns about a release beside its manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishFacts {
    /// SHA-256 of the package.
    pub digest: Digest,
    /// Size of the package in bytes.
    pub size_bytes: u64,
    /// Place in the log.
    pub sequence: u64,
    /// When it was published.
    pub published_at: Timestamp,
    /// The highest risk among its capabilities.
    pub risk: Option<Risk>,
    /// Key id of the signer.
    pub signer: String,
    /// Whether it needs more than the release before it.
    pub widening: bool,
}

impl IndexRelease {
    /// The index line of a freshly published release.
    pub fn new(manifest: &Manifest, facts: PublishFacts) -> Self {
        Self {
            version: manifest.plugin.version.clone(),
            digest: facts.digest,
            size_bytes: facts.size_bytes,
            sequence: facts.sequence,
            published_at: facts.published_at,
            profile: manifest.host.profile.clone(),
            profile_version: manifest.host.version.clone(),
            extension_points: manifest.host.extension_points.clone(),
            capabilities: manifest.capabilities.clone(),
            risk: facts.risk,
            dependencies: manifest.dependencies.clone(),
            provides: manifest.provides.clone(),
            conflicts: manifest.conflicts.clone(),
            license: manifest.plugin.license.clone(),
            singleton: manifest.plugin.singleton,
            signer: facts.signer,
            widening: facts.widening,
            signer_revoked: false,
            trust: TrustLevel::default(),
            verification: VerificationState::Pending,
            yanked: false,
            deprecated: None,
            quarantined: None,
            taken_down: None,
            recalled: None,
        }
    }

    /// What the operator holds against it, the gravest first.
    pub fn objection(&self) -> Option<Objection> {
        Objection::gravest(&self.taken_down, &self.quarantined, &self.recalled)
    }
}
