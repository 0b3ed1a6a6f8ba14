//! Why there is no lock: every kind of refusal with its code and its mend. Finding the words of a conflict is the work of
//! the module around it.

use std::collections::BTreeSet;

use serde_json::Value;

use super::clauses;
use super::lines::{and, there_are};
use crate::domain::{PluginName, Refusal, ReleaseId, Requirement, Version};
use crate::resolver::Mend;

/// Why there is no lock.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ResolveFailure {
    /// A root is not in the registry.
    #[error("{plugin} is not in this registry{}", did_you_mean(nearest))]
    UnknownPlugin {
        /// The root.
        plugin: PluginName,
        /// Names that look like it, nearest first.
        nearest: Vec<PluginName>,
        /// What was found to end in a lock.
        mends: Vec<Mend>,
    },
    /// The host's profile is not in the registry.
    #[error("the host profile {profile} is not in this registry{}", did_you_mean(nearest))]
    UnknownProfile {
        /// The profile.
        profile: PluginName,
        /// Names that look like it, nearest first.
        nearest: Vec<PluginName>,
        /// What was found to end in a lock.
        mends: Vec<Mend>,
    },
    /// No version of the profile was asked for, and none is known to choose from.
    #[error("no version of the host profile {profile} is known here to choose from")]
    ProfileVersionNeeded {
        /// The profile.
        profile: PluginName,
    },
    /// Pre-releases are to count of a plugin that is no root.
    #[error("`pre_releases_of` names {plugin}, which is not among the roots")]
    PreReleasesOfNoRoot {
        /// The plugin.
        plugin: PluginName,
        /// What was found to end in a lock.
        mends: Vec<Mend>,
    },
    /// No release of a root meets its requirement.
    #[error("no release of {plugin} meets {requirement}; {}", there_are(versions))]
    NoMatchingVersion {
        /// The root.
        plugin: PluginName,
        /// What was asked for.
        requirement: Requirement,
        /// The versions there are, newest first.
        versions: Vec<Version>,
        /// What was found to end in a lock.
        mends: Vec<Mend>,
    },
    /// The requirements exclude each other.
    #[error("{}", .0.text)]
    Conflict(Box<Explanation>),
    /// The host grants less than is asked for.
    #[error("{}", .0.text)]
    MissingGrant(Box<Explanation>),
    /// The releases are made for another host.
    #[error("{}", .0.text)]
    ProfileMismatch(Box<Explanation>),
    /// The policy leaves out what would be needed.
    #[error("{}", .0.text)]
    Policy(Box<Explanation>),
    /// The operator withdrew what would be needed.
    #[error("{}", .0.text)]
    Withdrawn(Box<Explanation>),
    /// Releases need each other in a circle, so none can be loaded first.
    #[error("these releases need each other in a circle, so none can be loaded first: {}", circle(releases))]
    Cycle {
        /// Each needs the next, the last needs the first.
        releases: Vec<ReleaseId>,
        /// What was found to end in a lock.
        mends: Vec<Mend>,
    },
    /// The signal to stop came before an answer was found.
    #[error("no set of releases was found in the time allowed")]
    Deadline,
    /// The request is over a bound.
    #[error("the request names {count} {what}; at most {most} are allowed")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// How many.
        count: usize,
        /// How many are allowed.
        most: usize,
    },
    /// The answer is over a bound.
    #[error("what is asked for leads to {count} releases; at most {most} fit in a lock")]
    AnswerTooLarge {
        /// How many releases it holds.
        count: usize,
        /// How many are allowed.
        most: usize,
    },
}

/// A conflict, explained.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// A headline and one line for each fact.
    pub text: String,
    /// What to change, as a sentence.
    pub mend: String,
    /// The ways out that were found, each proven to end in a lock, the best first.
    pub mends: Vec<Mend>,
    /// Every plugin of one minimal conflict, by name.
    pub plugins: Vec<PluginName>,
    /// The derivation as steps, for programs.
    pub derivation: Value,
}

impl ResolveFailure {
    /// The derivation behind the explanation, for programs; `None` where there was nothing to derive.
    pub fn derivation(&self) -> Option<&Value> {
        self.explanation().map(|explanation| &explanation.derivation)
    }

    /// Every plugin of the conflict explained.
    pub fn plugins(&self) -> &[PluginName] {
        self.explanation().map_or(&[], |explanation| &explanation.plugins)
    }

    /// The ways out that were found: with its changes made, each ends in a lock.
    pub fn mends(&self) -> &[Mend] {
        match self {
            Self::UnknownPlugin { mends, .. }
            | Self::UnknownProfile { mends, .. }
            | Self::PreReleasesOfNoRoot { mends, .. }
            | Self::NoMatchingVersion { mends, .. }
            | Self::Cycle { mends, .. } => mends,
            _ => self.explanation().map_or(&[], |explanation| &explanation.mends),
        }
    }

    pub(super) fn mends_mut(&mut self) -> Option<&mut Vec<Mend>> {
        match self {
            Self::UnknownPlugin { mends, .. }
            | Self::UnknownProfile { mends, .. }
            | Self::PreReleasesOfNoRoot { mends, .. }
            | Self::NoMatchingVersion { mends, .. }
            | Self::Cycle { mends, .. } => Some(mends),
            _ => None,
        }
    }

    fn explanation(&self) -> Option<&Explanation> {
        match self {
            Self::Conflict(explanation)
            | Self::MissingGrant(explanation)
            | Self::ProfileMismatch(explanation)
            | Self::Policy(explanation)
            | Self::Withdrawn(explanation) => Some(explanation),
            _ => None,
        }
    }
}

impl Refusal for ResolveFailure {
    fn code(&self) -> &'static str {
        match self {
            Self::UnknownPlugin { .. } => "resolve-unknown-plugin",
            Self::UnknownProfile { .. } => "resolve-unknown-profile",
            Self::ProfileVersionNeeded { .. } => "resolve-profile-version-needed",
            Self::PreReleasesOfNoRoot { .. } => "resolve-pre-releases-of-no-root",
            Self::NoMatchingVersion { .. } => "resolve-no-matching-version",
            Self::Conflict(_) => "resolve-conflict",
            Self::MissingGrant(_) => "resolve-missing-grant",
            Self::ProfileMismatch(_) => "resolve-profile-mismatch",
            Self::Policy(_) => "resolve-policy",
            Self::Withdrawn(_) => "resolve-withdrawn",
            Self::Cycle { .. } => "resolve-cycle",
            Self::Deadline => "resolve-deadline",
            Self::TooLarge { .. } => "resolve-request-too-large",
            Self::AnswerTooLarge { .. } => "resolve-too-large",
        }
    }

    fn mend(&self) -> Option<String> {
        if let Some(explanation) = self.explanation() {
            return Some(explanation.mend.clone());
        }
        clauses::joined(self.mends()).or_else(|| self.last_resort())
    }
}

impl ResolveFailure {
    /// What to do where nothing was found to end in a lock.
    fn last_resort(&self) -> Option<String> {
        Some(match self {
            Self::UnknownPlugin { nearest, .. } | Self::UnknownProfile { nearest, .. } => {
                match nearest.first() {
                    Some(nearest) => format!("Check the name; the nearest here is {nearest}."),
                    None => "Check the name, and that this is the registry you mean.".into(),
                }
            }
            Self::ProfileVersionNeeded { profile } => {
                format!("Name the version of {profile} that the host offers.")
            }
            Self::PreReleasesOfNoRoot { plugin, .. } => {
                format!("Ask for {plugin} as a root too, or set `pre_release` in the policy.")
            }
            Self::NoMatchingVersion { plugin, versions, .. } if versions.is_empty() => {
                format!("Every release of {plugin} was withdrawn; choose another plugin.")
            }
            Self::NoMatchingVersion { plugin, .. } => {
                format!(
                    "No version of {plugin} fits the rest of the request; leave it out, or ask its author."
                )
            }
            Self::Cycle { releases, .. } => {
                let authors: BTreeSet<String> =
                    releases.iter().map(|release| release.plugin.namespace().to_string()).collect();
                let authors: Vec<String> = authors.into_iter().collect();
                format!("Tell the authors ({}): one of these needs must go.", and(&authors))
            }
            Self::Deadline => {
                "Ask for narrower versions, or hand in the lock of an earlier resolve to start from.".into()
            }
            Self::TooLarge { what, most, .. } => {
                format!("Split the request so that it names at most {most} {what}.")
            }
            Self::AnswerTooLarge { .. } => {
                "Ask for fewer roots at once, or for plugins that need fewer others.".into()
            }
            _ => return None,
        })
    }
}

fn did_you_mean(nearest: &[PluginName]) -> String {
    let names: Vec<String> = nearest.iter().map(ToString::to_string).collect();
    match names.as_slice() {
        [] => String::new(),
        [one] => format!("; near it is {one}"),
        several => format!("; near it are {}", and(several)),
    }
}

/// Releases of a circle that are named.
const CIRCLE_MAX: usize = 8;

fn circle(releases: &[ReleaseId]) -> String {
    let mut names: Vec<String> = releases.iter().take(CIRCLE_MAX).map(ToString::to_string).collect();
    if releases.len() > CIRCLE_MAX {
        names.push(format!("{} more in turn", releases.len() - CIRCLE_MAX));
    }
    names.extend(names.first().cloned());
    names.join(" needs ")
}
