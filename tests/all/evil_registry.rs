//! A host that knows only the registry's keys, against a registry that lies: each lie is refused by the real
//! `pluginry`, in words of its own, and leaves nothing on the disk.
//!
//! The liar sits before an honest registry; where a lie needs the registry's keys, it has stolen them.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic like tests")]

use insta::assert_snapshot;
use pluginry::domain::{Digest, Timestamp};
use pluginry::resolver::Lock;
use pluginry::signing::SecretKey;
use pluginry::trust::{Bundle, LockBundle, LogEvent, LogStatement};
use serde_json::{Value, json};

use crate::harness::command::{Said, Terminal};
use crate::harness::evil_log::EvilLog;
use crate::harness::evil_proxy::EvilProxy;
use crate::harness::server::{ADDER, Author, TestPackage, TestServer, accept, core_manifest};

const VERIFIED: &str =
    "[[verify]]\nname = \"adds\"\ncall = \"add\"\ninput = [2, 3]\nexpect = { json = [5] }\n";
const READER: &str = r#"(module
    (import "wasi_snapshot_preview1" "path_open"
        (func (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32))))"#;

const RESOLVE: [&str; 6] = ["resolve", "acme:adder@*", "-o", "pluginry.lock", "--profile", "wasi:cli"];
const FETCH: [&str; 7] = ["fetch", "--lock", "pluginry.lock", "-o", "plugins", "--bundle", "set.json"];

async fn start() -> TestServer {
    TestServer::start_with(|configuration| configuration.trust.origin = "plugins.example.org".into()).await
}

/// A release in the registry, and a host that has locked it by way of the liar, who was honest so far.
struct World<'a> {
    server: &'a TestServer,
    author: Author<'a>,
    package: TestPackage,
    liar: EvilProxy,
    host: Terminal,
}

impl<'a> World<'a> {
    async fn of(server: &'a TestServer) -> Self {
        let author = server.author("acme").await;
        let package = TestPackage::pack(&core_manifest("acme:adder@1.0.0", VERIFIED), ADDER);
        author.publish(&package).await;
        let verified = "/api/v1/plugins/acme/adder/1.0.0/verification?wait_seconds=20";
        assert_eq!(server.get_json(verified).await["state"], "passed");
        let liar = EvilProxy::before(&server.url);
        let host = Terminal::new(&liar.url);
        host.done(&RESOLVE);
        Self { server, author, package, liar, host }
    }

    /// Something else happens in the registry.
    async fn publish(&self, release: &str) -> TestPackage {
        let package = TestPackage::pack(&core_manifest(release, ""), ADDER);
        self.author.publish(&package).await;
        // Its verdict is logged too; only then does the log stand still.
        let path = format!("/api/v1/plugins/{}/verification?wait_seconds=20", package.address());
        assert_ne!(self.server.get_json(&path).await["state"], "pending");
        package
    }

    async fn yank(&self) {
        let path = format!("{}/api/v1/plugins/{}", self.server.url, self.package.address());
        let request = self.server.http.patch(path).bearer_auth(&self.author.token);
        accept(request.json(&json!({ "yanked": true })).send().await.unwrap()).await;
    }

    async fn recall(&self) {
        let path = format!("{}/api/v1/operator/releases/{}/recall", self.server.url, self.package.address());
        let request = self.server.http.put(path).bearer_auth(&self.server.operator_token);
        accept(request.json(&json!({ "reason": "it leaks tokens" })).send().await.unwrap()).await;
    }

    /// What the registry answers now, byte for byte, for a later replay.
    async fn record(&self, path: &str) -> Vec<u8> {
        self.server.get(path).await.bytes().await.unwrap().to_vec()
    }

    fn lock(&self) -> Lock {
        Lock::from_toml(&std::fs::read_to_string(self.host.path("pluginry.lock")).unwrap()).unwrap()
    }

    async fn record_bundle(&self) -> LockBundle {
        let url = format!("{}/api/v1/bundles", self.server.url);
        let request = self.server.http.post(url).json(&json!({ "lock": self.lock() }));
        LockBundle::from_json(&request.send().await.unwrap().bytes().await.unwrap()).unwrap()
    }

    async fn bundle(&self) -> Bundle {
        self.record_bundle().await.bundles.remove(0)
    }

    /// The words of a fetch that must be refused; nothing may be on the disk after it.
    fn refused_fetch(&self) -> String {
        let said = self.host.run(&FETCH);
        assert_eq!(self.files(), Vec::<String>::new(), "placed though refused:\n{}", said.err);
        self.words(&said)
    }

    /// The words of a resolve that must be refused; the lock stays as it was.
    fn refused_resolve(&self) -> String {
        self.refused_resolve_with(&[])
    }

    fn refused_resolve_with(&self, more: &[&str]) -> String {
        let read = || std::fs::read(self.host.path("pluginry.lock")).unwrap();
        let before = read();
        let said = self.host.run(&[&RESOLVE, more].concat());
        assert_eq!(read(), before, "the lock was changed");
        self.words(&said)
    }

    /// Gives the host a lock that somebody made by hand.
    fn plant(&self, lock: &Lock) {
        self.host.write("pluginry.lock", lock.to_toml().as_bytes());
    }

    fn files(&self) -> Vec<String> {
        let all = ["plugins", "set.json"].map(|name| self.host.path(name));
        let walk = all.iter().flat_map(walkdir::WalkDir::new).filter_map(Result::ok);
        walk.map(|entry| entry.path().display().to_string()).collect()
    }

    fn words(&self, said: &Said) -> String {
        assert_eq!(said.code, 1, "{}", said.as_text());
        assert_eq!(said.out, "", "{}", said.as_text());
        self.redacted(&said.err)
    }

    /// Without what differs from run to run.
    fn redacted(&self, text: &str) -> String {
        let text = self.host.redacted(text).replace(&self.liar.url, "http://registry");
        let text = without_times(&text.replace(&self.server.url, "http://registry"));
        let mut words = String::new();
        for part in text.split_inclusive(is_border) {
            let word = part.trim_end_matches(is_border);
            words.push_str(redacted_word(word));
            words.push_str(&part[word.len()..]);
        }
        without_columns(&words)
    }
}

/// Without where JSON broke off: times are not always equally long.
fn without_columns(text: &str) -> String {
    let mut parts = text.split(" column ");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |told, part| {
        told + " column [n]" + part.trim_start_matches(|c: char| c.is_ascii_digit())
    })
}

/// Without moments, such as `2026-11-21T15:00:00.5Z`.
fn without_times(text: &str) -> String {
    let redacted = |word: &str| {
        let is_time = word.len() > 18 && word.as_bytes()[4] == b'-' && word.as_bytes()[10] == b'T';
        let rest = word.trim_start_matches(|c: char| c.is_ascii_digit() || "-T:.Z".contains(c));
        if is_time { format!("[time]{rest}") } else { word.to_owned() }
    };
    text.split(' ').map(redacted).collect::<Vec<_>>().join(" ")
}

fn is_border(c: char) -> bool {
    c.is_whitespace() || matches!(c, ',' | ';' | '(' | ')' | ':' | '"')
}

fn redacted_word(word: &str) -> &str {
    let is_hex = word.bytes().all(|byte| byte.is_ascii_hexdigit() && !byte.is_ascii_uppercase());
    match word.len() {
        64 if is_hex => "[digest]",
        12 if is_hex => "[key]",
        44 if word.ends_with('=') => "[base64]",
        _ if word.ends_with(".json") && word.contains("127.0.0.1_") => "[memory]",
        _ if word.starts_with("plugins.example.org+") => "[vkey]",
        _ => word,
    }
}

#[tokio::test]
async fn an_honest_registry_is_believed_and_says_why() {
    let server = start().await;
    let world = World::of(&server).await;

    let fetched = world.host.done(&FETCH);
    let verified = world.host.done(&["verify", "plugins", "--lock", "pluginry.lock", "--bundle", "set.json"]);
    let shown = world.host.done(&["trust", "show"]);

    assert_eq!(fetched.line(), "plugins/acme/adder/1.0.0.wasm");
    let steps: Vec<&str> = verified.out.lines().filter_map(|line| line.trim().strip_prefix("ok  ")).collect();
    let names = steps.iter().map(|step| step.split_once(": ").unwrap().0).collect::<Vec<_>>();
    assert_eq!(names, pluginry::trust::Step::ALL.map(pluginry::trust::Step::name));
    let log = "plugins.example.org, 4 entries, signed by its key ";
    assert!(steps[0].starts_with(&format!("log key and checkpoint: {log}")), "{}", steps[0]);
    assert!(shown.out.contains("  log           4 entries, root "), "{}", shown.out);
}

#[tokio::test]
async fn swapped_bytes_are_refused() {
    let server = start().await;
    let world = World::of(&server).await;
    world.liar.change_bytes("/blobs/", |bytes| *bytes.last_mut().unwrap() ^= 1);

    assert_snapshot!(world.refused_fetch());
}

#[tokio::test]
async fn truncated_answers_are_refused() {
    let server = start().await;
    let world = World::of(&server).await;
    world.publish("acme:later@1.0.0").await;
    let mut words = Vec::new();
    for (what, path) in [
        ("package", "/blobs/"),
        ("bundle", "/api/v1/bundles"),
        ("checkpoint", "/log/checkpoint"),
        ("tile", "/log/tile/"),
        ("trust document", "/api/v1/trust"),
        ("recall feed", "/api/v1/recalls"),
    ] {
        world.liar.change_bytes(path, |bytes| bytes.truncate(bytes.len() * 2 / 3));
        words.push(format!("{what}\n{}", world.refused_fetch()));
        world.liar.be_honest();
    }

    assert_snapshot!(words.join("\n"));
    world.host.done(&FETCH);
}

#[tokio::test]
async fn an_old_checkpoint_is_refused() {
    let server = start().await;
    let world = World::of(&server).await;
    let old = world.record("/log/checkpoint").await;
    world.publish("acme:later@1.0.0").await;
    world.host.done(&RESOLVE);
    world.liar.answer("/log/checkpoint", old);

    assert_snapshot!(world.refused_fetch());
}

#[tokio::test]
async fn a_forked_log_is_refused_though_the_real_log_key_signed_it() {
    let server = start().await;
    let world = World::of(&server).await;
    let mut rewritten = EvilLog::of(&server).await;
    let bundle = world.bundle().await;
    rewritten.entries.swap(0, 1);
    let same_size = {
        rewritten.serve(&world.liar);
        world.refused_fetch()
    };
    world.liar.be_honest();
    rewritten.publish(&world.package, &world.author.key, &bundle);
    let longer = {
        rewritten.serve(&world.liar);
        world.refused_fetch()
    };

    assert_snapshot!(format!("of the same size\n{same_size}\nlonger\n{longer}"));
}

#[tokio::test]
async fn a_stripped_verdict_is_missed() {
    let server = start().await;
    let world = World::of(&server).await;
    world.liar.change_json("/api/v1/bundles", |answer| {
        answer["bundles"][0].as_object_mut().unwrap().remove("verdict").unwrap();
    });

    assert_snapshot!(world.refused_fetch());
}

#[tokio::test]
async fn a_verdict_that_was_changed_is_not_in_the_log() {
    let server = start().await;
    let world = World::of(&server).await;
    world.liar.change_json("/api/v1/bundles", |answer| {
        let entry = answer["bundles"][0]["verdict"]["entry"]
            .as_str()
            .unwrap()
            .replace("\"state\":\"passed\"", "\"state\":\"failed\"");
        answer["bundles"][0]["verdict"]["entry"] = entry.into();
    });

    assert_snapshot!(world.refused_fetch());
}

#[tokio::test]
async fn a_swapped_signer_is_refused() {
    let server = start().await;
    let world = World::of(&server).await;
    let key = SecretKey::from_seed(&[66; 32]);
    // The liar enrols a key of its own and signs the package with it, in a log that nobody else sees.
    let mut log = EvilLog::of(&server).await;
    let honest = world.record_bundle().await;
    let like = honest.bundles[0].clone();
    let enrollment = LogStatement::from_bytes(like.key_enrollment.entry.as_bytes()).unwrap();
    let LogEvent::KeyEnroll(mut entry) = enrollment.event else { panic!("no enrolment") };
    entry.public_key = key.public_key();
    let namespace = "acme".parse().unwrap();
    let enrolled =
        log.append(&LogStatement::of_key(&namespace, key.public_key().id(), LogEvent::KeyEnroll(entry)));
    let published = log.publish(&world.package, &key, &like);
    let forged = Bundle {
        public_key: key.public_key(),
        key_id: key.public_key().id(),
        key_enrollment: log.logged(enrolled),
        ..log.bundle(&world.package, published, &like)
    };
    let forged = LockBundle { bundles: vec![forged], ..honest };
    world.liar.answer("/api/v1/bundles", forged.to_json());

    assert_snapshot!(world.refused_fetch());
}

/// The liar publishes with a revoked key, in the real log, and signs everything that is needed.
async fn release_by_a_revoked_key(world: &World<'_>) -> (EvilLog, Lock) {
    let honest = world.record_bundle().await;
    world.author.revoke(&world.author.key).await;
    let mut log = EvilLog::of(world.server).await;
    let package = TestPackage::pack(&core_manifest("acme:adder@1.0.1", ""), ADDER);
    let published = log.publish(&package, &world.author.key, &honest.bundles[0]);
    let forged = log.bundle(&package, published, &honest.bundles[0]);
    let feed = serde_json::from_value(world.server.get_json("/api/v1/recalls").await).unwrap();
    let bundle = log.lock_bundle(forged, feed);
    let mut lock = world.lock();
    lock.releases[0].version = package.release.version.clone();
    lock.releases[0].digest = Digest::of(&package.bytes);
    lock.releases[0].size_bytes = package.bytes.len() as u64;
    lock.releases[0].url = "/blobs/new".into();
    lock.releases[0].verification = pluginry::domain::VerificationState::Pending;
    lock.sequence = log.entries.len() as u64;
    lock.checkpoint = Some(log.note());
    log.serve(&world.liar);
    world.liar.answer("/api/v1/resolve", serde_json::to_vec(&lock).unwrap());
    world.liar.answer("/api/v1/bundles", bundle.to_json());
    world.liar.lie("/blobs/new", {
        let bytes = package.bytes.clone();
        move |answer| crate::harness::evil_proxy::Answer { status: 200, body: bytes.clone(), ..answer }
    });
    (log, lock)
}

#[tokio::test]
async fn a_new_release_by_a_revoked_key_is_refused() {
    let server = start().await;
    let world = World::of(&server).await;
    let (_log, lock) = release_by_a_revoked_key(&world).await;

    let resolved = world.refused_resolve_with(&["--fresh"]);
    world.plant(&lock);
    let fetched = world.refused_fetch();

    assert_snapshot!(format!("resolve\n{resolved}\nfetch\n{fetched}"));
}

#[tokio::test]
async fn a_revocation_that_is_taken_back_is_noticed() {
    let server = start().await;
    let world = World::of(&server).await;
    let (log, lock) = release_by_a_revoked_key(&world).await;
    world.plant(&lock);
    world.refused_fetch();
    let feed = server.get_json("/api/v1/recalls").await;
    let forgetful = log.refeed(&feed, |feed| {
        feed.revoked_keys.clear();
        feed.issued_at = feed.issued_at.plus_seconds(1);
        feed.expires_at = feed.expires_at.plus_seconds(1);
    });
    world.liar.answer("/api/v1/recalls", forgetful.to_json());

    assert_snapshot!(world.refused_fetch());
}

#[tokio::test]
async fn a_hidden_yank_is_noticed() {
    let server = start().await;
    let world = World::of(&server).await;
    let old = world.record_bundle().await;
    world.yank().await;

    world.liar.answer("/api/v1/bundles", old.to_json());
    let old_bundle = world.refused_fetch();
    world.liar.be_honest();

    let now = world.record_bundle().await;
    let log = EvilLog::of(&server).await;
    let mut restated = now.clone();
    restated.bundles[0].standing = log.restate(&now.bundles[0].standing, |standing| standing.yanked = false);
    world.liar.answer("/api/v1/bundles", restated.to_json());
    let restated = world.refused_fetch();
    world.liar.be_honest();

    let mut old_standing = now;
    old_standing.bundles[0].standing = old.bundles[0].standing.clone();
    world.liar.answer("/api/v1/bundles", old_standing.to_json());
    let old_standing = world.refused_fetch();

    assert_snapshot!(format!(
        "an old bundle\n{old_bundle}\na forged standing\n{restated}\nan old standing\n{old_standing}"
    ));
}

#[tokio::test]
async fn an_old_lock_that_hides_a_yank_is_refused() {
    let server = start().await;
    let world = World::of(&server).await;
    let body = json!({ "roots": { "acme:adder": "*" } });
    let old = accept(server.post("/api/v1/resolve", "", body).await).await;
    world.yank().await;
    world.liar.answer("/api/v1/resolve", old.to_string());

    assert_snapshot!(world.refused_resolve());
}

#[tokio::test]
async fn a_hidden_recall_is_noticed() {
    let server = start().await;
    let world = World::of(&server).await;
    let (old_feed, old_bundle) = (world.record("/api/v1/recalls").await, world.record_bundle().await);
    let old_checkpoint = world.record("/log/checkpoint").await;
    world.recall().await;

    let honest = world.refused_fetch();
    world.liar.answer("/api/v1/recalls", old_feed.clone());
    let old_feed_known = world.refused_fetch();
    world.host.done(&["trust", "forget"]);
    let old_feed_unknown = world.refused_fetch();
    world.liar.answer("/api/v1/bundles", old_bundle.to_json());
    let and_old_bundle = world.refused_fetch();
    world.liar.be_honest();
    world.host.run(&FETCH);
    world.liar.answer("/log/checkpoint", old_checkpoint);
    world.liar.answer("/api/v1/recalls", old_feed);
    world.liar.answer("/api/v1/bundles", old_bundle.to_json());
    let everything_old = world.refused_fetch();

    assert_snapshot!(format!(
        "nothing hidden\n{honest}\nan old feed, and the host saw the new one\n{old_feed_known}\n\
         an old feed, and the host saw none\n{old_feed_unknown}\nan old feed and an old bundle\n{and_old_bundle}\n\
         everything old\n{everything_old}"
    ));
}

#[tokio::test]
async fn an_expired_recall_feed_is_refused() {
    let server = start().await;
    let world = World::of(&server).await;
    let log = EvilLog::of(&server).await;
    let feed = server.get_json("/api/v1/recalls").await;
    let expired = log.refeed(&feed, |feed| {
        feed.issued_at = Timestamp::from_micros(1_700_000_000_000_000);
        feed.expires_at = feed.issued_at.plus_seconds(3600);
    });
    world.host.done(&["trust", "forget"]);
    world.liar.answer("/api/v1/recalls", expired.to_json());

    assert_snapshot!(world.refused_fetch());
}

#[tokio::test]
async fn wider_powers_are_refused() {
    let server = start().await;
    let world = World::of(&server).await;
    // In the lock: the host did not grant this.
    world.liar.change_json("/api/v1/resolve", |lock| lock["host"]["grants"] = json!({ "file-read": {} }));
    let in_the_lock = world.refused_resolve();
    world.liar.be_honest();

    // In the manifest: other bytes.
    let manifest = core_manifest("acme:adder@1.0.0", "[capabilities]\nfile-read = {}\n");
    let wider = TestPackage::pack(&manifest, READER);
    world.liar.answer("/blobs/", wider.bytes.clone());
    let in_the_manifest = world.refused_fetch();
    world.liar.be_honest();

    assert_snapshot!(format!("in the lock\n{in_the_lock}\nin the manifest\n{in_the_manifest}"));
}

#[tokio::test]
async fn an_import_beyond_the_grants_is_refused_though_author_and_registry_signed_it() {
    let server = start().await;
    let world = World::of(&server).await;
    // The author and the registry are one: a package that reads files, logged and locked in earnest.
    let package =
        TestPackage::pack(&core_manifest("acme:adder@1.0.1", "[capabilities]\nfile-read = {}\n"), READER);
    let honest = world.record_bundle().await;
    let mut log = EvilLog::of(&server).await;
    let published = log.publish(&package, &world.author.key, &honest.bundles[0]);
    let mut forged = log.bundle(&package, published, &honest.bundles[0]);
    for import in &mut forged.profile.imports {
        import.capability = None;
    }
    let mut lock = world.lock();
    let release = &mut lock.releases[0];
    release.version = package.release.version.clone();
    release.digest = Digest::of(&package.bytes);
    release.size_bytes = package.bytes.len() as u64;
    release.verification = pluginry::domain::VerificationState::Pending;
    lock.checkpoint = None;
    world.host.write("pluginry.lock", lock.to_toml().as_bytes());
    log.serve(&world.liar);
    world.liar.answer("/api/v1/bundles", log.lock_bundle(forged, honest.recalls.clone()).to_json());
    world.liar.answer("/blobs/", package.bytes.clone());

    assert_snapshot!(world.refused_fetch());
}

#[tokio::test]
async fn another_trust_document_is_refused() {
    let server = start().await;
    let world = World::of(&server).await;
    let other = EvilLog::other_trust(&server.get_json("/api/v1/trust").await);
    world.liar.answer("/api/v1/trust", other.to_json());

    assert_snapshot!(world.refused_fetch());
}

#[tokio::test]
async fn a_changed_lock_is_refused() {
    let server = start().await;
    let world = World::of(&server).await;
    let other = world.publish("acme:other@1.0.0").await;
    let digest = Digest::of(&other.bytes);
    let size_bytes = other.bytes.len();
    let swap = move |lock: &mut Value| {
        lock["releases"][0]["digest"] = digest.to_string().into();
        lock["releases"][0]["url"] = format!("/blobs/sha256/{}", digest.to_hex()).into();
        lock["releases"][0]["size_bytes"] = size_bytes.into();
    };

    world.liar.change_json("/api/v1/resolve", swap);
    let relocked = world.refused_resolve();
    let anew = world.refused_resolve_with(&["--fresh"]);
    world.liar.be_honest();

    world.liar.answer("/api/v1/bundles", world.record_bundle().await.to_json());
    let mut planted = world.lock();
    planted.releases[0].digest = digest;
    planted.releases[0].size_bytes = size_bytes as u64;
    world.plant(&planted);
    let fetched = world.refused_fetch();
    world.liar.be_honest();

    world.liar.change_json("/api/v1/resolve", |lock| lock["roots"] = json!({ "acme:other": "*" }));
    let other_roots = world.refused_resolve_with(&["--fresh"]);

    assert_snapshot!(format!(
        "other bytes than before\n{relocked}\nother bytes, and no lock before\n{anew}\n\
         other bytes, with the proofs of the right ones\n{fetched}\nother roots\n{other_roots}"
    ));
}

#[tokio::test]
async fn tiles_that_do_not_lead_to_the_signed_root_prove_nothing() {
    let server = start().await;
    let world = World::of(&server).await;
    world.publish("acme:later@1.0.0").await;
    world.liar.change_bytes("/log/tile/", |bytes| *bytes.last_mut().unwrap() ^= 1);

    assert_snapshot!(world.refused_fetch());
}
