//! What a resolve asks, as arguments: what is not said is taken from the lock before.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::Failure;
use super::grants::{self, Grant};
use super::profiles::{self, ProfileName};
use super::release_argument::parse_root;
use super::resolve::read_policy;
use crate::domain::{PluginName, Requirement, Version};
use crate::resolver::{AsOf, HostRequest, Lock, ResolveRequest};

/// The host when neither flag nor lock names one.
const USUAL_PROFILE: &str = "pluginry:reference";

/// Roots, host and policy.
#[derive(clap::Args)]
pub(super) struct Question {
    /// The plugins wanted, like acme:markdown@^1.2; a missing requirement means any version. Without any, those of the lock.
    #[arg(value_parser = parse_root, value_name = "NAME@REQUIREMENT")]
    pub(super) roots: Vec<(PluginName, Requirement)>,
    /// Your host's profile, like wasi:cli@0.2.0 [default: the lock's, or pluginry:reference].
    #[arg(long, value_name = "PROFILE")]
    profile: Option<ProfileName>,
    /// The version of the profile that your host offers.
    #[arg(long, value_name = "VERSION")]
    host_version: Option<Version>,
    /// Where your host lets plugins plug in, if not wherever the profile says; may be given more than once.
    #[arg(long, value_name = "POINT")]
    extension_point: Vec<String>,
    /// A power you give, like network=hosts:api.example.com:443; may be given more than once.
    #[arg(long, value_name = "CAPABILITY[=KIND:VALUE,…]")]
    grant: Vec<Grant>,
    /// What else you accept, as JSON or TOML: min_age_hours, require_verified, max_risk, licenses, … [default: the lock's].
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// An optional dependency to take along; may be given more than once.
    #[arg(long, value_name = "NAME")]
    optional: Vec<PluginName>,
    /// A wanted plugin of which pre-releases will do; may be given more than once.
    #[arg(long, value_name = "NAME")]
    pre_release: Vec<PluginName>,
    /// Choose as if the registry's log had this many entries; `now`: as it is, though the lock says otherwise.
    #[arg(long, value_name = "SIZE")]
    as_of: Option<Moment>,
}

/// `--as-of`.
#[derive(Debug, Clone, Copy)]
enum Moment {
    Now,
    Size(u64),
}

impl std::str::FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "now" => Ok(Self::Now),
            size => {
                size.parse().map(Self::Size).map_err(|_| "write a log size such as 1234, or now".to_owned())
            }
        }
    }
}

impl Question {
    /// The request that asks it, with the lock before in it.
    pub(super) fn request(&self, before: Option<Lock>) -> Result<ResolveRequest, Failure> {
        let asked = before.as_ref().map(Lock::to_request).unwrap_or_default();
        let roots = if self.roots.is_empty() { asked.roots } else { self.roots.iter().cloned().collect() };
        if roots.is_empty() {
            return Err(Failure::usage(
                "nothing is asked for: name plugins, like acme:markdown@^1.2, or have a pluginry.lock that does",
            ));
        }
        let said_or = |said: &[PluginName], asked: BTreeSet<PluginName>| -> BTreeSet<PluginName> {
            if said.is_empty() { asked } else { said.iter().cloned().collect() }
        };
        let mut pre_releases_of = said_or(&self.pre_release, asked.pre_releases_of);
        if self.pre_release.is_empty() {
            pre_releases_of.retain(|name| roots.contains_key(name));
        }
        Ok(ResolveRequest {
            pre_releases_of,
            with_optional: said_or(&self.optional, asked.with_optional),
            host: Some(self.host(asked.host)?),
            policy: self.policy.as_deref().map(read_policy).transpose()?.unwrap_or(asked.policy),
            as_of: match self.as_of {
                None => asked.as_of,
                Some(Moment::Now) => None,
                Some(Moment::Size(tree_size)) => Some(AsOf { tree_size }),
            },
            lock: before,
            upgrade: BTreeSet::new(),
            roots,
        })
    }

    fn host(&self, asked: Option<HostRequest>) -> Result<HostRequest, Failure> {
        let mut granted = asked.as_ref().and_then(|host| host.grants.clone()).unwrap_or_default();
        grants::add(&mut granted, self.grant.iter().cloned());
        let usual = || ProfileName { name: USUAL_PROFILE.parse().expect("a constant name"), version: None };
        let named = self.profile.clone();
        let locked = asked.filter(|host| named.as_ref().is_none_or(|named| named.name == host.profile));
        let profile = match (named, &locked) {
            (Some(named), _) => named,
            (None, Some(host)) => ProfileName { name: host.profile.clone(), version: None },
            (None, None) => usual(),
        };
        let said = match (&self.host_version, &profile.version) {
            (Some(flag), Some(named)) if flag != named => {
                return Err(Failure::usage(format!("--profile says {named} and --host-version says {flag}")));
            }
            (flag, named) => flag.clone().or_else(|| named.clone()),
        };
        let built_in = || profiles::named(&profile).ok().map(|profile| profile.version.clone());
        let version =
            said.or_else(|| locked.as_ref().and_then(|host| host.version.clone())).or_else(built_in);
        let points = &self.extension_point;
        let extension_points = if points.is_empty() {
            locked.and_then(|host| host.extension_points)
        } else {
            Some(points.iter().cloned().collect())
        };
        Ok(HostRequest { profile: profile.name, version, extension_points, grants: Some(granted) })
    }
}
