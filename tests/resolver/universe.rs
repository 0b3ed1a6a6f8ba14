//! Small universes and requests from bytes: the same bytes, the same universe.
//!
//! Shared by the tests, where `proptest` draws (and shrinks) the bytes, and by the fuzz target. A byte of 0 always
//! chooses the plainest there is, and so does the end of the bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::rc::Rc;

use pluginry::domain::{
    Capabilities, DependencySpec, Digest, Grants, HostProfile, IndexRelease, Namespace, PluginName,
    ReleaseId, Requirement, Risk, Timestamp, TrustLevel, VerificationState,
};
use pluginry::resolver::{
    AsOf, Circumstances, HostRequest, Index, Lock, Policy, ResolveFailure, ResolveRequest, resolve,
};

use super::checker::{Asked, Registry};

/// 2026-11-21T12:00:00Z.
pub(crate) const NOW: Timestamp = Timestamp::from_micros(1_795_262_400_000_000);

const PLUGINS: [&str; 5] = ["ant:one", "ant:two", "bee:one", "bee:two", "cat:one"];
/// Names that no release has and some stand in for.
const VIRTUAL: [&str; 2] = ["face:draw", "face:read"];
/// The more ordinary ones more often.
const VERSIONS: [&str; 12] = [
    "1.0.0",
    "1.1.0",
    "2.0.0",
    "1.2.0",
    "1.0.0",
    "1.1.0",
    "2.0.0",
    "2.1.0",
    "1.2.0",
    "0.1.0",
    "1.3.0-rc.1",
    "2.0.0-beta.2",
];
const REQUIREMENTS: [&str; 20] = [
    "*",
    "^1.0",
    ">=1.0",
    "^1.1",
    "*",
    "^1.0",
    ">=1.1, <3.0",
    "^2.0",
    ">=1.0, <3.0",
    "<2.0",
    "=1.0.0",
    "^1.2",
    ">1",
    "<=1.1",
    "~1.1",
    "=1.1.0",
    "^0.1",
    "=1.3.0-rc.1",
    ">=2.0.0-beta.1",
    "^3.0",
];
const LICENSES: [&str; 4] =
    ["MIT", "MIT OR Apache-2.0", "GPL-3.0-only", "Apache-2.0 AND (MIT OR BSD-3-Clause)"];
const PROFILES: [&str; 2] = ["host:main", "host:other"];
const PROFILE_VERSIONS: [&str; 3] = ["1.0.0", "1.1.0", "2.0.0"];
const POINTS: [&str; 3] = ["tool", "store", "hook"];

/// Bytes that decisions are read from.
pub(crate) struct Bytes<'a>(pub(crate) &'a [u8]);

impl Bytes<'_> {
    fn next(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        *first
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::from(self.next()) % end
    }

    fn pick<'t>(&mut self, among: &[&'t str]) -> &'t str {
        among[self.below(among.len())]
    }

    /// True in about `of_256` of 256 cases.
    pub(crate) fn seldom(&mut self, of_256: u8) -> bool {
        self.next() > 255 - of_256
    }

    fn some_of(&mut self, among: &[&str]) -> Vec<String> {
        let bits = self.next();
        (0..among.len()).filter(|place| bits >> place & 1 == 1).map(|place| among[place].to_owned()).collect()
    }
}

/// What may be out of the ordinary in a universe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ways {
    /// Needs and yanks.
    Plain,
    /// Stand-ins, conflicts, optional needs and singletons too.
    Structured,
    /// Everything an index line can say.
    All,
}

/// Every release there is.
#[derive(Clone, Default)]
pub(crate) struct Universe {
    pub(crate) releases: BTreeMap<ReleaseId, Rc<IndexRelease>>,
    pub(crate) profiles: Vec<HostProfile>,
}

pub(crate) fn name(text: &str) -> PluginName {
    text.parse().expect("a name")
}

fn requirement(bytes: &mut Bytes<'_>) -> Requirement {
    bytes.pick(&REQUIREMENTS).parse().expect("a requirement")
}

/// One line a release: what is out of the ordinary about it.
impl fmt::Debug for Universe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (id, line) in &self.releases {
            let mut told = serde_json::to_value(line).expect("a line");
            let ordinary = serde_json::to_value(index_line(id, line.sequence)).expect("a line");
            if let (Some(told), Some(ordinary)) = (told.as_object_mut(), ordinary.as_object()) {
                told.retain(|key, value| ordinary.get(key) != Some(value));
            }
            writeln!(f, "{id} #{} {told}", line.sequence)?;
        }
        Ok(())
    }
}

impl Universe {
    /// A universe of at most `most` releases.
    pub(crate) fn read(bytes: &mut Bytes<'_>, ways: Ways, most: usize) -> Self {
        let trust: BTreeMap<Namespace, TrustLevel> =
            PLUGINS.iter().map(|plugin| (name(plugin).namespace().clone(), trust(bytes, ways))).collect();
        let plugins = &PLUGINS[..2 + bytes.below(PLUGINS.len() - 1)];
        let count = most.min(5 + bytes.below(most.max(5) - 4));
        let ids: BTreeSet<ReleaseId> = (0..count)
            .map(|place| {
                let version = bytes.pick(&VERSIONS).parse().expect("a version");
                ReleaseId::new(name(plugins[place % plugins.len()]), version)
            })
            .collect();
        let mut releases = BTreeMap::new();
        for id in ids {
            let mut line = index_line(&id, 1 + bytes.below(12) as u64);
            line.trust = trust[id.plugin.namespace()];
            fill(&mut line, &id, plugins, bytes, ways);
            releases.insert(id, Rc::new(line));
        }
        Self { releases, profiles: profiles() }
    }

    /// The index of these releases.
    pub(crate) fn index(&self) -> Index {
        let mut index = Index::default();
        for (id, line) in &self.releases {
            index.apply(&id.plugin, line);
        }
        index
    }

    /// The universe as it was when the log had this size.
    pub(crate) fn until(&self, sequence: u64) -> Self {
        let releases = self.releases.iter().filter(|(_, line)| line.sequence <= sequence);
        Self {
            releases: releases.map(|(id, line)| (id.clone(), Rc::clone(line))).collect(),
            profiles: self.profiles.clone(),
        }
    }

    pub(crate) fn resolve(&self, request: &ResolveRequest) -> Result<Lock, ResolveFailure> {
        self.resolve_at(request, NOW)
    }

    /// Resolves at another moment than [`NOW`].
    pub(crate) fn resolve_at(
        &self,
        request: &ResolveRequest,
        now: Timestamp,
    ) -> Result<Lock, ResolveFailure> {
        let circumstances = Circumstances { profiles: &self.profiles, now, should_stop: &|| false };
        resolve(&self.index().snapshot(), request, &circumstances)
    }

    /// The releases of a plugin.
    pub(crate) fn of_plugin(&self, plugin: &PluginName) -> impl Iterator<Item = (&ReleaseId, &IndexRelease)> {
        let first = ReleaseId::new(plugin.clone(), "0.0.0-0".parse().expect("the lowest version"));
        let plugin = plugin.clone();
        let of_plugin = self.releases.range(first..).take_while(move |(id, _)| id.plugin == plugin);
        of_plugin.map(|(id, line)| (id, &**line))
    }

    /// The request as the checker wants it.
    pub(crate) fn asked<'a>(&'a self, request: &'a ResolveRequest) -> Asked<'a> {
        Asked { registry: self, request, profiles: &self.profiles, now: NOW }
    }
}

impl Registry for Universe {
    fn line(&self, id: &ReleaseId) -> Option<Rc<IndexRelease>> {
        self.releases.get(id).cloned()
    }

    fn is_singleton(&self, plugin: &PluginName, until: u64) -> bool {
        let known = || self.of_plugin(plugin).filter(|(_, line)| line.sequence <= until);
        let is_settled = |(id, line): &(&ReleaseId, &IndexRelease)| {
            let is_withdrawn = line.yanked || line.signer_revoked || line.objection().is_some();
            !is_withdrawn && !id.version.is_pre_release()
        };
        known().filter(is_settled).last().or_else(|| known().last()).is_some_and(|(_, line)| line.singleton)
    }
}

/// An ordinary release.
pub(crate) fn index_line(id: &ReleaseId, sequence: u64) -> IndexRelease {
    IndexRelease {
        version: id.version.clone(),
        digest: Digest::of(id.to_string().as_bytes()),
        size_bytes: 1_000 + sequence,
        sequence,
        published_at: NOW.plus_seconds(-3600 * 1_000),
        profile: name(PROFILES[0]),
        profile_version: Requirement::any(),
        extension_points: Vec::new(),
        capabilities: Capabilities::new(),
        risk: None,
        dependencies: BTreeMap::new(),
        provides: BTreeMap::new(),
        conflicts: BTreeMap::new(),
        license: "MIT".into(),
        singleton: false,
        signer: "0".repeat(64),
        widening: false,
        signer_revoked: false,
        trust: TrustLevel::default(),
        verification: VerificationState::Passed,
        yanked: false,
        deprecated: None,
        quarantined: None,
        taken_down: None,
        recalled: None,
    }
}

fn fill(line: &mut IndexRelease, id: &ReleaseId, plugins: &[&str], bytes: &mut Bytes<'_>, ways: Ways) {
    line.yanked = bytes.seldom(12);
    let place = plugins.iter().position(|plugin| name(plugin) == id.plugin).expect("one of them");
    // Mostly forwards, or hardly any set would be without a circle.
    let is_last = place + 1 == plugins.len();
    for _ in 0..bytes.below(if is_last { 2 } else { 4 }) {
        let is_virtual = ways != Ways::Plain && bytes.seldom(70);
        let is_backwards = bytes.seldom(30) || is_last;
        let plugin = name(match (is_virtual, is_backwards) {
            (true, _) => bytes.pick(&VIRTUAL),
            (false, true) => bytes.pick(plugins),
            (false, false) => bytes.pick(&plugins[place + 1..]),
        });
        let optional = ways != Ways::Plain && bytes.seldom(40);
        let version = if is_virtual { Requirement::any() } else { requirement(bytes) };
        // A release may need another version of itself; that is seldom anything but a mistake.
        if plugin != id.plugin || bytes.seldom(5) {
            line.dependencies.insert(plugin, DependencySpec { version, optional });
        }
    }
    if ways == Ways::Plain {
        return;
    }
    if bytes.seldom(110) {
        let provided = if bytes.seldom(40) { bytes.pick(plugins) } else { bytes.pick(&VIRTUAL) };
        if name(provided) != id.plugin {
            line.provides.insert(name(provided), bytes.pick(&VERSIONS[..3]).parse().expect("a version"));
        }
    }
    if bytes.seldom(50) {
        let other = name(bytes.pick(plugins));
        if other != id.plugin {
            line.conflicts.insert(other, requirement(bytes));
        }
    }
    line.singleton = bytes.seldom(12);
    if ways == Ways::All && bytes.seldom(90) {
        colour(line, bytes);
    }
}

/// What policies and hosts look at.
fn colour(line: &mut IndexRelease, bytes: &mut Bytes<'_>) {
    line.published_at = NOW.plus_seconds(-3600 * [1_000, 30, 5, 100][bytes.below(4)]);
    if bytes.seldom(120) {
        line.capabilities = capabilities(bytes);
        line.risk = [Some(Risk::Low), Some(Risk::Medium), Some(Risk::High), None][bytes.below(4)];
    }
    if bytes.seldom(100) {
        line.license = bytes.pick(&LICENSES).into();
    }
    if bytes.seldom(50) {
        line.verification = [VerificationState::Pending, VerificationState::Failed][bytes.below(2)];
    }
    if bytes.seldom(130) {
        line.profile_version =
            bytes.pick(&["^1.0", "^1.1", "^2.0", ">=1.1", "=1.0.0"]).parse().expect("a requirement");
    }
    if bytes.seldom(12) {
        line.profile = name(PROFILES[1]);
    }
    if bytes.seldom(70) {
        line.extension_points = bytes.some_of(&POINTS);
    }
    let told = |is_so: bool| is_so.then(|| "because".to_owned());
    line.deprecated = told(bytes.seldom(50));
    if bytes.seldom(40) {
        match bytes.below(4) {
            0 => line.quarantined = told(true),
            1 => line.recalled = told(true),
            2 => line.taken_down = told(true),
            _ => line.signer_revoked = true,
        }
    }
}

fn trust(bytes: &mut Bytes<'_>, ways: Ways) -> TrustLevel {
    if ways != Ways::All {
        return TrustLevel::Marketplace;
    }
    level(bytes)
}

fn level(bytes: &mut Bytes<'_>) -> TrustLevel {
    [TrustLevel::Marketplace, TrustLevel::Partner, TrustLevel::Internal][bytes.below(3)]
}

fn capabilities(bytes: &mut Bytes<'_>) -> Capabilities {
    let mut powers = serde_json::Map::new();
    for power in bytes.some_of(&["network", "file-read"]) {
        let kind = if power == "network" { "hosts" } else { "paths" };
        let scope = match bytes.below(4) {
            0 => serde_json::json!({}),
            1 => serde_json::json!({ kind: ["a"] }),
            2 => serde_json::json!({ kind: ["a", "b"] }),
            _ => serde_json::json!({ kind: ["b"], "other": ["c"] }),
        };
        powers.insert(power, scope);
    }
    serde_json::from_value(powers.into()).expect("capabilities")
}

/// Every version of the two profiles there are.
fn profiles() -> Vec<HostProfile> {
    let version = |profile: &str, version: &str| {
        let points: Vec<String> = POINTS
            .iter()
            .map(|point| format!("[[extension-point]]\nname = {point:?}\nexports = []\n"))
            .collect();
        toml::from_str(&format!(
            "name = {profile:?}\nversion = {version:?}\nabi = \"core\"\n{}",
            points.concat()
        ))
        .expect("a profile")
    };
    let versions = PROFILE_VERSIONS.iter().map(|number| version(PROFILES[0], number));
    versions.chain([version(PROFILES[1], "1.0.0")]).collect()
}

/// A request about a universe, without a lock.
pub(crate) fn read_request(bytes: &mut Bytes<'_>, ways: Ways) -> ResolveRequest {
    let mut request = ResolveRequest::default();
    for _ in 0..=bytes.below(3) {
        let is_virtual = ways != Ways::Plain && bytes.seldom(30);
        let plugins = if bytes.seldom(10) { &PLUGINS[..] } else { &PLUGINS[..2] };
        let root = name(bytes.pick(if is_virtual { &VIRTUAL } else { plugins }));
        let version = if bytes.seldom(90) { requirement(bytes) } else { Requirement::any() };
        request.roots.insert(root, version);
    }
    request.policy.one_version_per_plugin = bytes.seldom(60);
    if ways == Ways::Plain {
        return request;
    }
    if bytes.seldom(120) {
        request.with_optional = bytes.some_of(&PLUGINS).iter().map(|plugin| name(plugin)).collect();
    }
    if ways == Ways::All {
        request.pre_releases_of = request.roots.keys().filter(|_| bytes.seldom(40)).cloned().collect();
        if bytes.seldom(128) {
            request.host = Some(read_host(bytes));
        }
        if bytes.seldom(128) {
            read_policy(bytes, &mut request.policy);
        }
        request.as_of = bytes.seldom(20).then(|| AsOf { tree_size: 4 + bytes.below(8) as u64 });
    }
    request
}

/// A host; it may leave its version, its extension points and its grants open.
pub(crate) fn read_host(bytes: &mut Bytes<'_>) -> HostRequest {
    let (profile, versions) = if bytes.seldom(10) {
        (PROFILES[1], &PROFILE_VERSIONS[..1])
    } else {
        (PROFILES[0], &PROFILE_VERSIONS[..])
    };
    let version = bytes.seldom(128).then(|| bytes.pick(versions).parse().expect("a version"));
    let extension_points = bytes.seldom(60).then(|| bytes.some_of(&POINTS).into_iter().collect());
    let grants = bytes.seldom(90).then(|| {
        let grants: Grants =
            capabilities(bytes).into_iter().map(|(name, asked)| (name, asked.scope)).collect();
        grants
    });
    HostRequest { profile: name(profile), version, extension_points, grants }
}

/// A policy; each rule is seldom there.
pub(crate) fn read_policy(bytes: &mut Bytes<'_>, policy: &mut Policy) {
    let risk = |bytes: &mut Bytes<'_>| [Risk::High, Risk::Medium, Risk::Low][bytes.below(3)];
    if bytes.seldom(60) {
        policy.min_age_hours = [24, 72, 5][bytes.below(3)];
    }
    policy.require_verified = bytes.seldom(50);
    policy.max_risk = bytes.seldom(60).then(|| risk(bytes));
    if bytes.seldom(40) {
        for _ in 0..=bytes.below(2) {
            policy.max_risk_by_trust.insert(level(bytes), risk(bytes));
        }
    }
    policy.min_trust = bytes.seldom(30).then(|| level(bytes));
    let namespaces = |bytes: &mut Bytes<'_>| -> BTreeSet<Namespace> {
        let some = bytes.some_of(&["ant", "bee", "cat"]);
        some.iter().map(|namespace| namespace.parse().expect("a namespace")).collect()
    };
    if bytes.seldom(40) {
        policy.trust = namespaces(bytes).into_iter().map(|namespace| (namespace, level(bytes))).collect();
    }
    policy.allowed_namespaces = bytes.seldom(30).then(|| namespaces(bytes));
    if bytes.seldom(20) {
        policy.denied_namespaces = namespaces(bytes);
    }
    if bytes.seldom(60) {
        let some = bytes.some_of(&["MIT", "Apache-2.0", "GPL-3.0-only", "BSD-3-Clause"]);
        policy.licenses = Some(some.into_iter().collect());
    }
    policy.allow_widening = bytes.seldom(60);
    policy.pre_release = bytes.seldom(40);
}
