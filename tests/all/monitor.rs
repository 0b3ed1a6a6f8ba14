//! `pluginry log verify`: a registry that keeps to its log is found clean, and every lie is told with its place.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic like tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pluginry::client::{Client, Monitor, MonitorOptions};
use pluginry::domain::{Digest, Risk, Timestamp};
use pluginry::log::{Checkpoint, SignedCheckpoint, TreeEdge, read_entry_bundle};
use pluginry::signing::{Envelope, SecretKey};
use pluginry::trust::{LogEvent, LogStatement, RecallFeed, read_recalls, sign_recalls};
use pluginry::wasm::PackageLimits;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{Executor as _, Row as _};

use crate::harness::command::{Said, Terminal};
use crate::harness::proxy::Proxy;
use crate::harness::server::{ADDER, Author, TestPackage, TestServer, accept, core_manifest};

const ORIGIN: &str = "registry.example.org";
const PROFILE: &str = "name = \"acme:host\"\nversion = \"1.0.0\"\nabi = \"core\"\n";
const KINDS: [&str; 13] = [
    "deprecate",
    "key-enroll",
    "key-revoke",
    "owner-change",
    "profile",
    "publish",
    "quarantine",
    "recall",
    "takedown",
    "trust",
    "unyank",
    "verdict",
    "yank",
];

fn log_key() -> SecretKey {
    SecretKey::from_seed(&[1; 32])
}

fn registry_key() -> SecretKey {
    SecretKey::from_seed(&[2; 32])
}

fn adder(version: &str) -> TestPackage {
    TestPackage::pack(&core_manifest(&format!("acme:adder@{version}"), ""), ADDER)
}

/// A tool whose second major asks for the network.
fn tool(version: &str) -> TestPackage {
    let more = if version.starts_with('1') { "" } else { "[capabilities]\nnetwork = {}\n" };
    TestPackage::pack(&core_manifest(&format!("beta:tool@{version}"), more), ADDER)
}

async fn publish(author: &Author<'_>, package: &TestPackage) {
    let (address, attestation) = (package.address(), package.sign(&author.key).to_json());
    let sent = author.send_with(&address, "?accept_widening=true", package.bytes.clone(), attestation);
    accept(sent.await).await;
}

async fn operate(server: &TestServer, method: Method, path: &str) {
    let url = format!("{}/api/v1/operator/releases/{path}", server.url);
    let request = server.http.request(method.clone(), url).bearer_auth(&server.operator_token);
    let body = json!({ "reason": "sends what it reads to a stranger" });
    let request = if method == Method::DELETE { request } else { request.json(&body) };
    accept(request.send().await.unwrap()).await;
}

async fn change(author: &Author<'_>, server: &TestServer, path: &str, body: Value) {
    let url = format!("{}/api/v1/plugins/{path}", server.url);
    let request = server.http.patch(url).bearer_auth(&author.token).json(&body);
    accept(request.send().await.unwrap()).await;
}

/// A registry in which everything happened that a log can tell of.
async fn lively_registry() -> TestServer {
    let server = TestServer::start_with(|configuration| {
        configuration.trust.origin = ORIGIN.into();
        configuration.trust.log_key = log_key().to_text().to_string().into();
        configuration.trust.registry_key = registry_key().to_text().to_string().into();
    })
    .await;
    let profile = server.http.post(format!("{}/api/v1/profiles", server.url));
    accept(profile.bearer_auth(&server.operator_token).body(PROFILE).send().await.unwrap()).await;

    let acme = server.author("acme").await;
    for version in ["1.0.0", "1.1.0", "1.2.0", "2.0.0-rc.1"] {
        publish(&acme, &adder(version)).await;
    }
    let own_host = core_manifest("acme:guest@1.0.0", "").replace("wasi:cli", "acme:host");
    publish(&acme, &TestPackage::pack(&own_host, ADDER)).await;
    change(&acme, &server, "acme/adder/1.0.0", json!({ "yanked": true })).await;
    change(&acme, &server, "acme/adder/1.0.0", json!({ "yanked": false })).await;
    change(&acme, &server, "acme/adder/1.1.0", json!({ "yanked": true })).await;
    change(&acme, &server, "acme/adder/1.1.0", json!({ "deprecated": "use 1.2.0" })).await;
    let further = SecretKey::from_seed(&[9; 32]);
    acme.enroll(&further).await;
    acme.revoke(&further).await;

    let beta = server.author("beta").await;
    for version in ["1.0.0", "2.0.0", "3.0.0"] {
        publish(&beta, &tool(version)).await;
    }
    operate(&server, Method::PUT, "beta/tool/1.0.0/recall").await;
    server.set_trust("acme", "partner").await;
    operate(&server, Method::PUT, "acme/adder/1.2.0/quarantine").await;
    operate(&server, Method::DELETE, "acme/adder/1.2.0/quarantine").await;
    let of_acme = ["adder/1.0.0", "adder/1.1.0", "adder/1.2.0", "adder/2.0.0-rc.1", "guest/1.0.0"];
    let of_beta = ["tool/1.0.0", "tool/2.0.0", "tool/3.0.0"];
    let paths = of_acme.map(|path| format!("acme/{path}")).into_iter();
    for path in paths.chain(of_beta.map(|path| format!("beta/{path}"))) {
        let path = format!("/api/v1/plugins/{path}/verification?wait_seconds=20");
        assert_ne!(server.get_json(&path).await["state"], "pending", "{path}");
    }
    operate(&server, Method::PUT, "beta/tool/2.0.0/quarantine").await;
    operate(&server, Method::POST, "beta/tool/3.0.0/takedown").await;
    drop((acme, beta));
    server
}

async fn kinds_in_log(server: &TestServer) -> BTreeSet<String> {
    let mut connection = server.database().raw_connection().await;
    let rows = sqlx::query("SELECT DISTINCT kind FROM log_entries").fetch_all(&mut connection).await.unwrap();
    rows.iter().map(|row| row.get("kind")).collect()
}

/// What the monitor says of the registry at `url`.
fn verify(url: &str, more: &[&str]) -> Said {
    Terminal::new(url).run(&[&["log", "verify", "--settle-ms", "0"], more].concat())
}

/// The sentences of a run that must have found something.
fn told(url: &str, more: &[&str]) -> String {
    let said = verify(url, more);
    assert_eq!(said.code, 1, "{}", said.as_text());
    assert!(said.err.contains("error[log-differs]"), "{}", said.as_text());
    said.out
}

/// Without hashes, keys and moments.
fn snapshot(name: &str, text: &str) {
    let filters = vec![
        (r"sha256:[0-9a-f]{64}", "sha256:[digest]"),
        (r"[A-Za-z0-9+/]{43}=", "[hash]"),
        (r"[0-9a-f]{64}", "[key]"),
        (r"\d{4}-\d\d-\d\dT[0-9:.]+Z", "[time]"),
        // Verdicts take places in the log when their runs end.
        (r"verdict of [^)]+\)", "verdict of [release])"),
        (r"entry \d+ \((publish of (acme:adder@[12]|acme:guest|beta))", "entry [index] ($1"),
    ];
    insta::with_settings!({ filters => filters }, { insta::assert_snapshot!(name, text) });
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

/// The registry's log, as somebody with its keys can forge it.
struct Log {
    entries: Vec<Vec<u8>>,
}

impl Log {
    async fn of(server: &TestServer) -> Self {
        let checkpoint = server.get("/log/checkpoint").await.text().await.unwrap();
        let size = SignedCheckpoint::parse(&checkpoint).unwrap().unverified().tree_size;
        assert!(size < 256, "the log of the test fits into one tile");
        let bundle = server.get(&format!("/log/tile/entries/000.p/{size}")).await.bytes().await.unwrap();
        let entries = read_entry_bundle(&bundle, size as u16).unwrap();
        Self { entries: entries.into_iter().map(<[u8]>::to_vec).collect() }
    }

    fn statement(&self, kind: &str) -> LogStatement {
        let read = |entry: &Vec<u8>| LogStatement::from_bytes(entry).unwrap();
        self.entries.iter().map(read).find(|statement| statement.kind() == kind).unwrap()
    }

    /// Checkpoint, tile and bundle by path, with a checkpoint that the log's key signed.
    fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let mut edge = TreeEdge::new();
        for entry in &self.entries {
            edge.append(entry).unwrap();
        }
        let checkpoint = Checkpoint { origin: ORIGIN.into(), tree_size: edge.size(), root: edge.root() };
        let note = checkpoint.sign(&[(ORIGIN, &log_key())]);
        let mut files = BTreeMap::from([("/log/checkpoint".to_owned(), note.into_bytes())]);
        files.extend(
            edge.take_tiles().into_iter().map(|(path, bytes)| (format!("/log/{}", path.path()), bytes)),
        );
        files
    }
}

/// A registry that serves `files` instead of its own; what it does not have passes.
fn serving(server: &TestServer, files: BTreeMap<String, Vec<u8>>) -> Proxy {
    // The forged tree may be larger than the real one, so its paths are asked for at the real one's.
    Proxy::start_with_files(&server.url, files)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_keeps_to_its_log_is_found_clean_again_and_again() {
    let mut server = lively_registry().await;
    let folder = tempfile::tempdir().unwrap();
    let (state, cache) = (folder.path().join("state.json"), folder.path().join("cache"));
    let remember = ["--state", state.to_str().unwrap(), "--cache", cache.to_str().unwrap()];

    let first = verify(&server.url, &remember);
    server.restart();
    let author = Author::signed_in(&server, "acme").await;
    publish(&author, &adder("1.3.0")).await;
    drop(author);
    let second = verify(&server.url, &remember);
    let as_json = verify(&server.url, &["--json"]);

    assert_eq!(kinds_in_log(&server).await, BTreeSet::from(KINDS.map(str::to_owned)));
    assert_eq!((first.code, second.code), (0, 0), "{}\n{}", first.as_text(), second.as_text());
    insta::assert_snapshot!(first.line());
    let report: Value = serde_json::from_str(&as_json.done("log verify --json").out).unwrap();
    assert_eq!((&report["origin"], &report["differences"]), (&json!(ORIGIN), &json!([])));
    assert_eq!(fs::read_dir(cache).unwrap().count(), 7, "every package that is handed out, once");
}

#[tokio::test(flavor = "multi_thread")]
async fn lies_in_database_and_object_store_are_told() {
    let mut server = lively_registry().await;
    let mut all = String::new();
    let index_file = server.data().join("objects/index/acme/adder.json");
    let honest = fs::read(&index_file).unwrap();

    // The row and, by a start without a mark, the index file.
    server.stop();
    let mut connection = server.database().raw_connection().await;
    connection.execute("UPDATE releases SET yanked_at = NULL WHERE version = '1.1.0'").await.unwrap();
    fs::remove_file(server.data().join("index-mark")).unwrap();
    server.restart();
    all += &format!("a row: {}", told(&server.url, &[]));

    server.stop();
    connection.execute("UPDATE releases SET yanked_at = 1 WHERE version = '1.1.0'").await.unwrap();
    let lying =
        text(honest.clone()).replacen("\"verification\":\"passed\"", "\"verification\":\"failed\"", 1);
    fs::write(&index_file, lying).unwrap();
    server.restart();
    // The registry itself puts this one right instead of serving it; whoever serves the store past it is told of in
    // `lies_in_answers_are_told`.
    let healed = verify(&server.url, &[]);
    assert_eq!(healed.code, 0, "{}", healed.as_text());

    server.stop();
    fs::write(&index_file, &honest).unwrap();
    let hex = Digest::of(&adder("1.0.0").bytes).to_hex();
    let package = server.data().join("objects/sha256").join(&hex[..2]).join(&hex);
    let mut bytes = fs::read(&package).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::remove_file(&package).unwrap();
    fs::write(&package, bytes).unwrap();
    server.restart();
    all += &format!("a package: {}", told(&server.url, &[]));

    snapshot("lies-in-database-and-object-store", &all);
}

type Lie = Box<dyn Fn(&str, Vec<u8>) -> Option<Vec<u8>> + Send + Sync>;

/// Changes the body at the paths that end with `end`.
fn at(end: &'static str, change: impl Fn(Vec<u8>) -> Option<Vec<u8>> + Send + Sync + 'static) -> Lie {
    Box::new(move |path, body| if path.ends_with(end) { change(body) } else { Some(body) })
}

fn edit_feed(body: &[u8], edit: impl Fn(&mut RecallFeed)) -> Option<Vec<u8>> {
    let envelope = Envelope::from_json(body).unwrap();
    let mut feed = read_recalls(&envelope, &[registry_key().public_key()]).unwrap();
    edit(&mut feed);
    Some(sign_recalls(&feed, &registry_key()).to_json())
}

#[tokio::test(flavor = "multi_thread")]
async fn lies_in_answers_are_told() {
    let server = lively_registry().await;
    let size = Log::of(&server).await.entries.len();
    let package: &'static str = Box::leak(Digest::of(&adder("1.2.0").bytes).to_hex().into_boxed_str());
    let tile: &'static str = Box::leak(format!("/log/tile/0/000.p/{size}").into_boxed_str());
    let bundle: &'static str = Box::leak(format!("/log/tile/entries/000.p/{size}").into_boxed_str());
    let of_adder = "/index/acme/adder.json";
    let cases: Vec<(&str, Lie)> = vec![
        ("a yank hidden", at(of_adder, |body| Some(text(body).replace("\"yanked\":true,", "").into_bytes()))),
        (
            "a line dropped",
            at(of_adder, |body| {
                Some(
                    text(body)
                        .lines()
                        .skip(1)
                        .map(|line| format!("{line}\n"))
                        .collect::<String>()
                        .into_bytes(),
                )
            }),
        ),
        (
            "a line added",
            at(of_adder, |body| {
                let body = text(body);
                let line = body.lines().next().unwrap().replace("1.0.0", "7.7.7");
                Some(format!("{body}{line}\n").into_bytes())
            }),
        ),
        ("an index file gone", at(of_adder, |_| None)),
        (
            "a tile changed",
            at(tile, |mut body| {
                body[5 * 32] ^= 1;
                Some(body)
            }),
        ),
        (
            "an entry changed",
            at(bundle, |body| {
                let at = body.windows(11).position(|window| window == b"acme-author").unwrap();
                let mut body = body;
                body[at..at + 11].copy_from_slice(b"evil-author");
                Some(body)
            }),
        ),
        ("a bundle cut", at(bundle, |body| Some(body[..body.len() - 9].to_vec()))),
        ("a tile gone", at(tile, |_| None)),
        ("a package swapped", at(package, |_| Some(adder("1.1.0").bytes))),
        ("a package longer", at(package, |body| Some([body, vec![0; 9]].concat()))),
        ("a package gone", at(package, |_| None)),
        (
            "a profile changed",
            at("/profiles/acme/host/1.0.0", |body| {
                Some(text(body).replace("\"core\"", "\"component\"").into_bytes())
            }),
        ),
        ("a recall left out", at("/recalls", |body| edit_feed(&body, |feed| drop(feed.recalls.remove(0))))),
        (
            "a recall invented",
            at("/recalls", |body| {
                edit_feed(&body, |feed| {
                    let mut item = feed.recalls[0].clone();
                    item.release = "acme:adder@1.0.0".parse().unwrap();
                    feed.recalls.push(item);
                })
            }),
        ),
        ("a revocation left out", at("/recalls", |body| edit_feed(&body, |feed| feed.revoked_keys.clear()))),
        (
            "an old feed",
            at("/recalls", |body| {
                edit_feed(&body, |feed| {
                    feed.issued_at = Timestamp::from_micros(1);
                    feed.expires_at = Timestamp::from_micros(2);
                })
            }),
        ),
        (
            "a feed of somebody else",
            at("/recalls", |body| {
                let payload = Envelope::from_json(&body).unwrap();
                Some(Envelope::sign(payload.payload_type(), payload.payload().to_vec(), &log_key()).to_json())
            }),
        ),
        (
            "a checkpoint of somebody else",
            at("/log/checkpoint", |body| {
                let note = SignedCheckpoint::parse(&text(body)).unwrap();
                Some(note.unverified().sign(&[(ORIGIN, &registry_key())]).into_bytes())
            }),
        ),
        (
            "a root that is not the one of the entries",
            at("/log/checkpoint", |body| {
                let note = SignedCheckpoint::parse(&text(body)).unwrap();
                let lie = Checkpoint { root: pluginry::log::Hash([3; 32]), ..note.unverified().clone() };
                Some(lie.sign(&[(ORIGIN, &log_key())]).into_bytes())
            }),
        ),
        ("no trust document", at("/api/v1/trust", |_| None)),
    ];

    let mut all = String::new();
    for (what, lie) in cases {
        let proxy = Proxy::start(&server.url, lie);
        all += &format!("{what}: {}", told(&proxy.url, &[]));
    }

    snapshot("lies-in-answers", &all);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_breaks_the_rules_is_told_even_when_the_registry_signed_it() {
    let server = lively_registry().await;
    let mut log = Log::of(&server).await;
    let mut stolen = log.statement("publish");
    let LogEvent::Publish(entry) = &mut stolen.event else { unreachable!("it is a publish") };
    entry.signer = log_key().public_key().id();
    stolen.subject = match &stolen.subject {
        pluginry::trust::LogSubject::Release { digest, .. } => pluginry::trust::LogSubject::Release {
            release: "acme:adder@9.9.9".parse().unwrap(),
            digest: *digest,
        },
        _ => unreachable!("it is about a release"),
    };
    log.entries.push(stolen.to_bytes().unwrap());
    let mut verdict = log.statement("verdict");
    if let LogEvent::Verdict(entry) = &mut verdict.event {
        entry.summary =
            Envelope::sign(entry.summary.payload_type(), entry.summary.payload().to_vec(), &log_key());
    }
    log.entries.push(verdict.to_bytes().unwrap());
    log.entries.push(log.entries[0].clone());
    log.entries.push(b"{}".to_vec());
    log.entries.push([b" ", log.entries[1].as_slice()].concat());

    let proxy = serving(&server, log.files());
    let all = told(&proxy.url, &["--all"]);

    snapshot("a-log-that-breaks-the-rules", &all);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_grows_over_its_tiles_is_followed() {
    let server = TestServer::start_with(|configuration| configuration.verification.children = 0).await;
    let author = server.author("acme").await;
    publish(&author, &adder("1.0.0")).await;
    let folder = tempfile::tempdir().unwrap();
    let options = MonitorOptions {
        trust: None,
        state: Some(folder.path().join("state.json")),
        cache: folder.path().join("cache"),
        tell_all: true,
        settle: Duration::ZERO,
        limits: PackageLimits::default(),
        progress: None,
    };
    let mut monitor = Monitor::open(Client::new(&server.url).unwrap(), options).unwrap();

    let mut size = 3;
    for target in [3, 250, 256, 257, 300, 511, 513] {
        while size < target {
            change(&author, &server, "acme/adder/1.0.0", json!({ "yanked": size % 2 == 1 })).await;
            size += 1;
        }
        let report = monitor.look(Timestamp::now).await.unwrap();
        assert_eq!((report.tree_size, report.differences), (target, vec![]));
    }
    drop(author);
    let flip = |end: &'static str| {
        at(end, |mut body| {
            let middle = body.len() / 2;
            body[middle] ^= 1;
            Some(body)
        })
    };
    let mut all = String::new();
    for path in ["/log/tile/0/001", "/log/tile/1/000.p/2", "/log/tile/0/002.p/1"] {
        all += &told(&Proxy::start(&server.url, flip(path)).url, &[]);
    }

    snapshot("lies-in-a-log-of-several-tiles", &all);
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_that_tell_otherwise_of_a_package_are_told() {
    let server = lively_registry().await;
    let mut log = Log::of(&server).await;
    for entry in &mut log.entries {
        let mut statement = LogStatement::from_bytes(entry).unwrap();
        let name = statement.subject.to_key();
        if let LogEvent::Publish(publish) = &mut statement.event {
            match name.as_str() {
                "acme:adder@1.0.0" => publish.size_bytes += 1,
                "acme:adder@1.1.0" => publish.manifest_digest = Digest::of(b"another"),
                "acme:adder@1.2.0" => publish.risk = Some(Risk::High),
                "acme:adder@2.0.0-rc.1" => publish.widening = true,
                "acme:guest@1.0.0" => publish.profile_version = "1.9.9".parse().unwrap(),
                _ => {}
            }
            *entry = statement.to_bytes().unwrap();
        }
    }

    let proxy = serving(&server, log.files());
    let all = told(&proxy.url, &["--all"]);

    let mut sentences: Vec<&str> = all.lines().collect();
    // Entries by what they are about: verdicts shift their numbers, and "entry 10" sorts before "entry 9".
    sentences.sort_unstable_by_key(|sentence| match sentence.split_once(" (publish of ") {
        Some((_, publish)) => (false, publish),
        None => (true, *sentence),
    });
    snapshot("entries-that-tell-otherwise-of-a-package", &sentences.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_seen_otherwise_before_is_told() {
    let server = lively_registry().await;
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state.json");
    let remember = ["--state", state.to_str().unwrap()];
    let before = verify(&server.url, &remember);
    assert_eq!(before.code, 0, "{}", before.as_text());
    let log = Log::of(&server).await;
    let mut shorter = Log { entries: log.entries.clone() };
    shorter.entries.pop();
    let mut forked = Log { entries: log.entries };
    let last = forked.entries.pop().unwrap();
    forked.entries.extend([text(last.clone()).replace("a stranger", "someone").into_bytes(), last]);

    let rolled_back = told(&serving(&server, shorter.files()).url, &remember);
    let forked = told(&serving(&server, forked.files()).url, &remember);
    let trust = told(
        &Proxy::start(
            &server.url,
            at("/api/v1/trust", |body| {
                Some(text(body).replacen("\"payload\":\"e", "\"payload\":\"f", 1).into_bytes())
            }),
        )
        .url,
        &remember,
    );

    snapshot("a-log-that-was-seen-otherwise-before", &format!("{rolled_back}{forked}{trust}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_monitor_that_follows_sees_growth_and_ends_at_the_first_lie() {
    let server = lively_registry().await;
    let lies = Arc::new(AtomicBool::new(false));
    let is_lying = Arc::clone(&lies);
    let proxy = Proxy::start(&server.url, move |path, body| {
        let hides = is_lying.load(Ordering::Relaxed) && path == "/index/acme/adder.json";
        Some(if hides { text(body).replace("\"yanked\":true,", "").into_bytes() } else { body })
    });
    let terminal = Terminal::new(&proxy.url);
    let arguments = ["log", "verify", "--follow", "--interval", "1", "--settle-ms", "0", "--json"];
    let mut child = terminal.begin(&arguments);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || serde_json::from_str::<Value>(&lines.next().unwrap().unwrap()).unwrap();

    let first = next();
    let author = Author::signed_in(&server, "acme").await;
    publish(&author, &adder("1.3.0")).await;
    drop(author);
    let mut second = next();
    while second["tree_size"] == first["tree_size"] {
        second = next();
    }
    lies.store(true, Ordering::Relaxed);
    let mut last = next();
    while last["differences"] == json!([]) {
        last = next();
    }

    assert_eq!((&first["differences"], &second["differences"]), (&json!([]), &json!([])));
    assert_eq!(last["differences"][0]["code"], "index-line-differs");
    assert_eq!(child.wait().unwrap().code(), Some(1));
}
