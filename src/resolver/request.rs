//! What a host asks of a resolve: roots, itself, its policy, and the lock it already has.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Lock;
use crate::domain::{Grants, Namespace, PluginName, Requirement, Risk, TrustLevel, Version};

/// `POST /api/v1/resolve`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResolveRequest {
    /// The plugins wanted, each with the versions that will do.
    pub roots: BTreeMap<PluginName, Requirement>,
    /// Optional dependencies to take along, wherever a chosen release offers them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub with_optional: BTreeSet<PluginName>,
    /// Roots of which pre-releases count like other releases; a name that is no root is refused.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub pre_releases_of: BTreeSet<PluginName>,
    /// The host that will run them; absent: profiles and grants are not checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<HostRequest>,
    /// What the host accepts beyond what it can run.
    #[serde(default)]
    pub policy: Policy,
    /// The lock so far: its releases are kept where they still fit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<Lock>,
    /// Plugins whose locked release is not preferred any more; the host's profile, to move its version on.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub upgrade: BTreeSet<PluginName>,
    /// Answer as if nothing had been published after this point.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<AsOf>,
}

/// The host that will run the plugins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostRequest {
    /// Its profile, such as `pluginry:reference`.
    pub profile: PluginName,
    /// The version of the profile it offers; absent: whichever registered one fits, the newest first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// Where plugins plug in; absent: wherever the profile says, which publishing has checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extension_points: Option<BTreeSet<String>>,
    /// What it is willing to grant; absent or `null`: not checked, `{}`: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grants: Option<Grants>,
}

/// The host that a lock is for, as the resolve settled it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedHost {
    /// Its profile.
    pub profile: PluginName,
    /// The version of the profile: the one asked for, or the one the resolve chose.
    pub version: Version,
    /// Where plugins plug in; absent: wherever the profile says, which publishing has checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extension_points: Option<BTreeSet<String>>,
    /// What it is willing to grant; absent or `null`: not checked, `{}`: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grants: Option<Grants>,
}

impl HostRequest {
    /// This host with the version of its profile settled.
    pub fn at(self, version: Version) -> LockedHost {
        LockedHost {
            profile: self.profile,
            version,
            extension_points: self.extension_points,
            grants: self.grants,
        }
    }
}

impl LockedHost {
    /// The request that asks for exactly this host.
    pub fn to_request(&self) -> HostRequest {
        HostRequest {
            profile: self.profile.clone(),
            version: Some(self.version.clone()),
            extension_points: self.extension_points.clone(),
            grants: self.grants.clone(),
        }
    }
}

/// What a host accepts beyond what it can run. The default accepts every released version.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Releases younger than this are left out; locked ones pass.
    #[serde(skip_serializing_if = "is_zero")]
    pub min_age_hours: u32,
    /// Only releases whose verification run passed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub require_verified: bool,
    /// The highest risk of any capability.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_risk: Option<Risk>,
    /// The highest risk of any capability, by how far the plugin's namespace is trusted; counts beside `max_risk`.
    /// A level that is not named is held to the next named one above it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub max_risk_by_trust: BTreeMap<TrustLevel, Risk>,
    /// How far a namespace must be trusted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_trust: Option<TrustLevel>,
    /// How far the host trusts namespaces, whatever the registry says of them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub trust: BTreeMap<Namespace, TrustLevel>,
    /// The only namespaces plugins may come from; absent: any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_namespaces: Option<BTreeSet<Namespace>>,
    /// Namespaces no plugin may come from, allowed or not.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub denied_namespaces: BTreeSet<Namespace>,
    /// SPDX identifiers, one of which the licence must allow choosing; absent: any licence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub licenses: Option<BTreeSet<String>>,
    /// Whether an upgrade may ask for more than the locked release did.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub allow_widening: bool,
    /// Whether pre-releases count like other releases, for every plugin.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub pre_release: bool,
    /// Whether two incompatible versions of a plugin may not stand side by side.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub one_version_per_plugin: bool,
}

impl Policy {
    /// Whether it is what a host that says nothing accepts.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a licence, an SPDX expression, lets one choose an accepted one.
    pub fn accepts_license(&self, license: &str) -> bool {
        let Some(accepted) = &self.licenses else { return true };
        match spdx::Expression::parse(license) {
            Ok(expression) => expression.evaluate(|requirement| accepted.contains(&requirement.to_string())),
            Err(_) => accepted.contains(license),
        }
    }

    /// How far a namespace is trusted: the host's own word, else what the registry says.
    pub fn trust_of(&self, namespace: &Namespace, registered: TrustLevel) -> TrustLevel {
        self.trust.get(namespace).copied().unwrap_or(registered)
    }

    /// What `max_risk_by_trust` allows namespaces of this level, if it says.
    pub fn max_risk_at(&self, trust: TrustLevel) -> Option<Risk> {
        self.max_risk_by_trust.range(trust..).next().map(|(_, most)| *most)
    }
}

/// A point in the registry's history.
///
/// It covers which releases there are, and nothing else: a yank, a deprecation, a recall or another change of how a
/// release stands counts as of now, since a host that looks back must not run what was withdrawn since.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AsOf {
    /// The size of the log: releases with a higher sequence are not seen.
    pub tree_size: u64,
}

fn is_zero(value: &u32) -> bool {
    *value == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_of_the_design_reads_and_writes_back() {
        let text = r#"{
            "roots": { "acme:markdown": "^1.2" },
            "host": { "profile": "pluginry:reference", "version": "1.1.0",
                      "grants": { "network": { "hosts": ["api.example.com:443"] } } },
            "policy": { "min_age_hours": 72, "require_verified": true, "max_risk": "medium",
                        "licenses": ["MIT", "Apache-2.0"], "allow_widening": false,
                        "pre_release": false, "one_version_per_plugin": false },
            "upgrade": ["acme:tokenizer"], "as_of": { "tree_size": 1234 } }"#;

        let request: ResolveRequest = serde_json::from_str(text).unwrap();
        let again = serde_json::from_str(&serde_json::to_string(&request).unwrap()).unwrap();

        assert_eq!(request, again);
        assert_eq!(request.policy.max_risk, Some(Risk::Medium));
        assert_eq!(request.host.unwrap().grants.unwrap().len(), 1);
    }

    #[test]
    fn null_grants_are_unchecked_and_empty_grants_grant_nothing() {
        let host = |grants: &str| -> HostRequest {
            serde_json::from_str(&format!(
                r#"{{"profile":"pluginry:reference","version":"1.0.0","grants":{grants}}}"#
            ))
            .unwrap()
        };

        assert_eq!(host("null").grants, None);
        assert_eq!(host("{}").grants, Some(Grants::new()));
    }
}
