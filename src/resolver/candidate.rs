//! Which releases a request leaves out before any solving, and why: host, grants, policy, time.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::ResolveRequest;
use super::index::{Contents, Release, Symbol};
use super::interval::Interval;
use crate::domain::{
    Capabilities, CapabilityName, Objection, ObjectionKind, PluginName, Requirement, Risk, Scope, Timestamp,
    VerificationState, Version,
};

/// Why a release is no candidate.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Hindrance {
    NotYetPublished { tree_size: u64 },
    Withdrawn(Objection),
    SignerRevoked,
    Yanked,
    PreRelease,
    OtherProfile { made_for: PluginName, host: PluginName },
    ProfileVersion { profile: PluginName, needs: String, host: Version },
    Ungranted { capability: CapabilityName, scope: String, granted: Option<String> },
    TooYoung { hours: u32 },
    Unverified { failed: bool },
    TooRisky { risk: Risk, most: Risk },
    License { license: String },
    Widening { capability: CapabilityName, locked: Version },
}

/// A locked release as the filters see it.
pub(super) struct LockedVersion<'a> {
    pub(super) version: &'a Version,
    capabilities: &'a Capabilities,
}

/// The filters of one request.
pub(super) struct Filters<'a> {
    index: &'a Contents,
    request: &'a ResolveRequest,
    now: Timestamp,
    locked: BTreeMap<Symbol, Vec<LockedVersion<'a>>>,
    opted_in: Vec<Symbol>,
    host_profile: Option<Symbol>,
    licenses: RefCell<HashMap<Arc<str>, bool>>,
    is_permissive: bool,
}

impl<'a> Filters<'a> {
    pub(super) fn new(index: &'a Contents, request: &'a ResolveRequest, now: Timestamp) -> Self {
        let mut locked: BTreeMap<Symbol, Vec<LockedVersion<'a>>> = BTreeMap::new();
        for release in request.lock.iter().flat_map(|lock| &lock.releases) {
            if let Some(symbol) = index.symbol(&release.name) {
                let version =
                    LockedVersion { version: &release.version, capabilities: &release.capabilities };
                locked.entry(symbol).or_default().push(version);
            }
        }
        let opted_in = request
            .roots
            .iter()
            .filter(|(_, requirement)| names_a_pre_release(requirement))
            .filter_map(|(name, _)| index.symbol(name))
            .collect();
        let host_profile = request.host.as_ref().and_then(|host| index.symbol(&host.profile));
        let policy = &request.policy;
        let is_permissive = request.host.is_none()
            && request.as_of.is_none()
            && policy.min_age_hours == 0
            && !policy.require_verified
            && policy.max_risk.is_none()
            && policy.licenses.is_none()
            && !policy.pre_release;
        let licenses = RefCell::default();
        Self { index, request, now, locked, opted_in, host_profile, licenses, is_permissive }
    }

    /// Whether every release of the plugin passes that is on offer and no pre-release.
    pub(super) fn are_plain_for(&self, plugin: Symbol) -> bool {
        self.is_permissive && !self.opted_in.contains(&plugin) && !self.locked.contains_key(&plugin)
    }

    /// Whether pre-releases of the plugin count like other releases.
    pub(super) fn counts_pre_releases(&self, plugin: Symbol) -> bool {
        self.request.policy.pre_release || self.opted_in.contains(&plugin)
    }

    /// The locked versions of the plugin, whether or not they are to be upgraded.
    pub(super) fn locked(&self, plugin: Symbol) -> &[LockedVersion<'a>] {
        self.locked.get(&plugin).map_or(&[], Vec::as_slice)
    }

    /// The locked versions of the plugin that are preferred.
    pub(super) fn preferred(&self, plugin: Symbol) -> &[LockedVersion<'a>] {
        let locked = self.locked(plugin);
        if locked.is_empty() || self.request.upgrade.contains(&self.index.plugin(plugin).name) {
            &[]
        } else {
            locked
        }
    }

    /// The first reason against a release, in a fixed order.
    pub(super) fn hindrance(&self, plugin: Symbol, release: &Release) -> Option<Hindrance> {
        let is_among =
            |locked: &[LockedVersion<'_>]| locked.iter().any(|locked| *locked.version == release.version);
        let is_locked = is_among(self.locked(plugin));
        // An upgrade moves off a yanked release: the lock keeps it only where the lock is kept.
        let is_yanked = release.yanked && !is_among(self.preferred(plugin));
        self.history(release)
            .or_else(|| release.objection.as_deref().cloned().map(Hindrance::Withdrawn))
            .or_else(|| release.signer_revoked.then_some(Hindrance::SignerRevoked))
            .or_else(|| is_yanked.then_some(Hindrance::Yanked))
            .or_else(|| if is_locked { None } else { self.novelty(plugin, release) })
            .or_else(|| self.host(release))
            .or_else(|| self.policy(release))
            .or_else(|| if is_locked { None } else { self.widening(plugin, release) })
    }

    fn history(&self, release: &Release) -> Option<Hindrance> {
        let tree_size = self.request.as_of?.tree_size;
        (release.sequence > tree_size).then_some(Hindrance::NotYetPublished { tree_size })
    }

    /// What only counts against releases that are not locked yet.
    fn novelty(&self, plugin: Symbol, release: &Release) -> Option<Hindrance> {
        if release.version.is_pre_release() && !self.counts_pre_releases(plugin) {
            return Some(Hindrance::PreRelease);
        }
        let hours = self.request.policy.min_age_hours;
        let youngest = self.now.plus_seconds(-i64::from(hours) * 3600);
        (hours > 0 && release.published_at > youngest).then_some(Hindrance::TooYoung { hours })
    }

    fn host(&self, release: &Release) -> Option<Hindrance> {
        let host = self.request.host.as_ref()?;
        if self.host_profile != Some(release.profile.plugin) {
            return Some(Hindrance::OtherProfile {
                made_for: self.index.plugin(release.profile.plugin).name.clone(),
                host: host.profile.clone(),
            });
        }
        let needs = self.index.requirement(release.profile);
        if let Some(version) = &host.version
            && !needs.matches(version)
            && !Interval::of(needs).contains(version.as_semver())
        {
            return Some(Hindrance::ProfileVersion {
                profile: host.profile.clone(),
                needs: needs.to_string(),
                host: version.clone(),
            });
        }
        let grants = host.grants.as_ref()?;
        release.capabilities.iter().find_map(|(capability, request)| {
            let granted = grants.get(capability);
            let is_within = granted.is_some_and(|granted| request.scope.is_within(granted));
            (!is_within).then(|| Hindrance::Ungranted {
                capability: capability.clone(),
                scope: request.scope.to_string(),
                granted: granted.map(Scope::to_string),
            })
        })
    }

    fn policy(&self, release: &Release) -> Option<Hindrance> {
        let policy = &self.request.policy;
        if policy.require_verified && release.verification != VerificationState::Passed {
            return Some(Hindrance::Unverified { failed: release.verification == VerificationState::Failed });
        }
        if let (Some(risk), Some(most)) = (release.risk, policy.max_risk)
            && risk > most
        {
            return Some(Hindrance::TooRisky { risk, most });
        }
        (!self.is_license_accepted(&release.license))
            .then(|| Hindrance::License { license: release.license.to_string() })
    }

    fn is_license_accepted(&self, license: &Arc<str>) -> bool {
        let Some(accepted) = &self.request.policy.licenses else { return true };
        if let Some(known) = self.licenses.borrow().get(license) {
            return *known;
        }
        let is_accepted = match spdx::Expression::parse(license) {
            Ok(expression) => expression.evaluate(|requirement| accepted.contains(&requirement.to_string())),
            Err(_) => accepted.contains(&**license),
        };
        self.licenses.borrow_mut().insert(Arc::clone(license), is_accepted);
        is_accepted
    }

    fn widening(&self, plugin: Symbol, release: &Release) -> Option<Hindrance> {
        if self.request.policy.allow_widening {
            return None;
        }
        let before = self
            .locked(plugin)
            .iter()
            .filter(|locked| *locked.version < release.version)
            .max_by_key(|locked| locked.version)?;
        release.capabilities.iter().find_map(|(capability, request)| {
            let is_within = before
                .capabilities
                .get(capability)
                .is_some_and(|granted| request.scope.is_within(&granted.scope));
            (!is_within).then(|| Hindrance::Widening {
                capability: capability.clone(),
                locked: before.version.clone(),
            })
        })
    }
}

fn names_a_pre_release(requirement: &Requirement) -> bool {
    requirement.as_semver().comparators.iter().any(|comparator| !comparator.pre.is_empty())
}

impl Hindrance {
    /// What is said behind the release's name: "asks for …". `plural`: behind several versions.
    pub(super) fn sentence(&self, plural: bool) -> String {
        let verb = |one: &'static str, many: &'static str| if plural { many } else { one };
        match self {
            Self::NotYetPublished { tree_size } => {
                format!("{} published after entry {tree_size} of the log", verb("was", "were"))
            }
            Self::Withdrawn(Objection { kind, reason }) => {
                let verb = match kind {
                    ObjectionKind::Quarantined => verb("is", "are"),
                    ObjectionKind::TakenDown | ObjectionKind::Recalled => verb("was", "were"),
                };
                format!("{verb} {kind} by the operator of the registry: {reason}")
            }
            Self::SignerRevoked => {
                let these = verb("this release", "these releases");
                format!("{} signed with a key that is revoked, {these} included", verb("was", "were"))
            }
            Self::Yanked => format!("{} yanked by the author", verb("was", "were")),
            Self::PreRelease => verb("is a pre-release", "are pre-releases").into(),
            Self::OtherProfile { made_for, host } => {
                format!("{} made for {made_for} and the host is {host}", verb("is", "are"))
            }
            Self::ProfileVersion { profile, needs, host } => {
                format!("{} {profile} {needs} and the host offers {host}", verb("needs", "need"))
            }
            Self::Ungranted { capability, scope, granted } => {
                let asks = verb("asks", "ask");
                let of = |scope: &str| if scope.is_empty() { String::new() } else { format!(" ({scope})") };
                match granted {
                    None => format!("{asks} for `{capability}`{}, which the host does not grant", of(scope)),
                    Some(granted) if scope.is_empty() => {
                        format!(
                            "{asks} for `{capability}` without limits and the host grants it only for {granted}"
                        )
                    }
                    Some(granted) => {
                        format!(
                            "{asks} for `{capability}`{} and the host grants it only for {granted}",
                            of(scope)
                        )
                    }
                }
            }
            Self::TooYoung { hours } => {
                format!("{} published less than {hours} hours ago", verb("was", "were"))
            }
            Self::Unverified { failed: true } => "failed the verification run".into(),
            Self::Unverified { failed: false } => {
                format!("{} not been through the verification run yet", verb("has", "have"))
            }
            Self::TooRisky { risk, most } => {
                format!(
                    "{} for powers of {risk} risk and the policy allows {most} at most",
                    verb("asks", "ask")
                )
            }
            Self::License { license } => {
                format!("{} licensed under {license}, which the policy does not allow", verb("is", "are"))
            }
            Self::Widening { capability, locked } => {
                let asks = verb("asks", "ask");
                format!("{asks} for more of `{capability}` than the locked {locked} does")
            }
        }
    }
}
