//! What would end a conflict, as data: changes of a request that a program can make by itself.
//!
//! Nothing is searched for here; the resolver offers only mends that it has proven by resolving again.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{HostRequest, ResolveRequest};
use crate::domain::{CapabilityName, PluginName, Requirement, Scope, Timestamp, Version};

/// One way out of a conflict: with all its changes together, the same request ends in a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mend {
    /// The same as a sentence.
    pub says: String,
    /// What to change.
    pub changes: Vec<Change>,
}

/// One change of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Change {
    /// Grant this as well, beside what is granted already.
    Grant {
        /// Who asks for it; the grant is the host's and counts for every plugin.
        plugin: PluginName,
        /// What is granted.
        capability: CapabilityName,
        /// How far; `{}`: without limit.
        scope: Scope,
    },
    /// Ask for these versions of a plugin, whether or not it was asked for before.
    AskFor {
        /// The plugin.
        plugin: PluginName,
        /// The versions.
        requirement: Requirement,
    },
    /// Ask for another plugin instead.
    AskInstead {
        /// What is not asked for any more.
        plugin: PluginName,
        /// What is asked for in its place, at the same versions.
        other: PluginName,
    },
    /// Do not ask for a plugin.
    LeaveOut {
        /// The plugin.
        plugin: PluginName,
    },
    /// Do not take an optional dependency along.
    LeaveOutOptional {
        /// The dependency.
        plugin: PluginName,
    },
    /// Let pre-releases of a root count like other releases.
    PreReleasesOf {
        /// The root.
        plugin: PluginName,
    },
    /// Use a host with this profile at this version.
    HostVersion {
        /// The profile.
        profile: PluginName,
        /// Its version.
        version: Version,
    },
    /// Use a host that also offers this extension point.
    ExtensionPoint {
        /// Its name.
        name: String,
    },
    /// Set a field of the policy.
    Policy {
        /// The field, as it is called in the request.
        field: String,
        /// Its new value; `null` takes the field out.
        value: Value,
    },
    /// Do not upgrade a plugin: keep what the lock holds of it.
    KeepLocked {
        /// The plugin.
        plugin: PluginName,
    },
    /// Ask as of a later point of the log.
    AsOf {
        /// The size of the log.
        tree_size: u64,
    },
    /// Send the same request again, not before this moment.
    Wait {
        /// The moment.
        until: Timestamp,
    },
}

impl Mend {
    /// The request with all changes made.
    pub fn apply(&self, request: &ResolveRequest) -> ResolveRequest {
        let mut request = request.clone();
        self.changes.iter().for_each(|change| change.apply_to(&mut request));
        request
    }

    /// The moment before which the changed request is of no use.
    pub fn not_before(&self) -> Option<Timestamp> {
        self.changes.iter().filter_map(Change::not_before).max()
    }
}

impl Change {
    /// The moment before which the change is of no use.
    pub fn not_before(&self) -> Option<Timestamp> {
        match self {
            Self::Wait { until } => Some(*until),
            _ => None,
        }
    }

    /// Makes the change.
    pub fn apply_to(&self, request: &mut ResolveRequest) {
        match self {
            Self::Grant { capability, scope, .. } => {
                if let Some(grants) = request.host.as_mut().and_then(|host| host.grants.as_mut()) {
                    match grants.get_mut(capability) {
                        Some(so_far) => widen(so_far, scope),
                        None => {
                            grants.insert(capability.clone(), scope.clone());
                        }
                    }
                }
            }
            Self::AskFor { plugin, requirement } => {
                request.roots.insert(plugin.clone(), requirement.clone());
            }
            Self::AskInstead { plugin, other } => {
                if let Some(requirement) = request.roots.remove(plugin) {
                    request.roots.entry(other.clone()).or_insert(requirement);
                }
            }
            Self::LeaveOut { plugin } => {
                request.roots.remove(plugin);
            }
            Self::LeaveOutOptional { plugin } => {
                request.with_optional.remove(plugin);
            }
            Self::PreReleasesOf { plugin } => {
                request.pre_releases_of.insert(plugin.clone());
            }
            Self::HostVersion { profile, version } => match &mut request.host {
                Some(host) => {
                    host.profile = profile.clone();
                    host.version = Some(version.clone());
                }
                None => {
                    let (profile, version) = (profile.clone(), Some(version.clone()));
                    request.host =
                        Some(HostRequest { profile, version, extension_points: None, grants: None });
                }
            },
            Self::ExtensionPoint { name } => {
                if let Some(host) = &mut request.host {
                    host.extension_points.get_or_insert_with(BTreeSet::new).insert(name.clone());
                }
            }
            Self::Policy { field, value } => {
                let changed = json!(request.policy).as_object().cloned().map(|mut fields| {
                    match value {
                        Value::Null => fields.shift_remove(field),
                        value => fields.insert(field.clone(), value.clone()),
                    };
                    Value::Object(fields)
                });
                let policy = changed.and_then(|fields| serde_json::from_value(fields).ok());
                request.policy = policy.unwrap_or_else(|| request.policy.clone());
            }
            Self::KeepLocked { plugin } => {
                request.upgrade.remove(plugin);
            }
            Self::AsOf { tree_size } => {
                if let Some(point) = &mut request.as_of {
                    point.tree_size = *tree_size;
                }
            }
            Self::Wait { .. } => {}
        }
    }
}

/// Makes `scope` reach what `other` reaches as well: values add up, a kind that one of them leaves open stays open.
fn widen(scope: &mut Scope, other: &Scope) {
    scope.0.retain(|kind, _| other.0.contains_key(kind));
    for (kind, values) in &mut scope.0 {
        for value in &other.0[kind] {
            if !values.contains(value) {
                values.push(value.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(text: &str) -> Change {
        serde_json::from_str(text).unwrap()
    }

    fn applied(change: &Change, request: &str) -> Value {
        let request: ResolveRequest = serde_json::from_str(request).unwrap();
        let mend = Mend { says: String::new(), changes: vec![change.clone()] };
        json!(mend.apply(&request))
    }

    #[test]
    fn a_grant_adds_to_what_is_granted() {
        let grant =
            change(r#"{"kind":"grant","plugin":"a:a","capability":"network","scope":{"hosts":["b:443"]}}"#);

        let request = applied(
            &grant,
            r#"{"roots":{},"host":{"profile":"a:h","grants":{"network":{"hosts":["a:443"]},"kv":{}}}}"#,
        );

        assert_eq!(request["host"]["grants"], json!({"kv": {}, "network": {"hosts": ["a:443", "b:443"]}}));
    }

    #[test]
    fn a_grant_without_limit_takes_the_limit_away() {
        let grant = change(r#"{"kind":"grant","plugin":"a:a","capability":"network","scope":{}}"#);

        let request =
            applied(&grant, r#"{"roots":{},"host":{"profile":"a:h","grants":{"network":{"hosts":["a"]}}}}"#);

        assert_eq!(request["host"]["grants"], json!({"network": {}}));
    }

    #[test]
    fn a_policy_field_is_set_or_taken_out() {
        let request = r#"{"roots":{},"policy":{"licenses":["MIT"],"max_risk":"low"}}"#;
        let set = change(r#"{"kind":"policy","field":"licenses","value":["MIT","Zlib"]}"#);
        let taken_out = change(r#"{"kind":"policy","field":"max_risk","value":null}"#);

        let both = [applied(&set, request), applied(&taken_out, request)];

        assert_eq!(both[0]["policy"]["licenses"], json!(["MIT", "Zlib"]));
        assert_eq!(both[1]["policy"], json!({"licenses": ["MIT"]}));
    }

    #[test]
    fn every_kind_of_change_changes_the_request_it_is_for() {
        let request = r#"{"roots":{"a:a":"^1","a:b":"*"},"with_optional":["a:c"],"upgrade":["a:b"],
            "host":{"profile":"a:h","version":"1.0.0"},"as_of":{"tree_size":1}}"#;
        for text in [
            r#"{"kind":"ask-for","plugin":"a:a","requirement":"^2"}"#,
            r#"{"kind":"ask-instead","plugin":"a:a","other":"a:z"}"#,
            r#"{"kind":"leave-out","plugin":"a:a"}"#,
            r#"{"kind":"leave-out-optional","plugin":"a:c"}"#,
            r#"{"kind":"pre-releases-of","plugin":"a:a"}"#,
            r#"{"kind":"host-version","profile":"a:h","version":"1.1.0"}"#,
            r#"{"kind":"extension-point","name":"tool"}"#,
            r#"{"kind":"policy","field":"allow_widening","value":true}"#,
            r#"{"kind":"keep-locked","plugin":"a:b"}"#,
            r#"{"kind":"as-of","tree_size":9}"#,
        ] {
            let before = json!(serde_json::from_str::<ResolveRequest>(request).unwrap());

            assert_ne!(applied(&change(text), request), before, "{text}");
        }
    }
}
