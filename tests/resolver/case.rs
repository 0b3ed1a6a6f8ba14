//! A scenario as data: a small universe, a request, and what a resolve makes of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use pluginry::domain::{
    Capabilities, DependencySpec, Digest, HostProfile, IndexRelease, PluginName, ReleaseId, Requirement,
    Risk, Timestamp, TrustLevel, VerificationState, Version,
};
use pluginry::resolver::{
    Circumstances, Index, IndexSnapshot, Lock, ResolveFailure, ResolveRequest, resolve,
};
use serde::Deserialize;

/// 2026-11-21T12:00:00Z.
pub(crate) const NOW: Timestamp = Timestamp::from_micros(1_795_262_400_000_000);

/// A small universe and a request.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Case {
    #[serde(default)]
    pub(crate) releases: BTreeMap<ReleaseId, CaseRelease>,
    /// The registered versions of host profiles; none: the host is taken at its word.
    #[serde(default)]
    pub(crate) profiles: BTreeSet<ReleaseId>,
    /// Earlier requests, each with the lock of the one before it, all from before anything was withdrawn.
    #[serde(default)]
    pub(crate) before: Vec<toml::Table>,
    /// A resolve request; `locked` names releases that the lock holds.
    pub(crate) request: toml::Table,
    #[serde(default)]
    pub(crate) expect: toml::Table,
}

/// A release of a scenario.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct CaseRelease {
    pub(crate) needs: BTreeMap<PluginName, DependencySpec>,
    pub(crate) provides: BTreeMap<PluginName, Version>,
    pub(crate) conflicts: BTreeMap<PluginName, Requirement>,
    pub(crate) capabilities: Capabilities,
    pub(crate) risk: Option<Risk>,
    pub(crate) profile: PluginName,
    pub(crate) profile_version: Requirement,
    pub(crate) license: String,
    pub(crate) verification: VerificationState,
    pub(crate) age_hours: i64,
    pub(crate) sequence: u64,
    pub(crate) signer_revoked: bool,
    pub(crate) trust: TrustLevel,
    pub(crate) deprecated: Option<String>,
    pub(crate) extension_points: Vec<String>,
    pub(crate) yanked: bool,
    pub(crate) quarantined: Option<String>,
    pub(crate) taken_down: Option<String>,
    pub(crate) recalled: Option<String>,
    pub(crate) singleton: bool,
    /// Whether it was not there yet at the first request.
    pub(crate) new: bool,
}

impl Default for CaseRelease {
    fn default() -> Self {
        Self {
            needs: BTreeMap::new(),
            provides: BTreeMap::new(),
            conflicts: BTreeMap::new(),
            capabilities: Capabilities::new(),
            risk: None,
            profile: "pluginry:reference".parse().unwrap(),
            profile_version: "^1.0".parse().unwrap(),
            license: "MIT".into(),
            verification: VerificationState::Passed,
            age_hours: 10_000,
            sequence: 1,
            signer_revoked: false,
            trust: TrustLevel::default(),
            deprecated: None,
            extension_points: Vec::new(),
            yanked: false,
            quarantined: None,
            taken_down: None,
            recalled: None,
            singleton: false,
            new: false,
        }
    }
}

impl Case {
    /// Reads a scenario file.
    pub(crate) fn read(file: &Path) -> Self {
        let text = fs::read_to_string(file).unwrap();
        toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
    }

    /// The index of the universe, its releases applied in the order of their names or the other way round.
    pub(crate) fn index(&self, backwards: bool) -> IndexSnapshot {
        let mut releases: Vec<(&ReleaseId, &CaseRelease)> = self.releases.iter().collect();
        if backwards {
            releases.reverse();
        }
        let mut index = Index::default();
        for (id, release) in releases {
            index.apply(&id.plugin, &index_release(id, release));
        }
        index.snapshot()
    }

    /// What the resolve of the scenario's request ends in.
    pub(crate) fn answer(&self, backwards: bool) -> Result<Lock, ResolveFailure> {
        self.resolve(&self.index(backwards), &self.resolve_request(), NOW)
    }

    /// What a resolve of another request ends in.
    pub(crate) fn resolve(
        &self,
        index: &IndexSnapshot,
        request: &ResolveRequest,
        now: Timestamp,
    ) -> Result<Lock, ResolveFailure> {
        let profiles = self.host_profiles();
        resolve(index, request, &Circumstances { profiles: &profiles, now, should_stop: &|| false })
    }

    /// The request, with the lock it names or the one that the requests before it led to.
    pub(crate) fn resolve_request(&self) -> ResolveRequest {
        let mut request = self.request_of(self.request.clone());
        for (place, before) in self.before.iter().enumerate() {
            let lock = request.lock.take();
            let before = ResolveRequest { lock, ..self.request_of(before.clone()) };
            request.lock = Some(self.resolved_before(&before, place == 0));
        }
        request
    }

    fn request_of(&self, mut table: toml::Table) -> ResolveRequest {
        let locked = table.remove("locked");
        let mut request: ResolveRequest = table.try_into().unwrap();
        if let Some(locked) = locked {
            let ids: Vec<ReleaseId> = locked.try_into().unwrap();
            request.lock = Some(self.lock_of(&ids));
        }
        request
    }

    fn resolved_before(&self, request: &ResolveRequest, is_first: bool) -> Lock {
        let mut index = Index::default();
        for (id, release) in self.releases.iter().filter(|(_, release)| !(is_first && release.new)) {
            let release = CaseRelease {
                signer_revoked: false,
                deprecated: None,
                yanked: false,
                quarantined: None,
                taken_down: None,
                recalled: None,
                ..release.clone()
            };
            index.apply(&id.plugin, &index_release(id, &release));
        }
        self.resolve(&index.snapshot(), request, NOW).expect("the request before is met")
    }

    fn host_profiles(&self) -> Vec<HostProfile> {
        let profile = |id: &ReleaseId| {
            let text = serde_json::json!({ "name": id.plugin, "version": id.version, "abi": "both" });
            serde_json::from_value(text).unwrap()
        };
        self.profiles.iter().map(profile).collect()
    }

    /// A lock that holds these releases, whether or not they are in the universe.
    fn lock_of(&self, ids: &[ReleaseId]) -> Lock {
        let releases: Vec<serde_json::Value> = ids
            .iter()
            .map(|id| {
                let release = self.releases.get(id);
                serde_json::json!({
                    "name": id.plugin, "version": id.version, "digest": Digest::of(id.to_string().as_bytes()),
                    "size_bytes": 1000, "url": "", "signer": "", "verification": "passed", "load_level": 0,
                    "capabilities": release.map(|release| release.capabilities.clone()).unwrap_or_default(),
                })
            })
            .collect();
        serde_json::from_value(serde_json::json!({ "sequence": 1, "releases": releases })).unwrap()
    }
}

/// The scenario files, by name.
pub(crate) fn case_files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/resolver");
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    files.sort();
    files
}

fn index_release(id: &ReleaseId, release: &CaseRelease) -> IndexRelease {
    let release = release.clone();
    IndexRelease {
        version: id.version.clone(),
        digest: Digest::of(id.to_string().as_bytes()),
        size_bytes: 1_000,
        sequence: release.sequence,
        published_at: NOW.plus_seconds(-3600 * release.age_hours),
        profile: release.profile,
        profile_version: release.profile_version,
        extension_points: release.extension_points,
        risk: release.risk,
        capabilities: release.capabilities,
        dependencies: release.needs,
        provides: release.provides,
        conflicts: release.conflicts,
        license: release.license,
        singleton: release.singleton,
        signer: "0".repeat(64),
        widening: false,
        signer_revoked: release.signer_revoked,
        trust: release.trust,
        verification: release.verification,
        yanked: release.yanked,
        deprecated: release.deprecated,
        quarantined: release.quarantined,
        taken_down: release.taken_down,
        recalled: release.recalled,
    }
}
