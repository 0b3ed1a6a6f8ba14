//! What each page is tried with: the usual, the empty, the longest, the hostile and the right-to-left.

use std::collections::BTreeMap;

use serde_json::json;

use super::graph::{GraphPart, Shown};
use super::home::HomePage;
use super::inspection::{CapabilityRow, CountRow, ExportRow, FindingRow, ImportRow, InspectionPage};
use super::markdown;
use super::namespace::NamespacePage;
use super::passport::{Entry, Passport};
use super::problem::ProblemPage;
use super::release::{DependencyRow, OutsideLink, ReleasePage, VersionRow};
use super::release_head::ReleaseHead;
use super::search::{SearchFilters, SearchPage};
use super::tombstone::TombstonePage;
use super::verification::VerificationPage;
use crate::domain::api::{EnrolledKey, KeyState, PluginSummary, ProblemBody};
use crate::domain::{
    Capabilities, DependencySpec, Digest, HostProfile, IndexRelease, Objection, ObjectionKind, PluginName,
    ReleaseId, Risk, Timestamp, TrustLevel, VerificationState,
};
use crate::registry::ReleaseGraph;
use crate::resolver::{Lock, picture};
use crate::runtime::{CaseReport, Isolation, VerificationOutcome, VerificationReport};

/// Text that would run a script if it were written as markup anywhere.
pub(super) const HOSTILE: &str =
    "\"><script>alert(1)</script><img src=x onerror=alert(1)>' onmouseover='alert(1) javascript:alert(1)";
const RIGHT_TO_LEFT: &str = "ملحق يحوّل النص إلى صفحات ويب \u{202e}gpj.exe";
const NOW: Timestamp = Timestamp::from_micros(1_795_000_000_000_000);

fn days_ago(days: i64) -> Timestamp {
    NOW.plus_seconds(-days * 86_400 - 300)
}

/// A profile with the words the built-in one uses.
fn profile() -> HostProfile {
    HostProfile::from_toml(
        r#"
        name = "pluginry:reference"
        version = "1.0.0"
        abi = "component"
        [[capability]]
        name = "network"
        risk = "high"
        description = "Can exchange data with the hosts listed"
        scopes = ["hosts"]
        [[capability]]
        name = "file-read"
        risk = "medium"
        description = "Can read files below the paths listed"
        scopes = ["paths"]
        [[capability]]
        name = "storage"
        risk = "medium"
        description = "Can keep data between calls, in its own space"
        [[capability]]
        name = "clock"
        risk = "low"
        description = "Can read the time"
        "#,
    )
    .expect("the sample profile is valid")
}

fn capabilities(text: serde_json::Value) -> Capabilities {
    serde_json::from_value(text).expect("sample capabilities are valid")
}

fn usual_capabilities() -> Capabilities {
    capabilities(json!({
        "network": { "hosts": ["feeds.example.com:443", "api.example.com:443"], "reason": "fetches the feeds you subscribe to" },
        "file-read": { "paths": ["/workspace"], "reason": "reads the templates beside your documents" },
        "clock": {},
    }))
}

fn index_release(version: &str, capabilities: Capabilities, risk: Option<Risk>) -> IndexRelease {
    IndexRelease {
        version: version.parse().expect("a sample version"),
        digest: Digest::of(version.as_bytes()),
        size_bytes: 151_990,
        sequence: 41_207,
        published_at: days_ago(3),
        profile: "pluginry:reference".parse().expect("a sample name"),
        profile_version: "^1.0".parse().expect("a sample requirement"),
        extension_points: vec!["tool".into(), "transform".into()],
        capabilities,
        risk,
        dependencies: BTreeMap::from([
            (
                name("acme:tokenizer"),
                DependencySpec { version: "^1.0".parse().expect("one"), optional: false },
            ),
            (name("acme:themes"), DependencySpec { version: "^2".parse().expect("one"), optional: true }),
        ]),
        provides: BTreeMap::new(),
        conflicts: BTreeMap::new(),
        license: "MIT OR Apache-2.0".into(),
        singleton: false,
        signer: "9f2c4a71be03d58861c7a09e5f14b3d2c85b7f60a1e93d4478bb20cf6e517d0a".into(),
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

fn name(text: &str) -> PluginName {
    text.parse().expect("a sample name")
}

fn case(name: &str, passed: bool) -> CaseReport {
    CaseReport {
        name: name.into(),
        call: "tool".into(),
        passed,
        output: r#"{"html":"<h1>Hi</h1>\n"}"#.into(),
        problem: (!passed).then(|| "expected {\"html\":\"<h2>Hi</h2>\\n\"}".into()),
        fuel: 48_213,
        duration_us: 612,
        deterministic: passed,
    }
}

fn report(outcome: VerificationOutcome, cases: Vec<CaseReport>) -> VerificationReport {
    VerificationReport {
        outcome,
        compile_ms: Some(212),
        instantiate_us: Some(184),
        fuel: 1_204_118,
        peak_memory_bytes: 1_245_184,
        host_calls: BTreeMap::from([
            ("pluginry:plugin/log.write".into(), 3),
            ("pluginry:plugin/http.send".into(), 1),
        ]),
        deterministic: true,
        cases,
        runtime_version: "wasmtime 48.0.8".into(),
        isolation: Isolation { resource_limits: true, landlock: true, seccomp: true },
    }
}

fn passed_report() -> VerificationReport {
    let cases =
        vec![case("renders a heading", true), case("escapes raw HTML", true), case("refuses no text", true)];
    report(VerificationOutcome::Passed, cases)
}

fn failed_report() -> VerificationReport {
    let message = format!("the answer differs: {HOSTILE}");
    let outcome = VerificationOutcome::Failed {
        stage: crate::runtime::Stage::Calling,
        case: Some("escapes raw HTML".into()),
        message,
    };
    report(outcome, vec![case("renders a heading", true), case(HOSTILE, false)])
}

fn head(plugin: &str, version: &str) -> ReleaseHead {
    ReleaseHead {
        release: ReleaseId::new(name(plugin), version.parse().expect("a sample version")),
        description: "Renders CommonMark to HTML, with tables, footnotes and task lists.".into(),
        license: "MIT OR Apache-2.0".into(),
        published_at: days_ago(3),
        signer_revoked: false,
        trust: TrustLevel::Partner,
        yanked: false,
        deprecated: None,
        objection: None,
        newer: None,
        before: Some("1.1.4".parse().expect("a sample version")),
        adds: Vec::new(),
        versions: 3,
        dependencies: 2,
    }
}

const README: &str = r##"# acme:markdown

Renders [CommonMark](https://commonmark.org) to HTML. Raw HTML in the source is *escaped*, never passed through.

## Use

Send `text`, get `html`:

```json
{ "text": "# Hi" }
```

| Option | Default | What it does |
|--------|---------|--------------|
| `tables` | on | Pipe tables |
| `footnotes` | off | `[^1]` |

### Limits

1. Input up to 1 MiB.
2. Nesting up to 100 levels.

> Links to feeds are fetched only when `fetch` is on.

![A picture of the output](https://example.com/picture.png)
"##;

/// A release of a sample lock: its name, version, powers, risk and needs.
type LockedSample<'a> = (&'a str, &'a str, serde_json::Value, Option<&'a str>, &'a [&'a str]);

/// A lock of these releases.
fn lock(roots: serde_json::Value, releases: &[LockedSample<'_>]) -> Lock {
    let releases: Vec<_> = releases
        .iter()
        .map(|(plugin, version, capabilities, risk, needs)| {
            let needs = needs.iter().map(|need| match need.split_once('=') {
                None => json!({ "release": need, "requirement": "^1" }),
                Some((provided, id)) => json!({ "release": id, "requirement": "^1", "provides": provided }),
            });
            json!({ "name": plugin, "version": version, "digest": Digest::of(plugin.as_bytes()), "size_bytes": 151_990,
                "url": "/blobs/x", "signer": "ab", "verification": "passed", "risk": risk, "load_level": 0,
                "capabilities": capabilities, "dependencies": needs.collect::<Vec<_>>() })
        })
        .collect();
    serde_json::from_value(json!({ "sequence": 1, "roots": roots, "releases": releases }))
        .expect("a sample lock")
}

fn sample_graph() -> Lock {
    lock(
        json!({ "acme:markdown": "=1.2.0" }),
        &[
            ("acme:unicode-tables", "15.1.0", json!({}), None, &[]),
            ("tools:cache", "2.0.4", json!({ "storage": {} }), Some("medium"), &[]),
            ("acme:tokenizer", "1.0.3", json!({}), None, &["acme:unicode-tables@15.1.0"]),
            ("tools:fast-renderer", "0.9.0", json!({}), None, &["tools:cache@2.0.4", "acme:tokenizer@1.0.3"]),
            (
                "acme:markdown",
                "1.2.0",
                json!({ "network": { "reason": HOSTILE }, "file-read": {}, "clock": {} }),
                Some("high"),
                &["acme:tokenizer@1.0.3", "text:renderer=tools:fast-renderer@0.9.0", "tools:cache@2.0.4"],
            ),
        ],
    )
}

/// So many that the picture stands alone.
fn large_graph() -> Lock {
    let names: Vec<String> = (0..80).map(|number| format!("acme:{}-{number}", "part".repeat(12))).collect();
    let needs: Vec<String> = names.iter().skip(1).map(|name| format!("{name}@1.0.0")).collect();
    let needs: Vec<&str> = needs.iter().map(String::as_str).collect();
    let releases: Vec<_> = names
        .iter()
        .enumerate()
        .map(|(at, name)| {
            (name.as_str(), "1.0.0", json!({}), None, if at == 0 { needs.as_slice() } else { &[] })
        })
        .collect();
    lock(json!({ &names[0]: "*" }), &releases)
}

fn graph_part(lock: Lock) -> GraphPart {
    let picture = picture::draw(&lock, picture::Setting::Page, &|| false);
    GraphPart {
        path: "/plugins/acme/markdown/1.2.0/graph.svg".into(),
        shown: Shown::of(&ReleaseGraph { lock, picture }),
    }
}

fn release_page() -> ReleasePage {
    let plugin = name("acme:markdown");
    let release = index_release("1.2.0", usual_capabilities(), Some(Risk::High));
    let row = |version: &str, days, adds: &[&str]| VersionRow {
        version: version.parse().expect("a sample version"),
        path: VersionRow::path_of(&plugin, &version.parse().expect("a sample version")),
        is_this: version == "1.2.0",
        published_at: days_ago(days),
        verification: VerificationState::Passed,
        signer_revoked: false,
        yanked: version == "1.1.3",
        objection: (version == "1.1.4").then_some(ObjectionKind::Recalled),
        adds: adds.iter().map(|text| (*text).to_owned()).collect(),
        drops: Vec::new(),
    };
    ReleasePage {
        now: NOW,
        head: ReleaseHead {
            adds: vec!["adds network (hosts: feeds.example.com:443, api.example.com:443)".into()],
            ..head("acme:markdown", "1.2.0")
        },
        passport: Passport::new(&plugin, &release, Some(&profile()), Some(passed_report())),
        is_newest: true,
        readme: Some(markdown::render(README)),
        versions: vec![
            row("1.2.0", 3, &["adds network (hosts: feeds.example.com:443, api.example.com:443)"]),
            row("1.1.4", 41, &[]),
            row("1.1.3", 44, &["adds file-read (paths: /workspace)"]),
        ],
        more_versions: 0,
        dependencies: vec![
            DependencyRow {
                name: name("acme:tokenizer"),
                path: "/plugins/acme/tokenizer".into(),
                requirement: "^1.0".parse().expect("one"),
                optional: false,
            },
            DependencyRow {
                name: name("acme:themes"),
                path: "/plugins/acme/themes".into(),
                requirement: "^2".parse().expect("one"),
                optional: true,
            },
        ],
        graph: Some(graph_part(sample_graph())),
        provides: vec!["text:renderer 1.0.0".into()],
        conflicts: vec!["old:markdown *".into()],
        authors: vec!["Ada <ada@example.org>".into()],
        homepage: Some(OutsideLink::new("https://example.org/markdown/")),
        repository: Some(OutsideLink::new("javascript:alert(1)")),
        keywords: vec!["markdown".into(), "html & text".into()],
        sequence: 41_207,
        tree_size: 52_310,
    }
}

/// A release that an operator holds something against.
fn objected(kind: ObjectionKind, reason: &str) -> ReleasePage {
    let is_quarantined = kind == ObjectionKind::Quarantined;
    let page = release_page();
    let release = index_release("1.1.4", usual_capabilities(), Some(Risk::High));
    let passport = Passport::new(&name("acme:markdown"), &release, Some(&profile()), Some(passed_report()));
    let this = |row: VersionRow| {
        let is_this = row.version == release.version;
        VersionRow { is_this, objection: is_this.then_some(kind), ..row }
    };
    ReleasePage {
        head: ReleaseHead {
            objection: Some(Objection { kind, reason: reason.into() }),
            newer: Some("1.2.0".parse().expect("one")),
            ..head("acme:markdown", "1.1.4")
        },
        passport: Passport { is_withheld: is_quarantined, ..passport },
        versions: page.versions.into_iter().map(this).collect(),
        readme: page.readme.filter(|_| !is_quarantined),
        is_newest: false,
        graph: None,
        ..page
    }
}

impl TombstonePage {
    pub(super) fn samples() -> Vec<(&'static str, Self)> {
        let page = |reason: &str, others: &[&str]| Self {
            now: NOW,
            head: head("acme:miner", "1.0.0"),
            reason: reason.into(),
            recalled: None,
            digest: Digest::of(b"miner"),
            signer: "9f2c4a71be03d58861c7a09e5f14b3d2c85b7f60a1e93d4478bb20cf6e517d0a".into(),
            sequence: 41_207,
            others: others
                .iter()
                .map(|version| {
                    let version = version.parse().expect("a sample version");
                    let path = VersionRow::path_of(&name("acme:miner"), &version);
                    (version, path)
                })
                .collect(),
        };
        vec![
            ("tombstone", page("Mines coins while it renders.", &["1.1.0", "0.9.0"])),
            (
                "tombstone-hostile",
                Self {
                    head: head(
                        &format!("{}:{}", "a".repeat(64), "b".repeat(64)),
                        "12.4.199-alpha.2026.11.21",
                    ),
                    recalled: Some(RIGHT_TO_LEFT.into()),
                    ..page(HOSTILE, &[])
                },
            ),
        ]
    }
}

impl ReleasePage {
    pub(super) fn samples() -> Vec<(&'static str, Self)> {
        let long = format!("{}:{}", "a".repeat(64), "very-long-name-".repeat(4) + "end");
        let pure = index_release("0.3.1", Capabilities::new(), None);
        let many: Capabilities = (0..200)
            .map(|i| {
                (
                    format!("power-{i}"),
                    json!({"hosts": [format!("h{i}.example.com:443")], "reason": "because"}),
                )
            })
            .map(|(key, value)| {
                (key.parse().expect("a name"), serde_json::from_value(value).expect("a request"))
            })
            .collect();
        let hostile = capabilities(
            json!({"network": {"hosts": [HOSTILE], "reason": HOSTILE}, "file-read": {"reason": RIGHT_TO_LEFT}}),
        );
        let mut pure_passport = Passport::new(&name("ada:sum"), &pure, Some(&profile()), None);
        pure_passport.verification = VerificationState::Pending;
        pure_passport.dependencies = 0;
        pure_passport.optional_dependencies = 0;
        let mut unused = Passport::new(
            &name("acme:markdown"),
            &index_release("1.1.3", usual_capabilities(), Some(Risk::High)),
            Some(&profile()),
            Some(failed_report()),
        );
        unused.verification = VerificationState::Failed;
        unused.mark_unused(&["file-read".parse().expect("a name")]);
        vec![
            ("release", release_page()),
            (
                "release-pure",
                Self {
                    head: ReleaseHead {
                        dependencies: 0,
                        versions: 1,
                        before: None,
                        description: "Adds numbers.".into(),
                        ..head("ada:sum", "0.3.1")
                    },
                    passport: pure_passport,
                    readme: None,
                    dependencies: vec![],
                    graph: None,
                    provides: vec![],
                    conflicts: vec![],
                    keywords: vec![],
                    authors: vec![],
                    homepage: None,
                    repository: None,
                    ..release_page()
                },
            ),
            (
                "release-yanked",
                Self {
                    head: ReleaseHead {
                        yanked: true,
                        deprecated: Some("Use acme:commonmark; this one is no longer kept.".into()),
                        newer: Some("1.2.0".parse().expect("one")),
                        ..head("acme:markdown", "1.1.3")
                    },
                    passport: unused,
                    is_newest: false,
                    graph: None,
                    ..release_page()
                },
            ),
            (
                "release-quarantined",
                objected(
                    ObjectionKind::Quarantined,
                    "Sends the text it renders to an address nobody granted.",
                ),
            ),
            ("release-recalled", objected(ObjectionKind::Recalled, HOSTILE)),
            (
                "release-many",
                Self {
                    head: head(&long, "12.4.199-alpha.2026.11.21"),
                    passport: Passport::new(
                        &name(&long),
                        &index_release("12.4.199-alpha.2026.11.21", many, Some(Risk::High)),
                        None,
                        Some(passed_report()),
                    ),
                    graph: Some(graph_part(large_graph())),
                    ..release_page()
                },
            ),
            (
                "release-hostile",
                Self {
                    head: ReleaseHead {
                        description: HOSTILE.into(),
                        license: HOSTILE.into(),
                        deprecated: Some(HOSTILE.into()),
                        adds: vec![HOSTILE.into()],
                        ..head("acme:markdown", "1.2.0")
                    },
                    passport: Passport::new(
                        &name("acme:markdown"),
                        &index_release("1.2.0", hostile, Some(Risk::High)),
                        Some(&profile()),
                        Some(failed_report()),
                    ),
                    readme: Some(markdown::render(&format!(
                        "# {HOSTILE}\n\n{HOSTILE}\n\n```{HOSTILE}\n{HOSTILE}\n```\n\n[x](<{HOSTILE}>)\n\n{RIGHT_TO_LEFT}"
                    ))),
                    authors: vec![HOSTILE.into()],
                    homepage: Some(OutsideLink::new(HOSTILE)),
                    keywords: vec![HOSTILE.into()],
                    provides: vec![HOSTILE.into()],
                    graph: Some(GraphPart {
                        shown: Shown::Impossible { explanation: format!("{HOSTILE}\n{RIGHT_TO_LEFT}") },
                        ..graph_part(sample_graph())
                    }),
                    ..release_page()
                },
            ),
            (
                "release-rtl",
                Self {
                    head: ReleaseHead { description: RIGHT_TO_LEFT.into(), ..head("acme:markdown", "1.2.0") },
                    readme: Some(markdown::render(&format!("# {RIGHT_TO_LEFT}\n\n{RIGHT_TO_LEFT}"))),
                    authors: vec![RIGHT_TO_LEFT.into()],
                    graph: Some(GraphPart { shown: Shown::Later, ..graph_part(sample_graph()) }),
                    ..release_page()
                },
            ),
        ]
    }
}

fn summary(
    plugin: &str,
    version: &str,
    description: &str,
    capabilities: Capabilities,
    risk: Option<Risk>,
) -> PluginSummary {
    PluginSummary {
        name: name(plugin),
        version: version.parse().expect("a sample version"),
        description: description.into(),
        risk,
        capabilities,
        profile: name("pluginry:reference"),
        verification: VerificationState::Passed,
        license: "MIT".into(),
        signer: "9f2c4a71be03d58861c7a09e5f14b3d2c85b7f60a1e93d4478bb20cf6e517d0a".into(),
        size_bytes: 151_990,
        published_at: days_ago(3),
        deprecated: None,
        recalled: None,
    }
}

fn entries() -> Vec<Entry> {
    let none = Capabilities::new;
    let mut failed = summary(
        "acme:feeds",
        "2.0.1",
        "Collects feeds into one page.",
        usual_capabilities(),
        Some(Risk::High),
    );
    failed.verification = VerificationState::Failed;
    failed.deprecated = Some("use acme:reader".into());
    failed.recalled = Some("leaks what it reads".into());
    let mut pending = summary("ada:sum", "0.3.1", "Adds numbers.", none(), None);
    pending.verification = VerificationState::Pending;
    pending.published_at = NOW.plus_seconds(-40);
    vec![
        pending.into(),
        summary("acme:markdown", "1.2.0", "Renders CommonMark to HTML, with tables, footnotes and task lists.", capabilities(json!({"clock": {}})), Some(Risk::Low)).into(),
        failed.into(),
        summary("dprint:json", "0.21.3", "Formats JSON the way dprint does, comments and trailing commas included; used by the dprint command line and by editors that embed it.", none(), None).into(),
        summary("text:notes", "1.0.0-beta.2", "Keeps notes between calls.", capabilities(json!({"storage": {}})), Some(Risk::Medium)).into(),
    ]
}

fn awkward_entries() -> Vec<Entry> {
    let long = format!("{}:{}", "a".repeat(64), "b".repeat(64));
    vec![
        summary(&long, "12.4.199-alpha.2026.11.21", &"word ".repeat(120), Capabilities::new(), None).into(),
        summary("acme:x", "1.0.0", HOSTILE, usual_capabilities(), Some(Risk::High)).into(),
        summary("acme:y", "1.0.0", RIGHT_TO_LEFT, usual_capabilities(), Some(Risk::High)).into(),
    ]
}

impl HomePage {
    pub(super) fn samples() -> Vec<(&'static str, Self)> {
        let page =
            |plugins, releases, newest, verified| Self { now: NOW, plugins, releases, newest, verified };
        vec![
            (
                "home",
                page(
                    1_204,
                    18_377,
                    entries(),
                    entries().into_iter().skip(1).take(1).chain(entries().into_iter().skip(3)).collect(),
                ),
            ),
            ("home-empty", page(0, 0, vec![], vec![])),
            ("home-awkward", page(1, 1, awkward_entries(), vec![])),
        ]
    }
}

impl SearchPage {
    pub(super) fn samples() -> Vec<(&'static str, Self)> {
        let page = |filters: SearchFilters, entries| Self {
            now: NOW,
            filters,
            entries,
            cursor: None,
            next_cursor: Some("abc".into()),
        };
        let filters = SearchFilters {
            q: "markdown".into(),
            risk: "medium".into(),
            capability: "network".into(),
            ..Default::default()
        };
        vec![
            ("search", page(filters.clone(), entries())),
            ("search-nothing", page(filters, vec![])),
            ("search-empty", page(SearchFilters::default(), vec![])),
            (
                "search-awkward",
                page(
                    SearchFilters { q: HOSTILE.into(), profile: HOSTILE.into(), ..Default::default() },
                    awkward_entries(),
                ),
            ),
        ]
    }
}

impl InspectionPage {
    pub(super) fn samples() -> Vec<(&'static str, Self)> {
        let import = |name: &str, why: &str, capability: Option<&str>, risk| ImportRow {
            name: name.into(),
            signature: None,
            functions: if capability.is_some() { vec!["send".into(), "receive".into()] } else { vec![] },
            why: why.into(),
            capability: capability.map(str::to_owned),
            risk,
        };
        let usual = Self {
            now: NOW,
            head: head("acme:markdown", "1.2.0"),
            kind: "component".into(),
            profile: "pluginry:reference@1.0.0"
                .split_once('@')
                .map(|(plugin, version)| ReleaseId::new(name(plugin), version.parse().expect("one")))
                .expect("a release"),
            imports: vec![
                import(
                    "pluginry:plugin/http",
                    "The manifest declares network",
                    Some("network"),
                    Some(Risk::High),
                ),
                import("pluginry:plugin/log", "Always allowed", None, None),
                import(
                    "pluginry:plugin/clock",
                    "The manifest declares clock",
                    Some("clock"),
                    Some(Risk::Low),
                ),
            ],
            exports: vec![
                ExportRow {
                    name: "pluginry:plugin/tool".into(),
                    signature: None,
                    role: "Fills the extension point tool".into(),
                },
                ExportRow {
                    name: "process".into(),
                    signature: Some("(i32, i32) -> i64".into()),
                    role: "The host does not call it".into(),
                },
            ],
            capabilities: vec![
                CapabilityRow {
                    name: "network".into(),
                    risk: Some(Risk::High),
                    scope: "hosts: api.example.com:443".into(),
                    used_by: vec!["pluginry:plugin/http".into()],
                },
                CapabilityRow {
                    name: "file-read".into(),
                    risk: Some(Risk::Medium),
                    scope: String::new(),
                    used_by: vec![],
                },
            ],
            preflight: vec![
                CountRow { label: "Functions", value: 1_422, bound: Some(50_000) },
                CountRow { label: "Locals in one function", value: 87, bound: Some(2_000) },
                CountRow { label: "Data segments", value: 3, bound: Some(20_000) },
            ],
            warnings: vec![FindingRow {
                message: "The manifest declares file-read, and nothing in the code needs it".into(),
                mend: Some("Remove file-read from [capabilities].".into()),
            }],
            refusals: vec![],
        };
        let many = Self {
            now: NOW,
            head: head("acme:markdown", "1.2.0"),
            kind: "core module".into(),
            profile: usual.profile.clone(),
            imports: (0..150)
                .map(|i| ImportRow {
                    signature: Some("(i32, i32, i32, i32) -> i64".into()),
                    ..import(
                        &format!("env {HOSTILE} function_with_a_long_name_{i}"),
                        "Always allowed",
                        None,
                        None,
                    )
                })
                .collect(),
            exports: vec![],
            capabilities: vec![],
            preflight: vec![],
            warnings: vec![],
            refusals: vec![FindingRow { message: HOSTILE.into(), mend: None }],
        };
        vec![("inspection", usual), ("inspection-many", many)]
    }
}

impl VerificationPage {
    pub(super) fn samples() -> Vec<(&'static str, Self)> {
        let cases = serde_json::from_value(json!([{"name": "renders a heading", "call": "tool", "input": {"text": "# Hi"}, "expect": {"json": {"html": "<h1>Hi</h1>\n"}}}])).expect("sample cases");
        let page = |report, cases| Self { now: NOW, head: head("acme:markdown", "1.2.0"), report, cases };
        vec![
            ("verification", page(Some(passed_report()), cases)),
            ("verification-failed", page(Some(failed_report()), vec![])),
            ("verification-pending", page(None, vec![])),
        ]
    }
}

impl NamespacePage {
    pub(super) fn samples() -> Vec<(&'static str, Self)> {
        let key = |label: &str, state| EnrolledKey {
            key_id: "9f2c4a71be03d58861c7a09e5f14b3d2c85b7f60a1e93d4478bb20cf6e517d0a".into(),
            public_key: "ed25519:BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=".into(),
            label: label.into(),
            state,
            enrolled_by: "ada".into(),
            enrolled_at: days_ago(90),
            counts_from: (state != KeyState::NeedsApproval).then(|| days_ago(-1)),
            enrolled_index: Some(7),
            endorsed_by: None,
            approved_by: vec!["bob".into()],
            revoked_at: (state == KeyState::Revoked).then(|| days_ago(2)),
            revoked_from_index: (state == KeyState::Revoked).then_some(41),
        };
        let keys = vec![
            key("release laptop", KeyState::Counts),
            key(HOSTILE, KeyState::Revoked),
            key(RIGHT_TO_LEFT, KeyState::Waiting),
            key("", KeyState::NeedsApproval),
        ];
        let namespace: crate::domain::Namespace = "acme".parse().expect("a sample namespace");
        vec![
            (
                "namespace",
                Self {
                    now: NOW,
                    namespace: namespace.clone(),
                    entries: entries(),
                    has_more: true,
                    trust: TrustLevel::Internal,
                    keys,
                },
            ),
            (
                "namespace-empty",
                Self {
                    now: NOW,
                    namespace,
                    entries: vec![],
                    has_more: false,
                    trust: TrustLevel::Marketplace,
                    keys: vec![],
                },
            ),
        ]
    }
}

impl ProblemPage<'static> {
    pub(super) fn samples() -> Vec<(&'static str, Self)> {
        let problem = |status: u16,
                       code: &str,
                       detail: &str,
                       mend: Option<&str>,
                       extras: serde_json::Value|
         -> &'static ProblemBody {
            Box::leak(Box::new(ProblemBody {
                problem_type: format!("/problems/{code}"),
                title: code.replace('-', " "),
                status,
                code: code.into(),
                detail: detail.into(),
                mend: mend.map(str::to_owned),
                request_id: Some("00f1c2-7".into()),
                extras: extras.as_object().cloned().unwrap_or_default(),
            }))
        };
        vec![
            (
                "problem-404",
                Self::new(problem(
                    404,
                    "not-found",
                    "the plugin acme:markdwn was not found",
                    None,
                    json!({"asked": "markdwn", "nearest": ["acme:markdown", "dprint:markdown", HOSTILE]}),
                )),
            ),
            (
                "problem-410",
                Self::new(problem(
                    410,
                    "release-taken-down",
                    "acme:miner@1.0.0 was taken down by the operator: mines coins",
                    Some("Use another release: its package is deleted, and only its entry in the log stays."),
                    json!({}),
                )),
            ),
            (
                "problem-429",
                Self::new(problem(
                    429,
                    "rate-limited",
                    "more than 600 requests in a minute came from your address",
                    Some("Wait 20 seconds."),
                    json!({}),
                )),
            ),
            (
                "problem-500",
                Self::new(problem(
                    500,
                    "internal",
                    "something went wrong on our side; nothing was changed",
                    Some("Try again; if it stays, tell the operator the request id."),
                    json!({"asked": HOSTILE}),
                )),
            ),
        ]
    }
}

/// Every page with every sample, rendered.
pub(super) fn rendered() -> Vec<(&'static str, String)> {
    fn all<T: askama::Template>(
        samples: Vec<(&'static str, T)>,
    ) -> impl Iterator<Item = (&'static str, String)> {
        samples.into_iter().map(|(name, page)| (name, page.render().expect("a sample renders")))
    }
    all(HomePage::samples())
        .chain(all(SearchPage::samples()))
        .chain(all(ReleasePage::samples()))
        .chain(all(TombstonePage::samples()))
        .chain(all(InspectionPage::samples()))
        .chain(all(VerificationPage::samples()))
        .chain(all(NamespacePage::samples()))
        .chain(all(ProblemPage::samples()))
        .collect()
}
