//! The lock: the exact, ordered, digest-pinned set of releases a resolve returns, and what can be told from locks alone.
//!
//! Here are its shapes, which are its JSON form too. Its text form is in `text`, what makes it sound in `check`,
//! two of them side by side in `compare` and `plans`, who needs whom in `tree` and `why`.

mod check;
mod compare;
mod plans;
mod text;
mod tree;
mod why;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{AsOf, LockedHost, Policy, ResolveRequest};
use crate::domain::{
    Capabilities, Digest, Grants, PluginName, ReleaseId, Requirement, Risk, VerificationState, Version,
};

pub use check::LockProblem;
pub use compare::{
    AskedChange, CapabilityChange, Comparison, Facts, KeyFigures, ReleaseChange, ReleaseChangeKind,
};
pub use plans::{Outdated, OutdatedPlugin, UpgradePlan};
pub use text::LockError;
pub use tree::{TreeLine, TreeView};
pub use why::{Asker, Chain, Chains, Link};

/// The exact set of releases a resolve returns.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    /// The registry it came from; the client fills it in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registry: Option<String>,
    /// The size of the log it was computed from.
    pub sequence: u64,
    /// The registry's signed checkpoint of that log, without cosignatures; absent before there was a log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<String>,
    /// What was asked for.
    #[serde(default)]
    pub roots: BTreeMap<PluginName, Requirement>,
    /// The roots whose release is not the newest locked one of that name that the requirement matches: another
    /// plugin stands in, or an older release is kept. See [`Lock::root_release`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub root_releases: BTreeMap<PluginName, ReleaseId>,
    /// Optional dependencies that were taken along.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub with_optional: BTreeSet<PluginName>,
    /// Roots of which pre-releases counted like other releases.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub pre_releases_of: BTreeSet<PluginName>,
    /// The host it is for, with its grants, if one was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<LockedHost>,
    /// What the host accepted beyond what it can run.
    #[serde(default, skip_serializing_if = "Policy::is_default")]
    pub policy: Policy,
    /// The point in the registry's history it was asked to stop at, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<AsOf>,
    /// The releases in load order: dependencies first, then by name and version.
    pub releases: Vec<LockedRelease>,
    /// The union of what the releases ask for: what the host must grant.
    #[serde(default)]
    pub capabilities: Grants,
    /// Newer releases that were not chosen, and why.
    #[serde(default)]
    pub held_back: Vec<HeldBack>,
    /// Locked releases that could not be kept, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub let_go: Vec<LetGo>,
}

/// One release of a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockedRelease {
    /// The plugin.
    pub name: PluginName,
    /// Its version.
    pub version: Version,
    /// SHA-256 of the package.
    pub digest: Digest,
    /// Size of the package in bytes.
    pub size_bytes: u64,
    /// Where the package is downloaded, relative to the registry.
    pub url: String,
    /// Key id of the author key that signed it.
    pub signer: String,
    /// Where its verification run stood.
    pub verification: VerificationState,
    /// The highest risk among its capabilities; absent: pure computation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk: Option<Risk>,
    /// Its licence, as an SPDX expression.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub license: String,
    /// The author's advice against it, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deprecated: Option<String>,
    /// Releases of a level may be loaded in parallel once all lower levels are loaded; starts at 0.
    pub load_level: u32,
    /// What it needs, and the releases of this lock that meet it: by name and version, then by what is provided.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<LockedDependency>,
    /// What it asks for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub capabilities: Capabilities,
}

/// A dependency of a locked release, and the release of the lock that meets it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedDependency {
    /// The release that meets it.
    pub release: ReleaseId,
    /// What was asked of the plugin, or of what is provided.
    pub requirement: Requirement,
    /// The virtual package that the release stands in for; absent: its own name was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provides: Option<PluginName>,
}

/// A newer release that was not chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldBack {
    /// The plugin.
    pub name: PluginName,
    /// The version that was chosen.
    pub chosen: Version,
    /// The newest version there is.
    pub newest: Version,
    /// Why it was not chosen, as a sentence.
    pub reason: String,
}

/// A release of the lock before that may not be chosen any more: the author, the operator or the host is against it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LetGo {
    /// The plugin.
    pub name: PluginName,
    /// The version that was locked.
    pub version: Version,
    /// The version that stands in its place; absent: none of the plugin does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chosen: Option<Version>,
    /// What is against it, as a sentence.
    pub reason: String,
}

impl Lock {
    /// The question that this lock answers, asked again with the lock as the start.
    pub fn to_request(&self) -> ResolveRequest {
        ResolveRequest {
            roots: self.roots.clone(),
            with_optional: self.with_optional.clone(),
            pre_releases_of: self.pre_releases_of.clone(),
            host: self.host.as_ref().map(LockedHost::to_request),
            policy: self.policy.clone(),
            lock: Some(self.clone()),
            upgrade: BTreeSet::new(),
            as_of: self.as_of,
        }
    }

    /// The release that a root led to.
    pub fn root_release(&self, root: &PluginName) -> Option<&LockedRelease> {
        match self.root_releases.get(root) {
            Some(id) => self.release(id),
            None => usual_root_release(&self.releases, root, self.roots.get(root)?),
        }
    }

    /// The place of the release that each root led to; a root that led to none is left out.
    pub(super) fn root_places(&self) -> BTreeMap<&PluginName, usize> {
        let places = self.places();
        let mut usual: BTreeMap<&PluginName, usize> = BTreeMap::new();
        for (place, release) in self.releases.iter().enumerate() {
            if !self.roots.get(&release.name).is_some_and(|wanted| wanted.matches(&release.version)) {
                continue;
            }
            let newest = usual.entry(&release.name).or_insert(place);
            if release.version > self.releases[*newest].version {
                *newest = place;
            }
        }
        let led_to = |root: &PluginName| match self.root_releases.get(root) {
            Some(id) => places.get(&(&id.plugin, &id.version)).copied(),
            None => usual.get(root).copied(),
        };
        self.roots.keys().filter_map(|root| Some((root, led_to(root)?))).collect()
    }

    /// The place of each release.
    fn places(&self) -> BTreeMap<(&PluginName, &Version), usize> {
        let places = self.releases.iter().enumerate();
        places.map(|(place, release)| ((&release.name, &release.version), place)).collect()
    }

    /// The locked release of `id`, if it is in the lock.
    pub fn release(&self, id: &ReleaseId) -> Option<&LockedRelease> {
        self.releases.iter().find(|release| release.name == id.plugin && release.version == id.version)
    }
}

impl LockedDependency {
    /// The name that was asked for: what is provided, or the plugin's own.
    pub fn asked(&self) -> &PluginName {
        self.provides.as_ref().unwrap_or(&self.release.plugin)
    }
}

impl LockedRelease {
    /// Its name and version.
    pub fn id(&self) -> ReleaseId {
        ReleaseId::new(self.name.clone(), self.version.clone())
    }
}

/// What a root means unless the lock says otherwise: the newest release of the name that the requirement matches.
pub(super) fn usual_root_release<'a>(
    releases: &'a [LockedRelease],
    root: &PluginName,
    requirement: &Requirement,
) -> Option<&'a LockedRelease> {
    releases
        .iter()
        .filter(|release| release.name == *root && requirement.matches(&release.version))
        .max_by_key(|release| &release.version)
}

/// What a host must grant for all of these: scopes are united; an unlimited one stays unlimited.
pub(super) fn union_of<'a>(all: impl Iterator<Item = &'a Capabilities>) -> Grants {
    let mut union = Grants::new();
    for (name, request) in all.flatten() {
        let Some(so_far) = union.get_mut(name) else {
            union.insert(name.clone(), request.scope.clone());
            continue;
        };
        so_far.0.retain(|kind, _| request.scope.0.contains_key(kind));
        for (kind, values) in &mut so_far.0 {
            let mut both: BTreeSet<String> = values.drain(..).collect();
            both.extend(request.scope.0[kind].iter().cloned());
            values.extend(both);
        }
    }
    union
}
