//! What makes releases a lock: each once, each need met within it, none in a circle, loaded in order.

use std::collections::{BTreeMap, BTreeSet};

use super::{Lock, LockedDependency, LockedRelease};
use crate::domain::{PluginName, ReleaseId, Requirement, Version};
use crate::resolver::load_order::load_levels;

/// Releases a lock may hold.
pub(super) const RELEASES_MAX: usize = 10_000;

/// Why releases do not make a lock.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LockProblem {
    /// Over the bound.
    #[error("it holds {count} releases; at most {RELEASES_MAX} are allowed")]
    TooMany {
        /// How many it holds.
        count: usize,
    },
    /// The same release again.
    #[error("{release} is in it twice")]
    Twice {
        /// The release.
        release: ReleaseId,
    },
    /// A release asks for one name in two ways.
    #[error("{release} needs {asked} twice")]
    NeededTwice {
        /// The release.
        release: ReleaseId,
        /// What it asks for.
        asked: PluginName,
    },
    /// A need leads out of the lock.
    #[error("{release} needs {needed}, which is not in it")]
    NotThere {
        /// The release that needs it.
        release: ReleaseId,
        /// What is missing: a release, or a plugin where no version was said.
        needed: String,
    },
    /// A need does not say which of several releases meets it.
    #[error("{asking} needs {needed}, and it holds several versions of that without saying which is meant")]
    Ambiguous {
        /// The release that needs it; absent: a root does.
        release: Option<ReleaseId>,
        /// Who needs it, in words.
        asking: String,
        /// The plugin.
        needed: PluginName,
    },
    /// A need is met by a version that does not meet it.
    #[error("{release} needs {asked} {requirement}, and it holds {given} for that")]
    Unmet {
        /// The release that needs it.
        release: ReleaseId,
        /// The plugin asked for.
        asked: PluginName,
        /// The versions that would do.
        requirement: Requirement,
        /// The version that is in the lock.
        given: Version,
    },
    /// A root leads to nothing.
    #[error("{root} {requirement} was asked for, and no release in it is for that")]
    RootNotThere {
        /// The root.
        root: PluginName,
        /// What was asked for.
        requirement: Requirement,
    },
    /// It says which release a root led to, of something that is no root.
    #[error("it says which release {root} led to, and {root} was not asked for")]
    NoRoot {
        /// The name.
        root: PluginName,
    },
    /// Releases need each other.
    #[error("these releases need each other in a circle: {}", circle(releases))]
    Cycle {
        /// Each needs the next, the last needs the first.
        releases: Vec<ReleaseId>,
    },
    /// Not loaded right after what it needs.
    #[error("{release} is at load level {stated}; what it needs puts it at {right}")]
    LoadLevel {
        /// The release.
        release: ReleaseId,
        /// What the lock says.
        stated: u32,
        /// One above its highest need.
        right: u32,
    },
}

fn circle(releases: &[ReleaseId]) -> String {
    let mut names: Vec<String> = releases.iter().take(8).map(ToString::to_string).collect();
    if releases.len() > 8 {
        names.push(format!("{} more", releases.len() - 8));
    }
    names.extend(releases.first().map(ToString::to_string));
    names.join(" needs ")
}

impl LockProblem {
    /// The release it is about, where it is about one.
    pub fn release(&self) -> Option<&ReleaseId> {
        match self {
            Self::Twice { release }
            | Self::NeededTwice { release, .. }
            | Self::NotThere { release, .. }
            | Self::Unmet { release, .. }
            | Self::LoadLevel { release, .. } => Some(release),
            Self::Cycle { releases } => releases.first(),
            Self::Ambiguous { release, .. } => release.as_ref(),
            Self::TooMany { .. } | Self::RootNotThere { .. } | Self::NoRoot { .. } => None,
        }
    }
}

impl Lock {
    /// Whether the releases make a lock: a lock that comes from outside is checked before it is used.
    pub fn check(&self) -> Result<(), LockProblem> {
        let count = self.releases.len();
        if count > RELEASES_MAX {
            return Err(LockProblem::TooMany { count });
        }
        let mut places: BTreeMap<ReleaseId, usize> = BTreeMap::new();
        for (place, release) in self.releases.iter().enumerate() {
            if places.insert(release.id(), place).is_some() {
                return Err(LockProblem::Twice { release: release.id() });
            }
        }
        let needs = self.releases.iter().map(|release| needs_of(release, &places));
        let needs: Vec<Vec<usize>> = needs.collect::<Result<_, _>>()?;
        self.check_roots()?;
        let levels = load_levels(&needs).map_err(|circle| {
            let releases = circle.0.into_iter().map(|place| self.releases[place].id());
            LockProblem::Cycle { releases: releases.collect() }
        })?;
        match self.releases.iter().zip(levels).find(|(release, level)| release.load_level != *level) {
            None => Ok(()),
            Some((release, right)) => {
                Err(LockProblem::LoadLevel { release: release.id(), stated: release.load_level, right })
            }
        }
    }

    fn check_roots(&self) -> Result<(), LockProblem> {
        if let Some(root) = self.root_releases.keys().find(|root| !self.roots.contains_key(*root)) {
            return Err(LockProblem::NoRoot { root: root.clone() });
        }
        let led_to = self.root_places();
        match self.roots.iter().find(|(root, _)| !led_to.contains_key(root)) {
            None => Ok(()),
            Some((root, requirement)) => {
                Err(LockProblem::RootNotThere { root: root.clone(), requirement: requirement.clone() })
            }
        }
    }
}

/// The places of what a release needs.
fn needs_of(release: &LockedRelease, places: &BTreeMap<ReleaseId, usize>) -> Result<Vec<usize>, LockProblem> {
    let mut asked = BTreeSet::new();
    let mut needs = BTreeSet::new();
    for dependency in &release.dependencies {
        if !asked.insert(dependency.asked()) {
            return Err(LockProblem::NeededTwice {
                release: release.id(),
                asked: dependency.asked().clone(),
            });
        }
        let place = places.get(&dependency.release).ok_or_else(|| LockProblem::NotThere {
            release: release.id(),
            needed: dependency.release.to_string(),
        })?;
        check_requirement(release, dependency)?;
        needs.insert(*place);
    }
    Ok(needs.into_iter().collect())
}

/// What is provided has a version of its own, which the lock does not hold; pre-releases count by the policy.
fn check_requirement(release: &LockedRelease, dependency: &LockedDependency) -> Result<(), LockProblem> {
    let given = &dependency.release.version;
    if dependency.provides.is_some() || given.is_pre_release() || dependency.requirement.matches(given) {
        return Ok(());
    }
    Err(LockProblem::Unmet {
        release: release.id(),
        asked: dependency.asked().clone(),
        requirement: dependency.requirement.clone(),
        given: given.clone(),
    })
}
