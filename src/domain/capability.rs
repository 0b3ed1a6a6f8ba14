//! Capabilities: named powers with a scope, what a plugin asks for and what a host grants.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::NameError;
use super::name::serde_as_text;

/// How much harm a capability could do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Risk {
    /// Internal to the host.
    Low,
    /// Reads or changes the user's data within a scope.
    Medium,
    /// Reaches outside, or has no scope.
    High,
}

impl fmt::Display for Risk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        })
    }
}

/// The name of a capability, such as `network`: lower kebab-case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CapabilityName(Box<str>);

impl CapabilityName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for CapabilityName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        super::name::check_part("capability", text).map(Self)
    }
}

impl fmt::Display for CapabilityName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

serde_as_text!(CapabilityName);

/// Limits of a capability by kind, such as `hosts = ["api.example.com:443"]`. Empty: no limit.
///
/// A grant or request `hosts = ["*"]` covers every host; `paths` cover what lies below them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Scope(pub BTreeMap<String, Vec<String>>);

impl Scope {
    /// Whether everything `self` reaches is also reached by `wider`.
    ///
    /// A kind absent from `wider` is unlimited there; a kind absent from `self` but limited in
    /// `wider` is wider, so it is not covered.
    pub fn is_within(&self, wider: &Self) -> bool {
        wider.0.iter().all(|(kind, allowed)| {
            self.0.get(kind).is_some_and(|wanted| {
                wanted.iter().all(|value| allowed.iter().any(|pattern| covers(kind, pattern, value)))
            })
        })
    }
}

fn covers(kind: &str, pattern: &str, value: &str) -> bool {
    if pattern == "*" || pattern == value {
        return true;
    }
    if kind != "paths" || !is_plain_path(value) || !is_plain_path(pattern) {
        return false;
    }
    let base = pattern.trim_end_matches('/');
    value.strip_prefix(base).is_some_and(|rest| rest.starts_with('/'))
}

/// No `.`/`..` steps: such a path may lead elsewhere than it reads.
fn is_plain_path(path: &str) -> bool {
    path.split('/').all(|step| step != ".." && step != ".")
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (kind, values)) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{kind}: {}", values.join(", "))?;
        }
        Ok(())
    }
}

/// A capability as the manifest asks for it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CapabilityRequest {
    /// Why the author needs it, in the author's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How far it reaches.
    #[serde(flatten)]
    pub scope: Scope,
}

/// What a plugin asks for, by capability.
pub type Capabilities = BTreeMap<CapabilityName, CapabilityRequest>;

/// What a host is willing to give, by capability.
pub type Grants = BTreeMap<CapabilityName, Scope>;

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(kind: &str, values: &[&str]) -> Scope {
        Scope(BTreeMap::from([(kind.to_owned(), values.iter().map(|v| (*v).to_owned()).collect())]))
    }

    #[test]
    fn a_scope_is_within_a_wider_one_and_not_the_other_way() {
        let one = scope("hosts", &["a:443"]);
        let two = scope("hosts", &["a:443", "b:443"]);

        assert!(one.is_within(&two) && !two.is_within(&one));
        assert!(two.is_within(&scope("hosts", &["*"])) && two.is_within(&Scope::default()));
        assert!(!Scope::default().is_within(&one));
    }

    #[test]
    fn paths_cover_what_lies_below_but_never_through_dots() {
        let granted = scope("paths", &["/workspace"]);

        assert!(scope("paths", &["/workspace/a"]).is_within(&granted));
        assert!(!scope("paths", &["/workspace-2"]).is_within(&granted));
        assert!(!scope("paths", &["/workspace/../etc"]).is_within(&granted));
    }
}
