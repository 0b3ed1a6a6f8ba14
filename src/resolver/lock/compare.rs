//! Two locks side by side: what a host would run differently, what that may do, what it weighs.
//!
//! Computed from the locks alone, so that anybody who holds both can check what is claimed of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Lock, LockedRelease};
use crate::domain::{
    Capabilities, CapabilityName, CapabilityRequest, Grants, PluginName, Risk, Scope, VerificationState,
    Version,
};

mod asked;

/// What differs between two locks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    /// Releases that are new, gone or others, by plugin.
    pub changes: Vec<ReleaseChange>,
    /// What was asked for otherwise: roots, host, grants, policy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asked: Vec<AskedChange>,
    /// What the releases together ask for and did not before: what the host must newly grant.
    pub capabilities_gained: Grants,
    /// What the releases together asked for and do not any more.
    pub capabilities_lost: Grants,
    /// The lock before, in figures.
    pub before: KeyFigures,
    /// The lock after, in figures.
    pub after: KeyFigures,
    /// Size in bytes of the packages that the lock before did not hold.
    pub download_bytes: u64,
}

/// A lock in figures.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyFigures {
    /// Releases.
    pub releases: usize,
    /// Size of all packages in bytes.
    pub size_bytes: u64,
    /// The highest risk; absent: pure computation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk: Option<Risk>,
}

/// A part of the question that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskedChange {
    /// Which part, such as `root acme:markdown` or `policy max_risk`.
    pub what: String,
    /// What it was; absent: not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// What it is; absent: not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// What became of a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReleaseChangeKind {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// A newer version is there instead.
    Upgraded,
    /// An older version is there instead.
    Downgraded,
    /// The same version, of which the lock tells something else.
    Changed,
}

/// One plugin's release before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseChange {
    /// The plugin.
    pub plugin: PluginName,
    /// What became of it.
    pub kind: ReleaseChangeKind,
    /// What the lock before told of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Facts>,
    /// What the lock after tells of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Facts>,
    /// What it asks for and did not before, as the author explains it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub capabilities_gained: Vec<CapabilityChange>,
    /// What it asked for and does not any more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub capabilities_lost: Vec<CapabilityChange>,
    /// Whether another key signed it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub signer_changed: bool,
    /// Whether one version has two packages: never so of an honest registry.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub package_changed: bool,
    /// The author's advice against it, where there was none or another before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newly_deprecated: Option<String>,
    /// Names it asks for that another plugin or another of its versions' lines now meets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub met_by_others: Vec<PluginName>,
}

/// What a lock tells of a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Its version.
    pub version: Version,
    /// Size of the package in bytes.
    pub size_bytes: u64,
    /// The highest risk among its capabilities; absent: pure computation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk: Option<Risk>,
    /// Key id of the author key that signed it.
    pub signer: String,
    /// Its licence.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub license: String,
    /// Where its verification run stood.
    pub verification: VerificationState,
}

/// A power that a release gained or lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CapabilityChange {
    /// Which.
    pub capability: CapabilityName,
    /// The part gained or lost; empty: without limits.
    pub scope: Scope,
    /// Why, in the author's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Comparison {
    /// Whether the two locks hold the same packages, met in the same way, for the same question. What only became
    /// known since (a verdict, an author's advice) does not count.
    pub fn is_same_choice(&self) -> bool {
        self.asked.is_empty() && self.changes.iter().all(ReleaseChange::is_news_only)
    }

    /// How many changes are of a kind.
    pub fn count(&self, kind: ReleaseChangeKind) -> usize {
        self.changes.iter().filter(|change| change.kind == kind).count()
    }
}

impl ReleaseChange {
    /// Whether the same package is told of with other news.
    pub fn is_news_only(&self) -> bool {
        self.kind == ReleaseChangeKind::Changed
            && !self.signer_changed
            && !self.package_changed
            && self.met_by_others.is_empty()
            && self.capabilities_gained.is_empty()
            && self.capabilities_lost.is_empty()
    }
}

impl Lock {
    /// What differs when `after` takes the place of `self`.
    pub fn compare(&self, after: &Self) -> Comparison {
        let mut by_plugin: BTreeMap<&PluginName, Pairing<'_>> = BTreeMap::new();
        for release in &self.releases {
            by_plugin.entry(&release.name).or_default().before.push(release);
        }
        for release in &after.releases {
            by_plugin.entry(&release.name).or_default().after.push(release);
        }
        let changes: Vec<ReleaseChange> = by_plugin.into_values().flat_map(Pairing::changes).collect();
        let (powers_before, powers_after) = (self.powers(), after.powers());
        let known: std::collections::BTreeSet<_> =
            self.releases.iter().map(|release| &release.digest).collect();
        let fresh = after.releases.iter().filter(|release| !known.contains(&release.digest));
        Comparison {
            changes,
            asked: asked::differences(self, after),
            capabilities_gained: beyond(&powers_after, &powers_before),
            capabilities_lost: beyond(&powers_before, &powers_after),
            before: self.key_figures(),
            after: after.key_figures(),
            download_bytes: fresh.fold(0, |sum, release| release.size_bytes.saturating_add(sum)),
        }
    }

    /// The lock in figures.
    pub fn key_figures(&self) -> KeyFigures {
        KeyFigures {
            releases: self.releases.len(),
            size_bytes: self.releases.iter().fold(0, |sum, release| release.size_bytes.saturating_add(sum)),
            risk: self.releases.iter().filter_map(|release| release.risk).max(),
        }
    }

    /// What its releases ask for together, computed anew: the lock's own sum is a claim.
    pub fn powers(&self) -> Grants {
        super::union_of(self.releases.iter().map(|release| &release.capabilities))
    }
}

/// The releases of one plugin, before and after.
#[derive(Default)]
struct Pairing<'a> {
    before: Vec<&'a LockedRelease>,
    after: Vec<&'a LockedRelease>,
}

impl<'a> Pairing<'a> {
    /// The same version goes with itself, then what is compatible with what is, then the newest with the newest.
    fn changes(mut self) -> Vec<ReleaseChange> {
        self.before.sort_by(|a, b| b.version.cmp(&a.version));
        self.after.sort_by(|a, b| b.version.cmp(&a.version));
        let mut pairs = self.take_pairs(|before, after| before.version == after.version);
        pairs.extend(self.take_pairs(|before, after| are_compatible(&before.version, &after.version)));
        pairs.extend(self.take_pairs(|_, _| true));
        let mut changes: Vec<ReleaseChange> =
            pairs.into_iter().filter_map(|(before, after)| changed(before, after)).collect();
        changes.extend(self.before.into_iter().map(removed));
        changes.extend(self.after.into_iter().map(added));
        let version = |facts: &Option<Facts>| facts.as_ref().map(|facts| facts.version.clone());
        changes.sort_by_cached_key(|change| {
            (version(&change.after).or_else(|| version(&change.before)), change.kind)
        });
        changes
    }

    fn take_pairs(
        &mut self,
        belong: impl Fn(&LockedRelease, &LockedRelease) -> bool,
    ) -> Vec<(&'a LockedRelease, &'a LockedRelease)> {
        let mut pairs = Vec::new();
        let after = &mut self.after;
        self.before.retain(|before| {
            let Some(place) = after.iter().position(|after| belong(before, after)) else { return true };
            pairs.push((*before, after.remove(place)));
            false
        });
        pairs
    }
}

/// As cargo sees it: the same left-most number that is not zero.
pub(super) fn are_compatible(one: &Version, other: &Version) -> bool {
    let (one, other) = (one.as_semver(), other.as_semver());
    match (one.major, one.minor) {
        (0, 0) => (other.major, other.minor, other.patch) == (0, 0, one.patch),
        (0, minor) => (other.major, other.minor) == (0, minor),
        (major, _) => other.major == major,
    }
}

fn facts(release: &LockedRelease) -> Facts {
    Facts {
        version: release.version.clone(),
        size_bytes: release.size_bytes,
        risk: release.risk,
        signer: release.signer.clone(),
        license: release.license.clone(),
        verification: release.verification,
    }
}

fn added(release: &LockedRelease) -> ReleaseChange {
    ReleaseChange {
        plugin: release.name.clone(),
        kind: ReleaseChangeKind::Added,
        before: None,
        after: Some(facts(release)),
        capabilities_gained: gained(&release.capabilities, &Capabilities::new()),
        capabilities_lost: Vec::new(),
        signer_changed: false,
        package_changed: false,
        newly_deprecated: release.deprecated.clone(),
        met_by_others: Vec::new(),
    }
}

fn removed(release: &LockedRelease) -> ReleaseChange {
    ReleaseChange {
        kind: ReleaseChangeKind::Removed,
        before: Some(facts(release)),
        after: None,
        capabilities_gained: Vec::new(),
        capabilities_lost: gained(&release.capabilities, &Capabilities::new()),
        newly_deprecated: None,
        ..added(release)
    }
}

/// `None`: the locks tell the same of it.
fn changed(before: &LockedRelease, after: &LockedRelease) -> Option<ReleaseChange> {
    let is_same_version = before.version == after.version;
    let change = ReleaseChange {
        plugin: after.name.clone(),
        kind: match after.version.cmp(&before.version) {
            std::cmp::Ordering::Less => ReleaseChangeKind::Downgraded,
            std::cmp::Ordering::Equal => ReleaseChangeKind::Changed,
            std::cmp::Ordering::Greater => ReleaseChangeKind::Upgraded,
        },
        before: Some(facts(before)),
        after: Some(facts(after)),
        capabilities_gained: gained(&after.capabilities, &before.capabilities),
        capabilities_lost: gained(&before.capabilities, &after.capabilities),
        signer_changed: before.signer != after.signer,
        package_changed: is_same_version && before.digest != after.digest,
        newly_deprecated: after.deprecated.clone().filter(|_| before.deprecated != after.deprecated),
        met_by_others: if is_same_version { met_by_others(before, after) } else { Vec::new() },
    };
    let is_told_alike = change.before == change.after && before.deprecated == after.deprecated;
    let is_same = is_same_version && is_told_alike && change.is_news_only();
    (!is_same).then_some(change)
}

/// The names that another plugin meets, or that a release no longer or newly asks for.
fn met_by_others(before: &LockedRelease, after: &LockedRelease) -> Vec<PluginName> {
    let met = |release: &LockedRelease| -> BTreeMap<PluginName, PluginName> {
        let dependencies = release.dependencies.iter();
        dependencies.map(|known| (known.asked().clone(), known.release.plugin.clone())).collect()
    };
    let (before, after) = (met(before), met(after));
    let mut others: Vec<PluginName> = before
        .iter()
        .filter(|(asked, by)| after.get(*asked) != Some(by))
        .chain(after.iter().filter(|(asked, _)| !before.contains_key(*asked)))
        .map(|(asked, _)| asked.clone())
        .collect();
    others.sort_unstable();
    others
}

/// What `wanted` asks for beyond `known`.
fn gained(wanted: &Capabilities, known: &Capabilities) -> Vec<CapabilityChange> {
    wanted
        .iter()
        .filter_map(|(capability, CapabilityRequest { reason, scope })| {
            let scope = scope_beyond(scope, known.get(capability).map(|known| &known.scope))?;
            Some(CapabilityChange { capability: capability.clone(), scope, reason: reason.clone() })
        })
        .collect()
}

/// What `wanted` reaches beyond `known`, by capability.
pub(super) fn beyond(wanted: &Grants, known: &Grants) -> Grants {
    wanted
        .iter()
        .filter_map(|(capability, scope)| {
            Some((capability.clone(), scope_beyond(scope, known.get(capability))?))
        })
        .collect()
}

/// The part of `wanted` that `known` does not reach. Where both are limited in one and the same kind, only the values
/// that are new; with more kinds the values only mean something together, so all of them.
fn scope_beyond(wanted: &Scope, known: Option<&Scope>) -> Option<Scope> {
    let Some(known) = known else { return Some(wanted.clone()) };
    if wanted.is_within(known) {
        return None;
    }
    let mut kinds = wanted.0.iter();
    let (Some((kind, values)), None) = (kinds.next(), kinds.next()) else { return Some(wanted.clone()) };
    if !known.0.keys().eq([kind]) {
        return Some(wanted.clone());
    }
    let is_new = |value: &&String| {
        let alone = Scope(BTreeMap::from([(kind.clone(), vec![(*value).clone()])]));
        !alone.is_within(known)
    };
    Some(Scope(BTreeMap::from([(kind.clone(), values.iter().filter(is_new).cloned().collect())])))
}
