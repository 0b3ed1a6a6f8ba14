//! What is asked about a lock: who needs whom and why, what is outdated, what an upgrade would change, whether it is still
//! what a resolve keeps. Through the real `pluginry` against a real registry.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic like tests")]

use insta::{assert_json_snapshot, assert_snapshot};
use serde_json::{Value, json};

use crate::harness::command::Terminal;
use crate::harness::evil_proxy::EvilProxy;
use crate::harness::server::{ADDER, Author, TestPackage, TestServer, accept, core_manifest, refusal};

const READER: &str = r#"(module
    (import "wasi_snapshot_preview1" "path_open"
        (func (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32))))"#;
const READS_WORKSPACE: &str =
    "[capabilities]\nfile-read = { paths = [\"/workspace\"], reason = \"reads templates\" }\n";
const GRANT: [&str; 2] = ["--grant", "file-read=paths:/workspace"];
const FIRST: [&str; 6] = ["resolve", "acme:app@^1", "--profile", "wasi:cli@0.2.0", "-o", "pluginry.lock"];

/// Verification runs end when they end: without them, the same command has the same answer.
async fn start() -> TestServer {
    TestServer::start_with(|configuration| configuration.verification.children = 0).await
}

async fn publish(author: &Author<'_>, release: &str, more: &str) {
    let module = if more.contains("file-read") { READER } else { ADDER };
    author.publish(&TestPackage::pack(&core_manifest(release, more), module)).await;
}

/// An app that needs a menu and something that renders, both of which need fonts.
async fn publish_app(author: &Author<'_>) {
    let renders = "[dependencies]\n\"acme:fonts\" = \"^1\"\n[provides]\n\"text:renderer\" = \"1.0.0\"\n";
    publish(author, "acme:fonts@1.0.0", "").await;
    publish(author, "acme:menu@1.0.0", "[dependencies]\n\"acme:fonts\" = \"^1.0\"\n").await;
    publish(author, "acme:templates@1.0.0", &format!("{renders}{READS_WORKSPACE}")).await;
    let needs = "[dependencies]\n\"acme:menu\" = \"^1\"\n\"text:renderer\" = \"^1\"\n";
    publish(author, "acme:app@1.0.0", needs).await;
}

/// What came later: newer fonts, a menu of another line, and an app that reads mail.
async fn publish_news(author: &Author<'_>) {
    let mail = "[capabilities]\nfile-read = { paths = [\"/mail\"], reason = \"shows what is new\" }\n";
    publish(author, "acme:fonts@1.1.0", "").await;
    publish(author, "acme:menu@2.0.0", "").await;
    publish(author, "acme:mailer@1.0.0", mail).await;
    let needs =
        "[dependencies]\n\"acme:menu\" = \"^1\"\n\"text:renderer\" = \"^1\"\n\"acme:mailer\" = \"^1\"\n";
    publish(author, "acme:app@1.1.0", needs).await;
}

/// A host that has locked the app.
fn host(url: &str) -> Terminal {
    let host = Terminal::new(url);
    host.done(&[&FIRST[..], &GRANT].concat());
    host
}

fn lock_text(host: &Terminal) -> String {
    std::fs::read_to_string(host.path("pluginry.lock")).unwrap()
}

/// Each command with what it leaves, one below the other; lines on stdout must fit 80 columns.
fn transcript(host: &Terminal, url: &str, commands: &[&[&str]]) -> String {
    let said = commands.iter().map(|arguments| {
        let said = host.run(arguments);
        for line in said.out.lines().filter(|_| !arguments.contains(&"--json")) {
            assert!(line.chars().count() <= 80, "{arguments:?}: {line}");
        }
        format!("$ pluginry {}\n{}", arguments.join(" "), said.as_text())
    });
    host.redacted(&said.collect::<Vec<_>>().join("\n")).replace(url, "REGISTRY")
}

#[tokio::test]
async fn a_lock_tells_who_needs_whom_and_why_without_a_registry() {
    let mut server = start().await;
    let author = server.author("acme").await;
    publish_app(&author).await;
    drop(author);
    let host = host(&server.url);
    server.stop();

    let said = transcript(
        &host,
        &server.url,
        &[
            &["tree"],
            &["tree", "--invert", "acme:fonts"],
            &["tree", "--depth", "1"],
            &["why", "acme:fonts"],
            &["why", "text:renderer"],
            &["why", "acme:mailer"],
            &["tree", "--invert", "acme:mailer"],
            &["tree", "--lock", "missing.lock"],
        ],
    );

    assert_snapshot!(said);
    let tree: Value = serde_json::from_str(&host.done(&["tree", "--json"]).out).unwrap();
    let why: Value = serde_json::from_str(&host.done(&["why", "acme:fonts", "--json"]).out).unwrap();
    assert_json_snapshot!(json!({ "second line of the tree": tree[1], "why": why }));
}

#[tokio::test]
async fn an_upgrade_is_planned_before_it_is_done() {
    let server = start().await;
    let author = server.author("acme").await;
    publish_app(&author).await;
    let host = host(&server.url);
    publish_news(&author).await;
    let before = lock_text(&host);
    std::fs::copy(host.path("pluginry.lock"), host.path("old.lock")).unwrap();

    let planned = transcript(
        &host,
        &server.url,
        &[
            &["resolve", "--locked"],
            &["outdated"],
            &["upgrade-plan"],
            &["upgrade-plan", "acme:menu"],
            &["upgrade-plan", "acme:unknown"],
            &["resolve", "--dry-run", "--upgrade-all", "--grant", "file-read=paths:/mail"],
            &["resolve", "acme:menu@^2", "--dry-run"],
        ],
    );
    let unchanged = lock_text(&host) == before;
    let done = transcript(
        &host,
        &server.url,
        &[
            &["resolve", "--upgrade", "acme:fonts"],
            &["upgrade-plan", "--between", "old.lock", "pluginry.lock"],
            &["upgrade-plan", "--between", "old.lock", "old.lock"],
            &["resolve", "--locked"],
        ],
    );

    assert_snapshot!(planned);
    assert!(unchanged, "planning changed the lock");
    assert_snapshot!(done);
    let outdated: Value = serde_json::from_str(&host.done(&["outdated", "--json"]).out).unwrap();
    assert_json_snapshot!(outdated["plugins"]);
}

#[tokio::test]
async fn a_lock_that_is_not_what_a_resolve_keeps_fails_with_what_would_change() {
    let server = start().await;
    let author = server.author("acme").await;
    publish_app(&author).await;
    let host = host(&server.url);
    publish_news(&author).await;
    let before = lock_text(&host);
    let recall = format!("{}/api/v1/operator/releases/acme/fonts/1.0.0/recall", server.url);
    let recall = server.http.put(recall).bearer_auth(&server.operator_token);
    accept(recall.json(&json!({ "reason": "it leaks tokens" })).send().await.unwrap()).await;

    let said = transcript(
        &host,
        &server.url,
        &[
            &["resolve", "--locked"],
            &["resolve", "acme:app@=1.0.0", "--locked"],
            &["outdated"],
            &["resolve", "--locked", "-o", "missing.lock"],
        ],
    );

    assert_snapshot!(said);
    assert_eq!(lock_text(&host), before);
}

#[tokio::test]
async fn a_lock_is_asked_again_with_everything_that_was_asked_before() {
    let server = start().await;
    let author = server.author("acme").await;
    publish_app(&author).await;
    let host = Terminal::new(&server.url);
    host.write("policy.toml", b"max_risk = \"medium\"\nlicenses = [\"MIT\"]\n");
    let more = ["--policy", "policy.toml", "--extension-point", "tool", "--optional", "acme:themes"];
    host.done(&[&FIRST[..], &GRANT, &more].concat());
    let before = lock_text(&host);

    host.done(&["resolve"]);

    assert_eq!(lock_text(&host), before);
    assert!(before.contains("max_risk = \"medium\"") && before.contains("\"acme:themes\","), "{before}");
    assert!(before.contains("extension_points = [\"tool\"]"), "{before}");
}

#[tokio::test]
async fn a_merge_that_was_not_finished_is_told_with_its_line() {
    let server = start().await;
    let author = server.author("acme").await;
    publish_app(&author).await;
    let host = host(&server.url);
    let merged = lock_text(&host).replacen("[[release]]", "<<<<<<< HEAD\n[[release]]", 1);
    host.write("pluginry.lock", merged.as_bytes());

    assert_snapshot!(transcript(&host, &server.url, &[&["tree"], &["resolve"]]));
}

#[tokio::test]
async fn a_registry_that_miscounts_a_plan_is_counted_again() {
    let server = start().await;
    let author = server.author("acme").await;
    publish_app(&author).await;
    let liar = EvilProxy::before(&server.url);
    let host = host(&liar.url);
    publish_news(&author).await;
    let honest = host.done(&["upgrade-plan", "acme:fonts"]).out;
    liar.change_json("/api/v1/upgrade-plan", |answer| {
        answer["changes"] = json!([]);
        answer["capabilities_gained"] = json!({});
        answer["download_bytes"] = json!(0);
    });

    let told = host.done(&["upgrade-plan", "acme:fonts"]).out;

    assert_eq!(told, honest);
    assert!(told.contains("~ acme:fonts  1.0.0 -> 1.1.0"), "{told}");
}

#[tokio::test]
async fn a_registry_that_hides_what_the_policy_forbids_in_a_plan_is_refused() {
    let server = start().await;
    let author = server.author("acme").await;
    publish_app(&author).await;
    let liar = EvilProxy::before(&server.url);
    let host = host(&liar.url);
    let mut words = Vec::new();
    for (what, address, change) in [
        ("a power that is not granted", "upgrade-plan", grant_more as fn(&mut Value)),
        ("another policy", "upgrade-plan", drop_policy),
        ("a lock with a stranger in it", "outdated", add_stranger),
    ] {
        liar.change_json(&format!("/api/v1/{address}"), move |answer| change(&mut answer["lock"]));
        host.write("policy.toml", b"licenses = [\"MIT\"]\n");
        let said = host.run(&[address, "--policy", "policy.toml"]);
        assert_eq!((said.code, said.out.as_str()), (1, ""), "{}", said.as_text());
        words.push(format!("{what}\n{}", said.err));
        liar.be_honest();
    }

    assert_snapshot!(words.join("\n"));
}

fn grant_more(lock: &mut Value) {
    for release in lock["releases"].as_array_mut().unwrap() {
        if release["name"] == "acme:menu" {
            release["capabilities"] = json!({ "network": {} });
        }
    }
}

fn drop_policy(lock: &mut Value) {
    lock.as_object_mut().unwrap().remove("policy").unwrap();
}

fn add_stranger(lock: &mut Value) {
    let mut stranger = lock["releases"][0].clone();
    stranger["name"] = json!("evil:miner");
    lock["releases"].as_array_mut().unwrap().push(stranger);
}

#[tokio::test]
async fn what_is_asked_about_a_lock_needs_one() {
    let server = start().await;
    let author = server.author("acme").await;
    publish_app(&author).await;
    let request = json!({ "roots": { "acme:fonts": "^1" } });

    let plan = refusal(server.post("/api/v1/upgrade-plan", "", request.clone()).await).await;
    let outdated = refusal(server.post("/api/v1/outdated", "", request).await).await;

    assert_json_snapshot!(json!({ "plan": plan, "outdated": outdated }));
}

#[tokio::test]
async fn a_plan_tells_programs_all_that_changes_and_the_lock_to_write() {
    let server = start().await;
    let author = server.author("acme").await;
    publish_app(&author).await;
    let mut request = json!({ "roots": { "acme:app": "^1" } });
    request["lock"] = accept(server.post("/api/v1/resolve", "", request.clone()).await).await;
    publish_news(&author).await;
    request["upgrade"] = json!(["acme:app", "acme:fonts"]);
    request["policy"] = json!({ "allow_widening": true });

    let plan = accept(server.post("/api/v1/upgrade-plan", "", request).await).await;

    assert_json_snapshot!(plan, {
        ".**.digest" => "[digest]", ".**.url" => "[url]", ".**.size_bytes" => "[size]",
        ".download_bytes" => "[size]", ".lock.checkpoint" => "[signed]", ".**.signer" => "[key]",
    });
}
