//! Which releases a request leaves out before any solving, and why: host, grants, policy, time.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::hindrance::Hindrance;
use super::host::Host;
use super::index::{Contents, Release, Symbol};
use super::kept::{Kept, LockedVersion};
use super::{Circumstances, Policy, ResolveRequest};
use crate::domain::{Namespace, PluginName, Requirement, Risk, Timestamp, TrustLevel, VerificationState};

/// The filters of one request.
pub(super) struct Filters<'a> {
    index: &'a Contents,
    request: &'a ResolveRequest,
    now: Timestamp,
    pub(super) kept: Kept<'a>,
    opted_in: BTreeSet<Symbol>,
    pub(super) host: Option<Host<'a>>,
    licenses: RefCell<HashMap<Arc<str>, bool>>,
    is_permissive: bool,
}

impl<'a> Filters<'a> {
    pub(super) fn new(
        index: &'a Contents,
        request: &'a ResolveRequest,
        circumstances: &Circumstances<'a>,
    ) -> Self {
        let names_one = |name: &&PluginName| names_a_pre_release(&request.roots[*name]);
        let opted_in = request
            .roots
            .keys()
            .filter(names_one)
            .chain(&request.pre_releases_of)
            .filter_map(|name| index.symbol(name))
            .collect();
        let kept = Kept::new(index, request);
        let host = Host::new(index, request, circumstances.profiles);
        let is_permissive = host.is_none() && request.as_of.is_none() && !may_leave_out(&request.policy);
        let (now, licenses) = (circumstances.now, RefCell::default());
        Self { index, request, now, kept, opted_in, host, licenses, is_permissive }
    }

    /// Whether every release of the plugin passes that is on offer and no pre-release.
    pub(super) fn are_plain_for(&self, plugin: Symbol) -> bool {
        self.is_permissive && !self.opted_in.contains(&plugin) && self.kept.locked(plugin).is_empty()
    }

    /// Whether pre-releases of the plugin count like other releases.
    pub(super) fn counts_pre_releases(&self, plugin: Symbol) -> bool {
        self.request.policy.pre_release || self.opted_in.contains(&plugin)
    }

    /// The first reason against a release, in a fixed order.
    pub(super) fn hindrance(&self, plugin: Symbol, release: &Release) -> Option<Hindrance> {
        let is_among =
            |locked: &[LockedVersion<'_>]| locked.iter().any(|locked| *locked.version == release.version);
        let is_locked = is_among(self.kept.locked(plugin));
        // An upgrade moves off a yanked release: the lock keeps it only where the lock is kept.
        let is_yanked = release.yanked && !is_among(self.kept.preferred(plugin));
        self.history(release)
            .or_else(|| release.objection.as_deref().cloned().map(Hindrance::Withdrawn))
            .or_else(|| release.signer_revoked.then_some(Hindrance::SignerRevoked))
            .or_else(|| is_yanked.then_some(Hindrance::Yanked))
            .or_else(|| if is_locked { None } else { self.novelty(plugin, release) })
            .or_else(|| self.host(release))
            .or_else(|| self.policy(plugin, release))
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
        let host = self.host.as_ref()?;
        host.mismatch(release, host.every()).or_else(|| host.refusal(release))
    }

    fn policy(&self, plugin: Symbol, release: &Release) -> Option<Hindrance> {
        let policy = &self.request.policy;
        let namespace = self.index.plugin(plugin).name.namespace();
        if let Some(hindrance) = namespace_hindrance(policy, namespace, release.trust) {
            return Some(hindrance);
        }
        if policy.require_verified && release.verification != VerificationState::Passed {
            return Some(Hindrance::Unverified { failed: release.verification == VerificationState::Failed });
        }
        if let Some(hindrance) =
            release.risk.and_then(|risk| too_risky(policy, risk, policy.trust_of(namespace, release.trust)))
        {
            return Some(hindrance);
        }
        (!self.is_license_accepted(&release.license))
            .then(|| Hindrance::License { license: release.license.to_string() })
    }

    fn is_license_accepted(&self, license: &Arc<str>) -> bool {
        if self.request.policy.licenses.is_none() {
            return true;
        }
        if let Some(known) = self.licenses.borrow().get(license) {
            return *known;
        }
        let is_accepted = self.request.policy.accepts_license(license);
        self.licenses.borrow_mut().insert(Arc::clone(license), is_accepted);
        is_accepted
    }

    fn widening(&self, plugin: Symbol, release: &Release) -> Option<Hindrance> {
        if self.request.policy.allow_widening {
            return None;
        }
        let before = self
            .kept
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

/// Whether a policy could leave out a release that is on offer and no pre-release, or let a pre-release in.
fn may_leave_out(policy: &Policy) -> bool {
    // Taken apart, so that a new rule cannot be forgotten here.
    let Policy {
        min_age_hours,
        require_verified,
        max_risk,
        max_risk_by_trust,
        min_trust,
        trust: _,
        allowed_namespaces,
        denied_namespaces,
        licenses,
        allow_widening: _,
        pre_release,
        one_version_per_plugin: _,
    } = policy;
    *min_age_hours > 0
        || *require_verified
        || max_risk.is_some()
        || !max_risk_by_trust.is_empty()
        || min_trust.is_some()
        || allowed_namespaces.is_some()
        || !denied_namespaces.is_empty()
        || licenses.is_some()
        || *pre_release
}

/// What the policy has against everything from a namespace.
fn namespace_hindrance(policy: &Policy, namespace: &Namespace, registered: TrustLevel) -> Option<Hindrance> {
    if policy.denied_namespaces.contains(namespace) {
        return Some(Hindrance::NamespaceDenied { namespace: namespace.clone() });
    }
    if policy.allowed_namespaces.as_ref().is_some_and(|allowed| !allowed.contains(namespace)) {
        return Some(Hindrance::NamespaceNotAllowed { namespace: namespace.clone() });
    }
    let (least, trust) = (policy.min_trust?, policy.trust_of(namespace, registered));
    (trust < least).then(|| Hindrance::TooLittleTrust { namespace: namespace.clone(), trust, least })
}

fn too_risky(policy: &Policy, risk: Risk, trust: TrustLevel) -> Option<Hindrance> {
    let most = policy.max_risk.filter(|most| risk > *most).map(|most| Hindrance::TooRisky { risk, most });
    let most_here = || policy.max_risk_at(trust).filter(|most| risk > *most);
    most.or_else(|| most_here().map(|most| Hindrance::TooRiskyForTrust { risk, most, trust }))
}
