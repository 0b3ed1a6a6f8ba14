//! Why a release is no candidate, and the words for it.

use super::explain::{WORDS_CHARACTERS, brief, brief_version, registered_are};
use crate::domain::{
    CapabilityName, Namespace, Objection, ObjectionKind, PluginName, Risk, TrustLevel, Version,
};

/// Why a release is no candidate.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Hindrance {
    NotYetPublished {
        tree_size: u64,
    },
    Withdrawn(Objection),
    SignerRevoked,
    Yanked,
    PreRelease,
    OtherProfile {
        made_for: PluginName,
        host: PluginName,
    },
    /// None of the versions in question meets it, newest first.
    ProfileVersion {
        profile: PluginName,
        needs: String,
        offered: Vec<Version>,
    },
    /// It plugs in only where the host has no place for it.
    ExtensionPoints {
        declared: Vec<String>,
        offered: Vec<String>,
    },
    Ungranted {
        capability: CapabilityName,
        scope: String,
        granted: Option<String>,
    },
    TooYoung {
        hours: u32,
    },
    NamespaceNotAllowed {
        namespace: Namespace,
    },
    NamespaceDenied {
        namespace: Namespace,
    },
    TooLittleTrust {
        namespace: Namespace,
        trust: TrustLevel,
        least: TrustLevel,
    },
    Unverified {
        failed: bool,
    },
    TooRisky {
        risk: Risk,
        most: Risk,
    },
    /// Too risky for how far its namespace is trusted.
    TooRiskyForTrust {
        risk: Risk,
        most: Risk,
        trust: TrustLevel,
    },
    License {
        license: String,
    },
    Widening {
        capability: CapabilityName,
        locked: Version,
    },
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
                let reason = brief(reason, WORDS_CHARACTERS);
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
            Self::ProfileVersion { profile, needs, offered } => match (&**offered, brief_version(needs)) {
                ([one], needs) => {
                    format!("{} {profile} {needs} and the host offers {one}", verb("needs", "need"))
                }
                (_, needs) => {
                    format!("{} {profile} {needs}; {}", verb("needs", "need"), registered_are(offered))
                }
            },
            Self::Ungranted { capability, scope, granted } => {
                let asks = verb("asks", "ask");
                let scope = brief(scope, WORDS_CHARACTERS);
                let granted = granted.as_ref().map(|granted| brief(granted, WORDS_CHARACTERS));
                let of = |scope: &str| if scope.is_empty() { String::new() } else { format!(" ({scope})") };
                match granted {
                    None => format!("{asks} for `{capability}`{}, which the host does not grant", of(&scope)),
                    Some(granted) if scope.is_empty() => {
                        format!(
                            "{asks} for `{capability}` without limits and the host grants it only for {granted}"
                        )
                    }
                    Some(granted) => {
                        format!(
                            "{asks} for `{capability}`{} and the host grants it only for {granted}",
                            of(&scope)
                        )
                    }
                }
            }
            Self::ExtensionPoints { declared, offered } => {
                let places = match &**offered {
                    [] => "the host offers no extension point".to_owned(),
                    _ => format!("the host offers only {}", or_and(offered, "and")),
                };
                format!("{} in at {} and {places}", verb("plugs", "plug"), or_and(declared, "or"))
            }
            Self::NamespaceNotAllowed { namespace } => {
                format!(
                    "{} from the namespace {namespace}, which the policy does not allow",
                    verb("comes", "come")
                )
            }
            Self::NamespaceDenied { namespace } => {
                format!("{} from the namespace {namespace}, which the policy denies", verb("comes", "come"))
            }
            Self::TooLittleTrust { namespace, trust, least } => {
                format!(
                    "{} from the namespace {namespace}, which counts as {trust}, and the policy wants {least} at least",
                    verb("comes", "come")
                )
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
            Self::TooRiskyForTrust { risk, most, trust } => {
                format!(
                    "{} for powers of {risk} risk and the policy allows {most} at most to namespaces that count as {trust}",
                    verb("asks", "ask")
                )
            }
            Self::License { license } => {
                let license = brief(license, WORDS_CHARACTERS);
                format!("{} licensed under {license}, which the policy does not allow", verb("is", "are"))
            }
            Self::Widening { capability, locked } => {
                let asks = verb("asks", "ask");
                format!("{asks} for more of `{capability}` than the locked {locked} does")
            }
        }
    }
}

/// "`a`, `b` or `c`".
fn or_and(names: &[String], word: &str) -> String {
    let named: Vec<String> =
        names.iter().map(|name| format!("`{}`", brief(name, WORDS_CHARACTERS / 4))).collect();
    match &*named {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} {word} {last}", first.join(", ")),
    }
}
