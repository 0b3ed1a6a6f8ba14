//! Whether a release needs more than the release before it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::{Capabilities, CapabilityName, Scope};

/// One way in which a release needs more than the one before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum WideningChange {
    /// A capability that was not asked for before.
    Added {
        /// The capability.
        capability: CapabilityName,
        /// How far it reaches.
        scope: Scope,
    },
    /// A limit of one kind became wider or went away.
    Wider {
        /// The capability.
        capability: CapabilityName,
        /// The scope kind, such as `hosts`.
        scope_kind: String,
        /// The values before.
        before: Vec<String>,
        /// The values now; absent: no limit any more.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<Vec<String>>,
    },
}

impl fmt::Display for WideningChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Added { capability, scope } if scope.0.is_empty() => write!(f, "adds {capability}"),
            Self::Added { capability, scope } => write!(f, "adds {capability} ({scope})"),
            Self::Wider { capability, scope_kind, before, after } => {
                write!(f, "widens {capability}: {scope_kind} {} -> ", list(before))?;
                match after {
                    Some(after) => f.write_str(&list(after)),
                    None => f.write_str("no limit"),
                }
            }
        }
    }
}

fn list(values: &[String]) -> String {
    if values.is_empty() { "none".to_owned() } else { values.join(", ") }
}

/// What `after` asks for beyond `before`; empty: the release is not widening.
pub fn widening(before: &Capabilities, after: &Capabilities) -> Vec<WideningChange> {
    let mut changes = Vec::new();
    for (capability, request) in after {
        match before.get(capability) {
            None => changes
                .push(WideningChange::Added { capability: capability.clone(), scope: request.scope.clone() }),
            Some(old) => changes.extend(wider_kinds(capability, &old.scope, &request.scope)),
        }
    }
    changes
}

/// A limited kind of `before` widens if `after` lacks it or names a value it did not cover.
fn wider_kinds<'a>(
    capability: &'a CapabilityName,
    before: &'a Scope,
    after: &'a Scope,
) -> impl Iterator<Item = WideningChange> + 'a {
    before.0.iter().filter_map(move |(kind, old)| {
        let now = after.0.get(kind);
        let only_this = |values: &Vec<String>| Scope([(kind.clone(), values.clone())].into());
        if now.is_some_and(|now| only_this(now).is_within(&only_this(old))) {
            return None;
        }
        Some(WideningChange::Wider {
            capability: capability.clone(),
            scope_kind: kind.clone(),
            before: old.clone(),
            after: now.cloned(),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capabilities(toml: &str) -> Capabilities {
        toml::from_str(toml).unwrap()
    }

    #[test]
    fn a_new_capability_and_a_wider_scope_are_named() {
        let before = capabilities("network = { hosts = ['a:443'] }");
        let after = capabilities("network = { hosts = ['a:443', 'b:443'] }\nstorage = {}");

        let changes: Vec<String> = widening(&before, &after).iter().map(ToString::to_string).collect();

        assert_eq!(changes, ["widens network: hosts a:443 -> a:443, b:443", "adds storage"]);
    }

    #[test]
    fn dropping_a_limit_widens_and_adding_one_does_not() {
        let limited = capabilities("file-read = { paths = ['/data'] }");
        let unlimited = capabilities("file-read = {}");

        let dropped: Vec<String> = widening(&limited, &unlimited).iter().map(ToString::to_string).collect();
        let added = widening(&unlimited, &limited);

        assert_eq!(dropped, ["widens file-read: paths /data -> no limit"]);
        assert_eq!(added, []);
    }

    #[test]
    fn fewer_capabilities_another_reason_and_narrower_paths_do_not_widen() {
        let before = capabilities("file-read = { paths = ['/data'], reason = 'x' }\nnetwork = {}");
        let after = capabilities("file-read = { paths = ['/data/in'], reason = 'y' }");

        assert_eq!(widening(&before, &after), []);
    }
}
