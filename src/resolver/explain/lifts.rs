//! What would lift a hindrance: the changes of a request that a release needs to become a candidate.
//!
//! Whether they lead to a lock is not decided here.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::facts::Fact;
use crate::domain::{HostProfile, PluginName, Requirement, Timestamp, Version};
use crate::resolver::hindrance::Hindrance;
use crate::resolver::host::registered_versions;
use crate::resolver::index::{Contents, Release, Symbol};
use crate::resolver::{Change, Policy, ResolveRequest};

/// Lifts that are looked at; more would not be tried.
const LIFTS_MAX: usize = 64;

/// Changes that lift one hindrance.
pub(super) struct Lift {
    /// What is better to change comes first.
    pub(super) rank: u8,
    pub(super) changes: Vec<Change>,
}

/// Finds lifts for facts about one request.
pub(super) struct Lifter<'a> {
    pub(super) index: &'a Contents,
    pub(super) profiles: &'a [HostProfile],
    pub(super) now: Timestamp,
    pub(super) request: &'a ResolveRequest,
}

impl Lifter<'_> {
    /// The lifts of every hindrance among the facts, the best first, none twice.
    pub(super) fn lifts(&self, facts: &[Fact]) -> Vec<Lift> {
        let mut lifts: Vec<Lift> = Vec::new();
        for fact in facts {
            if lifts.len() > LIFTS_MAX {
                break;
            }
            if let Fact::LeftOut { plugin, ordinals, hindrance } = fact {
                for lift in self.lifts_of(*plugin, ordinals, hindrance) {
                    if lifts.iter().all(|known| known.changes != lift.changes) {
                        lifts.push(lift);
                    }
                }
            }
        }
        lifts.sort_by_key(|lift| lift.rank);
        lifts
    }

    fn lifts_of(&self, plugin: Symbol, ordinals: &BTreeSet<u32>, hindrance: &Hindrance) -> Vec<Lift> {
        let policy = &self.request.policy;
        let releases =
            || ordinals.iter().map(|ordinal| &self.index.plugin(plugin).releases[*ordinal as usize]);
        let Some(newest) = releases().next_back() else { return Vec::new() };
        let name = &self.index.plugin(plugin).name;
        let lift = |rank: u8, changes: Vec<Change>| vec![Lift { rank, changes }];
        let set = |rank: u8, field: &str, value: Value| {
            lift(rank, vec![Change::Policy { field: field.into(), value }])
        };
        match hindrance {
            Hindrance::Ungranted { .. } => lift(0, self.grants(name, newest)),
            Hindrance::ExtensionPoints { declared, .. } => {
                let first = declared.first().cloned();
                lift(1, first.map(|name| Change::ExtensionPoint { name }).into_iter().collect())
            }
            Hindrance::ProfileVersion { profile, .. } => lift(2, self.host(profile, releases())),
            Hindrance::OtherProfile { made_for, .. } => lift(12, self.host(made_for, releases())),
            Hindrance::PreRelease => lift(3, self.pre_release(name, newest)),
            Hindrance::Yanked => lift(3, self.keep(name, releases())),
            Hindrance::Widening { .. } => set(4, "allow_widening", json!(true)),
            Hindrance::NotYetPublished { .. } => {
                let first = releases().map(|release| release.sequence).min();
                lift(5, first.map(|tree_size| Change::AsOf { tree_size }).into_iter().collect())
            }
            Hindrance::TooYoung { hours } => self.age(*hours, releases()),
            Hindrance::Unverified { failed: false } => set(7, "require_verified", json!(false)),
            Hindrance::License { license } => set(8, "licenses", with_licenses(policy, license)),
            Hindrance::TooRisky { risk, .. } => set(9, "max_risk", json!(risk)),
            Hindrance::TooRiskyForTrust { risk, trust, .. } => {
                let mut by_trust = policy.max_risk_by_trust.clone();
                by_trust.insert(*trust, *risk);
                set(9, "max_risk_by_trust", json!(by_trust))
            }
            Hindrance::TooLittleTrust { namespace, least, .. } => {
                let mut trust = policy.trust.clone();
                trust.insert(namespace.clone(), *least);
                set(10, "trust", json!(trust))
            }
            Hindrance::NamespaceNotAllowed { namespace } => {
                let mut allowed = policy.allowed_namespaces.clone().unwrap_or_default();
                allowed.insert(namespace.clone());
                set(11, "allowed_namespaces", json!(allowed))
            }
            Hindrance::NamespaceDenied { namespace } => {
                let mut denied = policy.denied_namespaces.clone();
                denied.remove(namespace);
                set(11, "denied_namespaces", json!(denied))
            }
            // Nobody should be talked into what failed, was withdrawn, or lost its signature.
            Hindrance::Unverified { failed: true } | Hindrance::Withdrawn(_) | Hindrance::SignerRevoked => {
                Vec::new()
            }
        }
        .into_iter()
        .filter(|lift| !lift.changes.is_empty())
        .collect()
    }

    /// Everything the release asks for and the host does not grant.
    fn grants(&self, plugin: &PluginName, release: &Release) -> Vec<Change> {
        let grants = self.request.host.as_ref().and_then(|host| host.grants.as_ref());
        release
            .capabilities
            .iter()
            .filter(|(capability, request)| {
                let granted = grants.and_then(|grants| grants.get(capability));
                !granted.is_some_and(|granted| request.scope.is_within(granted))
            })
            .map(|(capability, request)| Change::Grant {
                plugin: plugin.clone(),
                capability: capability.clone(),
                scope: request.scope.clone(),
            })
            .collect()
    }

    /// The lowest version of the profile, above the host's own if there is one, that one of the releases runs on.
    fn host<'r>(&self, profile: &PluginName, releases: impl Iterator<Item = &'r Release>) -> Vec<Change> {
        let own = self.request.host.as_ref().filter(|host| host.profile == *profile);
        let own = own.and_then(|host| host.version.as_ref());
        let registered: Vec<&Version> = registered_versions(profile, self.profiles).collect();
        let mut fitting: Vec<Version> = Vec::new();
        for release in releases {
            let needs = self.index.requirement(release.profile);
            if self.profiles.is_empty() {
                fitting.extend(lowest_matching(needs));
            } else {
                fitting.extend(registered.iter().copied().filter(|version| needs.matches(version)).cloned());
            }
        }
        fitting.sort_unstable();
        let above = fitting.iter().find(|version| own.is_none_or(|own| *version > own));
        let best = above.or(fitting.last()).cloned();
        let profile = profile.clone();
        best.map(|version| Change::HostVersion { profile, version }).into_iter().collect()
    }

    fn pre_release(&self, plugin: &PluginName, release: &Release) -> Vec<Change> {
        let plugin = plugin.clone();
        let change = if self.request.roots.contains_key(&plugin) {
            Change::PreReleasesOf { plugin }
        } else {
            let requirement = at_least(&release.version);
            Change::AskFor { plugin, requirement }
        };
        vec![change]
    }

    /// A yanked release that the lock holds would stay if it were not to be upgraded.
    fn keep<'r>(&self, plugin: &PluginName, mut releases: impl Iterator<Item = &'r Release>) -> Vec<Change> {
        let locked = || self.request.lock.iter().flat_map(|lock| &lock.releases);
        let is_locked = releases.any(|release| {
            locked().any(|locked| locked.name == *plugin && locked.version == release.version)
        });
        let keeps = is_locked && self.request.upgrade.contains(plugin);
        keeps.then(|| Change::KeepLocked { plugin: plugin.clone() }).into_iter().collect()
    }

    /// Waiting until the oldest is old enough, or accepting its age.
    fn age<'r>(&self, hours: u32, releases: impl Iterator<Item = &'r Release>) -> Vec<Lift> {
        let Some(published_at) = releases.map(|release| release.published_at).min() else {
            return Vec::new();
        };
        // Whole minutes are what a person waits for.
        let due = published_at.plus_seconds(i64::from(hours) * 3600).as_micros();
        let until = Timestamp::from_micros(due.saturating_add(59_999_999) / 60_000_000 * 60_000_000);
        let age_micros = self.now.as_micros().saturating_sub(published_at.as_micros()).max(0);
        let age_hours = age_micros / 3_600_000_000;
        let field = "min_age_hours".to_owned();
        vec![
            Lift { rank: 6, changes: vec![Change::Wait { until }] },
            Lift { rank: 6, changes: vec![Change::Policy { field, value: json!(age_hours) }] },
        ]
    }
}

/// "^1.9.0": this version and later compatible ones.
pub(super) fn at_least(version: &Version) -> Requirement {
    format!("^{version}").parse().unwrap_or_else(|_| Requirement::exactly(version))
}

/// The accepted licences with the fewest more that would allow this one.
fn with_licenses(policy: &Policy, license: &str) -> Value {
    let mut accepted = policy.licenses.clone().unwrap_or_default();
    let Ok(expression) = spdx::Expression::parse(license) else {
        accepted.insert(license.to_owned());
        return json!(accepted);
    };
    let missing: BTreeSet<String> = expression
        .requirements()
        .map(|requirement| requirement.req.to_string())
        .filter(|term| !accepted.contains(term))
        .collect();
    let would_do = |term: &&String| {
        expression.evaluate(|req| accepted.contains(&req.to_string()) || req.to_string() == **term)
    };
    match missing.iter().find(would_do) {
        Some(term) => accepted.extend([term.clone()]),
        None => accepted.extend(missing),
    }
    json!(accepted)
}

/// A low version that meets a requirement, where none are known to choose from.
fn lowest_matching(requirement: &Requirement) -> Option<Version> {
    let from_zero = [Version::new(0, 0, 0), Version::new(0, 1, 0), Version::new(1, 0, 0)];
    let named = requirement.as_semver().comparators.iter().flat_map(|comparator| {
        let (major, minor) = (comparator.major, comparator.minor.unwrap_or(0));
        let patch = comparator.patch.unwrap_or(0);
        [
            Version::new(major, minor, patch),
            Version::new(major, minor, patch.saturating_add(1)),
            Version::new(major, minor.saturating_add(1), 0),
            Version::new(major.saturating_add(1), 0, 0),
        ]
    });
    from_zero.into_iter().chain(named).filter(|version| requirement.matches(version)).min()
}
