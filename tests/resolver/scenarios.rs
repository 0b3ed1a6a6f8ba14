//! Resolver cases as data: `tests/resolver/*.toml` hold a small universe, a request and what must come of it.
//!
//! The file's name is the sentence the case proves. `UPDATE_CASES=1` writes what comes out today behind
//! `[expect]`: read it before you commit it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use pluginry::domain::{
    Capabilities, DependencySpec, Digest, HostProfile, IndexRelease, PluginName, Refusal, ReleaseId,
    Requirement, Risk, Timestamp, TrustLevel, VerificationState, Version,
};
use pluginry::resolver::{Circumstances, Index, LetGo, Lock, ResolveFailure, ResolveRequest, resolve};
use serde::{Deserialize, Serialize};

/// 2026-11-21T12:00:00Z.
const NOW: Timestamp = Timestamp::from_micros(1_795_262_400_000_000);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// The registered profiles; none: the request's is taken on trust.
    #[serde(default)]
    profiles: Vec<ReleaseId>,
    releases: BTreeMap<ReleaseId, CaseRelease>,
    /// Earlier requests, each with the lock of the one before it, all from before anything was withdrawn.
    #[serde(default)]
    before: Vec<toml::Table>,
    /// A resolve request; `locked` names releases of the universe that the lock holds.
    request: toml::Table,
    #[serde(default)]
    expect: Outcome,
}

#[derive(Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct CaseRelease {
    needs: BTreeMap<PluginName, DependencySpec>,
    provides: BTreeMap<PluginName, Version>,
    conflicts: BTreeMap<PluginName, Requirement>,
    capabilities: Capabilities,
    risk: Option<Risk>,
    profile: PluginName,
    profile_version: Requirement,
    license: String,
    verification: VerificationState,
    age_hours: i64,
    sequence: u64,
    signer_revoked: bool,
    trust: TrustLevel,
    deprecated: Option<String>,
    extension_points: Vec<String>,
    yanked: bool,
    quarantined: Option<String>,
    taken_down: Option<String>,
    recalled: Option<String>,
    singleton: bool,
    /// Whether it was not there yet at the first request.
    new: bool,
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

/// What came of a case: a lock's lines, or a refusal.
#[derive(Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Outcome {
    /// `level name@version`, in load order.
    lock: Vec<String>,
    /// The host that was chosen, where the request left its version open.
    host: String,
    held_back: Vec<String>,
    let_go: Vec<String>,
    grants: Vec<String>,
    code: String,
    text: String,
    mend: String,
    /// Each mend's changes as JSON; every one of them was made and ended in a lock.
    mends: Vec<String>,
}

#[test]
fn every_case_ends_as_it_says() {
    let files = case_files();
    let update = std::env::var_os("UPDATE_CASES").is_some();

    let mut wrong = String::new();
    for file in &files {
        let text = fs::read_to_string(file).unwrap();
        let case: Case = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let outcome = run(&case);
        if update {
            let head = text.split("\n[expect]").next().unwrap().trim_end();
            fs::write(file, format!("{head}\n\n[expect]\n{}", written(&outcome))).unwrap();
        } else if outcome != case.expect {
            let name = file.file_stem().unwrap().to_string_lossy().replace('_', " ");
            let (expected, got) = (written(&case.expect), written(&outcome));
            writeln!(wrong, "--- {name}\nexpected:\n{expected}\ngot:\n{got}").unwrap();
        }
    }

    assert!(files.len() >= 25, "only {} cases", files.len());
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn no_explanation_speaks_of_the_solver() {
    for file in case_files() {
        let case: Case = toml::from_str(&fs::read_to_string(&file).unwrap()).unwrap();

        let text = format!("{} {}", case.expect.text, case.expect.mend).to_lowercase();

        for jargon in
            ["proxy", "incompatib", "constraint", "guard", "choice", "solver", "term", "symbol", "ordinal"]
        {
            assert!(!text.contains(jargon), "{}: says {jargon:?}: {text}", file.display());
        }
        assert!(text.lines().count() <= 12, "{}: too long", file.display());
    }
}

#[test]
fn every_case_ends_the_same_with_releases_applied_in_another_order() {
    for file in case_files() {
        let case: Case = toml::from_str(&fs::read_to_string(&file).unwrap()).unwrap();

        let forwards = answer(&case, case.releases.iter().collect());
        let backwards = answer(&case, case.releases.iter().rev().collect());

        assert_eq!(as_bytes(&forwards), as_bytes(&backwards), "{}", file.display());
    }
}

fn case_files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/resolver");
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    files.sort();
    files
}

fn as_bytes(answer: &Result<Lock, ResolveFailure>) -> String {
    match answer {
        Ok(lock) => serde_json::to_string(lock).unwrap(),
        Err(failure) => format!("{failure}\n{:?}\n{:?}", failure.mend(), failure.derivation()),
    }
}

fn run(case: &Case) -> Outcome {
    match answer(case, case.releases.iter().collect()) {
        Ok(lock) => Outcome {
            host: chosen_host(&request(case), &lock),
            lock: lock
                .releases
                .iter()
                .map(|release| format!("{} {}", release.load_level, release.id()))
                .collect(),
            held_back: lock
                .held_back
                .iter()
                .map(|held| format!("{} {}, not {}: {}", held.name, held.chosen, held.newest, held.reason))
                .collect(),
            let_go: lock.let_go.iter().map(let_go).collect(),
            grants: lock
                .capabilities
                .iter()
                .map(|(name, scope)| format!("{name} {scope}").trim_end().to_owned())
                .collect(),
            ..Outcome::default()
        },
        Err(failure) => Outcome {
            code: failure.code().into(),
            text: failure.to_string(),
            mend: failure.mend().unwrap_or_default(),
            mends: failure.mends().iter().map(|mend| serde_json::to_string(&mend.changes).unwrap()).collect(),
            ..Outcome::default()
        },
    }
}

fn let_go(let_go: &LetGo) -> String {
    let now = let_go.chosen.as_ref().map_or("gone".to_owned(), |chosen| format!("now {chosen}"));
    format!("{} {}, {now}: {}", let_go.name, let_go.version, let_go.reason)
}

fn answer(case: &Case, releases: Vec<(&ReleaseId, &CaseRelease)>) -> Result<Lock, ResolveFailure> {
    let mut index = Index::default();
    for (id, release) in releases {
        index.apply(&id.plugin, &index_release(id, release));
    }
    let mut request = request(case);
    for (place, before) in case.before.iter().enumerate() {
        let lock = request.lock.take();
        let before = ResolveRequest { lock, ..request_of(case, before.clone()) };
        request.lock = Some(resolved_before(case, &before, place == 0));
    }
    resolve_with(&mut index, &request, &case.profiles)
}

fn resolved_before(case: &Case, request: &ResolveRequest, is_first: bool) -> Lock {
    let mut index = Index::default();
    for (id, release) in case.releases.iter().filter(|(_, release)| !(is_first && release.new)) {
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
    resolve_with(&mut index, request, &case.profiles).expect("the request before is met")
}

fn resolve_with(
    index: &mut Index,
    request: &ResolveRequest,
    profiles: &[ReleaseId],
) -> Result<Lock, ResolveFailure> {
    let profiles: Vec<HostProfile> = profiles.iter().map(profile).collect();
    let circumstances = Circumstances { profiles: &profiles, now: NOW, should_stop: &|| false };
    resolve(&index.snapshot(), request, &circumstances)
}

fn profile(id: &ReleaseId) -> HostProfile {
    let ReleaseId { plugin, version } = id;
    HostProfile::from_toml(&format!("name = \"{plugin}\"\nversion = \"{version}\"\nabi = \"core\"")).unwrap()
}

fn chosen_host(request: &ResolveRequest, lock: &Lock) -> String {
    let is_open = request.host.as_ref().is_some_and(|host| host.version.is_none());
    let chosen = lock.host.as_ref().filter(|_| is_open);
    chosen.map(|host| format!("{}@{}", host.profile, host.version)).unwrap_or_default()
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

fn request(case: &Case) -> ResolveRequest {
    request_of(case, case.request.clone())
}

fn request_of(case: &Case, mut table: toml::Table) -> ResolveRequest {
    let locked = table.remove("locked");
    let mut request: ResolveRequest = table.try_into().unwrap();
    if let Some(locked) = locked {
        let ids: Vec<ReleaseId> = locked.try_into().unwrap();
        request.lock = Some(lock_of(case, &ids));
    }
    request
}

/// A lock that holds these releases of the universe.
fn lock_of(case: &Case, ids: &[ReleaseId]) -> Lock {
    let releases: Vec<serde_json::Value> = ids
        .iter()
        .map(|id| {
            serde_json::json!({
                "name": id.plugin, "version": id.version, "digest": Digest::of(id.to_string().as_bytes()),
                "size_bytes": 1000, "url": "", "signer": "", "verification": "passed", "load_level": 0,
                "capabilities": case.releases.get(id).map(|release| release.capabilities.clone()).unwrap_or_default(),
            })
        })
        .collect();
    serde_json::from_value(serde_json::json!({ "sequence": 1, "releases": releases })).unwrap()
}

fn written(outcome: &Outcome) -> String {
    let mut text = String::new();
    for (key, lines) in [
        ("lock", &outcome.lock),
        ("held-back", &outcome.held_back),
        ("let-go", &outcome.let_go),
        ("grants", &outcome.grants),
    ] {
        if !lines.is_empty() {
            let lines: String = lines.iter().map(|line| format!("    {line:?},\n")).collect();
            writeln!(text, "{key} = [\n{lines}]").unwrap();
        }
    }
    if !outcome.host.is_empty() {
        writeln!(text, "host = {:?}", outcome.host).unwrap();
    }
    if !outcome.code.is_empty() {
        writeln!(text, "code = {:?}", outcome.code).unwrap();
        writeln!(text, "text = '''\n{}'''", outcome.text).unwrap();
        writeln!(text, "mend = '''\n{}'''", outcome.mend).unwrap();
        if !outcome.mends.is_empty() {
            let lines: String = outcome.mends.iter().map(|mend| format!("    '{mend}',\n")).collect();
            writeln!(text, "mends = [\n{lines}]").unwrap();
        }
    }
    text
}
