//! Why there is no lock: every kind of refusal with its code and its mend. Finding the words of a conflict is the work of
//! the module around it.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::domain::{PluginName, Refusal, ReleaseId, Requirement, Version};

/// Versions named before the rest is only counted.
pub(super) const VERSIONS_MAX: usize = 4;

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
    },
    /// The host's profile is not in the registry.
    #[error("the host profile {profile} is not in this registry{}", did_you_mean(nearest))]
    UnknownProfile {
        /// The profile.
        profile: PluginName,
        /// Names that look like it, nearest first.
        nearest: Vec<PluginName>,
    },
    /// The host's profile is in the registry, but not at the version asked for.
    #[error("the host profile {profile} {version} is not in this registry; {}", registered_are(registered))]
    UnknownProfileVersion {
        /// The profile.
        profile: PluginName,
        /// The version asked for.
        version: Version,
        /// The versions there are, newest first.
        registered: Vec<Version>,
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
}

/// A conflict, explained.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// A headline and one line for each fact.
    pub text: String,
    /// What to change.
    pub mend: String,
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
            Self::UnknownProfileVersion { .. } => "resolve-unknown-profile-version",
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
        }
    }

    fn mend(&self) -> Option<String> {
        Some(match self {
            Self::UnknownPlugin { nearest, .. } | Self::UnknownProfile { nearest, .. } => {
                match nearest.first() {
                    Some(nearest) => format!("Check the name; the nearest here is {nearest}."),
                    None => "Check the name, and that this is the registry you mean.".into(),
                }
            }
            Self::UnknownProfileVersion { profile, .. } => {
                format!("Name a registered version of {profile}, or none: the resolve then chooses one.")
            }
            Self::ProfileVersionNeeded { profile } => {
                format!("Name the version of {profile} that the host offers.")
            }
            Self::PreReleasesOfNoRoot { plugin } => {
                format!("Ask for {plugin} as a root too, or set `pre_release` in the policy.")
            }
            Self::NoMatchingVersion { plugin, versions, .. } => match versions.first() {
                Some(newest) if newest.is_pre_release() => {
                    format!("Ask for {plugin} ={newest} if a pre-release will do, or wait for a release.")
                }
                Some(newest) => format!("Ask for a version there is, such as {plugin} ^{newest}."),
                None => format!("Every release of {plugin} was withdrawn; choose another plugin."),
            },
            Self::Cycle { releases } => {
                let authors: BTreeSet<&str> =
                    releases.iter().map(|release| release.plugin.namespace().as_str()).collect();
                let authors: Vec<&str> = authors.into_iter().collect();
                format!(
                    "Ask for an older version of one of them, or tell the authors ({}).",
                    authors.join(", ")
                )
            }
            Self::Deadline => {
                "Ask for narrower versions, or hand in the lock of an earlier resolve to start from.".into()
            }
            Self::TooLarge { what, most, .. } => {
                format!("Split the request so that it names at most {most} {what}.")
            }
            Self::Conflict(explanation)
            | Self::MissingGrant(explanation)
            | Self::ProfileMismatch(explanation)
            | Self::Policy(explanation)
            | Self::Withdrawn(explanation) => explanation.mend.clone(),
        })
    }
}

/// "a, b and c".
pub(super) fn and(items: &[String]) -> String {
    match items {
        [] => "the request".into(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// "registered are 2.0.0 and 1.0.0", of versions with the newest first.
pub(in crate::resolver) fn registered_are(versions: &[Version]) -> String {
    let named = newest_of(versions);
    if let [one] = &*named {
        format!("registered is only {one}")
    } else {
        format!("registered are {}", and(&named))
    }
}

/// The newest few, and how many more there are.
fn newest_of(versions: &[Version]) -> Vec<String> {
    let mut named: Vec<String> = versions.iter().take(VERSIONS_MAX).map(ToString::to_string).collect();
    if versions.len() > VERSIONS_MAX {
        named.push(format!("{} older ones", versions.len() - VERSIONS_MAX));
    }
    named
}

pub(super) fn there_are(versions: &[Version]) -> String {
    match versions {
        [] => "every release of it was withdrawn".into(),
        [one] => format!("there is only {one}"),
        _ => format!("there are {}", and(&newest_of(versions))),
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

fn circle(releases: &[ReleaseId]) -> String {
    let mut names: Vec<String> = releases.iter().map(ToString::to_string).collect();
    names.extend(names.first().cloned());
    names.join(" needs ")
}
