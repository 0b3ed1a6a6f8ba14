//! The host as a package of the solver: its versions are those of its profile that the request leaves open.
//!
//! - A release needs the host at one of the versions its profile requirement matches. A release that no version
//!   meets is no candidate at all: the solver would only find it out release by release.
//! - The solver settles the host before any plugin, so its version is the newest for which there is an answer.
//! - Without a host in the request none of this exists.

use std::cell::RefCell;
use std::cmp::Reverse;

use pubgrub::{Map, VersionSet as _};

use super::hindrance::Hindrance;
use super::index::{Contents, Edge, Release, Symbol};
use super::interval::Interval;
use super::version_bits::VersionBits;
use super::{HostRequest, ResolveRequest};
use crate::domain::{HostProfile, PluginName, Requirement, Scope, Version};

/// The host of a request; a version's place in the ascending list is its number.
pub(super) struct Host<'a> {
    pub(super) request: &'a HostRequest,
    index: &'a Contents,
    /// Absent where no release is made for it.
    profile: Option<Symbol>,
    versions: Vec<&'a Version>,
    every: VersionBits,
    /// The version a lock holds, where it is to be kept.
    preferred: Option<u32>,
    /// By the number of a requirement on the profile.
    fitting: RefCell<Map<u32, VersionBits>>,
}

impl<'a> Host<'a> {
    pub(super) fn new(
        index: &'a Contents,
        request: &'a ResolveRequest,
        profiles: &'a [HostProfile],
    ) -> Option<Self> {
        let host = request.host.as_ref()?;
        let mut versions: Vec<&Version> = match &host.version {
            Some(asked) => vec![asked],
            None => registered_versions(&host.profile, profiles).collect(),
        };
        versions.sort_unstable();
        versions.dedup();
        let preferred = locked_version(request, host)
            .and_then(|locked| versions.binary_search(&locked).ok())
            .map(|place| place as u32);
        let profile = index.symbol(&host.profile);
        let every = (0..versions.len() as u32).collect();
        Some(Self { request: host, index, profile, versions, every, preferred, fitting: RefCell::default() })
    }

    /// Every version there is.
    pub(super) fn every(&self) -> &VersionBits {
        &self.every
    }

    /// The version of this number.
    pub(super) fn version(&self, number: u32) -> &'a Version {
        self.versions[number as usize]
    }

    /// The versions of these numbers, ascending.
    pub(super) fn versions(&self, numbers: &VersionBits) -> impl Iterator<Item = &'a Version> {
        numbers.ordinals(self.versions.len() as u32).map(|number| self.version(number))
    }

    /// The versions on which a release runs that has this requirement on a profile.
    pub(super) fn fitting(&self, needs: Edge) -> VersionBits {
        if self.profile != Some(needs.plugin) {
            return VersionBits::none();
        }
        let mut fitting = self.fitting.borrow_mut();
        let computed = fitting.entry(needs.requirement).or_insert_with(|| {
            let requirement = self.index.requirement(needs);
            (0..)
                .zip(&self.versions)
                .filter(|(_, version)| fits(requirement, version))
                .map(|(n, _)| n)
                .collect()
        });
        computed.clone()
    }

    /// What a release needs of the host beyond its being there; `None`: nothing.
    pub(super) fn dependency(&self, release: &Release) -> Option<VersionBits> {
        if self.versions.len() == 1 {
            return None;
        }
        let fitting = self.fitting(release.profile);
        (fitting != self.every).then_some(fitting)
    }

    /// The best version in a range: the locked one, then the newest release, then the newest pre-release.
    pub(super) fn best(&self, range: &VersionBits) -> Option<u32> {
        let numbers = || (0..self.versions.len() as u32).rev().filter(|number| range.has(*number));
        self.preferred
            .filter(|number| range.has(*number))
            .or_else(|| numbers().find(|number| !self.version(*number).is_pre_release()))
            .or_else(|| numbers().next())
    }

    /// How many versions are in a range.
    pub(super) fn count(&self, range: &VersionBits) -> u32 {
        range.count_common(&self.every)
    }

    /// Why a release cannot run on any of these versions.
    pub(super) fn mismatch(&self, release: &Release, versions: &VersionBits) -> Option<Hindrance> {
        if !self.fitting(release.profile).is_disjoint(versions) {
            return None;
        }
        if self.profile != Some(release.profile.plugin) {
            return Some(Hindrance::OtherProfile {
                made_for: self.index.plugin(release.profile.plugin).name.clone(),
                host: self.request.profile.clone(),
            });
        }
        let mut offered: Vec<Version> = self.versions(versions).cloned().collect();
        offered.reverse();
        Some(Hindrance::ProfileVersion {
            profile: self.request.profile.clone(),
            needs: self.index.requirement(release.profile).to_string(),
            offered,
        })
    }

    /// Why a release that runs on the host cannot be plugged in there, or asks for too much.
    pub(super) fn refusal(&self, release: &Release) -> Option<Hindrance> {
        self.misplacement(release).or_else(|| self.ungranted(release))
    }

    fn misplacement(&self, release: &Release) -> Option<Hindrance> {
        let offered = self.request.extension_points.as_ref()?;
        let declared = &release.extension_points;
        if declared.is_empty() || declared.iter().any(|point| offered.contains(&**point)) {
            return None;
        }
        let declared = declared.iter().map(ToString::to_string).collect();
        Some(Hindrance::ExtensionPoints { declared, offered: offered.iter().cloned().collect() })
    }

    fn ungranted(&self, release: &Release) -> Option<Hindrance> {
        let grants = self.request.grants.as_ref()?;
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
}

/// The versions registered of a profile, newest first.
pub(super) fn registered_versions<'a>(
    profile: &PluginName,
    profiles: &'a [HostProfile],
) -> impl Iterator<Item = &'a Version> {
    let mut versions: Vec<&Version> =
        profiles.iter().filter(|known| known.name == *profile).map(|known| &known.version).collect();
    versions.sort_unstable_by_key(|version| Reverse(*version));
    versions.into_iter()
}

/// The version a lock was made for, unless the profile is named among what is to be upgraded.
fn locked_version<'a>(request: &'a ResolveRequest, host: &HostRequest) -> Option<&'a Version> {
    let locked = request.lock.as_ref()?.host.as_ref()?;
    let is_kept = locked.profile == host.profile && !request.upgrade.contains(&host.profile);
    is_kept.then_some(&locked.version)
}

/// A host at a pre-release of its profile counts as lying where it lies.
fn fits(requirement: &Requirement, version: &Version) -> bool {
    requirement.matches(version) || Interval::of(requirement).contains(version.as_semver())
}
