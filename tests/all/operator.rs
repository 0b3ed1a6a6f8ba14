//! What operators do to releases, through the running server: quarantine, takedown, recall, and who sees what of it.

use std::time::Duration;

use futures::future::join_all;
use insta::{assert_json_snapshot, assert_snapshot};
use pluginry::domain::Digest;
use reqwest::Method;
use reqwest::header::{ACCEPT, IF_NONE_MATCH};
use serde_json::{Value, json};
use sqlx::Row as _;

use crate::harness::command::Terminal;
use crate::harness::server::{ADDER, Author, TestPackage, TestServer, accept, core_manifest, refusal};

const REASON: &str = "sends what it reads to an address nobody granted";

/// Verdicts take places in the log, too, at any time.
fn without_verification(configuration: &mut pluginry::config::Configuration) {
    configuration.verification.children = 0;
}

fn adder(release: &str) -> TestPackage {
    TestPackage::pack(&core_manifest(release, ""), ADDER)
}

/// A registry with these releases of acme.
async fn registry_with(releases: &[&str]) -> TestServer {
    let server = TestServer::start_with(without_verification).await;
    let author = server.author("acme").await;
    for release in releases {
        author.publish(&adder(release)).await;
    }
    drop(author);
    server
}

/// What the operator asks for: `PUT acme/adder/1.0.0/recall`.
async fn operate(server: &TestServer, method: Method, path: &str, body: Value) -> reqwest::Response {
    let url = format!("{}/api/v1/operator/releases/{path}", server.url);
    let request = server.http.request(method, url).bearer_auth(&server.operator_token);
    let request = if body.is_null() { request } else { request.json(&body) };
    request.send().await.unwrap()
}

async fn quarantine(server: &TestServer, release: &str) -> Value {
    let path = format!("{release}/quarantine");
    accept(operate(server, Method::PUT, &path, json!({ "reason": REASON })).await).await
}

async fn take_down(server: &TestServer, release: &str) -> Value {
    let path = format!("{release}/takedown");
    accept(operate(server, Method::POST, &path, json!({ "reason": REASON })).await).await
}

async fn recall(server: &TestServer, release: &str) -> Value {
    let path = format!("{release}/recall");
    accept(operate(server, Method::PUT, &path, json!({ "reason": REASON })).await).await
}

async fn lift(server: &TestServer, path: &str) -> Value {
    accept(operate(server, Method::DELETE, path, Value::Null).await).await
}

fn blob_path(package: &TestPackage) -> String {
    format!("/blobs/sha256/{}", Digest::of(&package.bytes).to_hex())
}

/// Where the package lies in the directory store.
fn blob_file(server: &TestServer, package: &TestPackage) -> std::path::PathBuf {
    let hex = Digest::of(&package.bytes).to_hex();
    server.data().join("objects/sha256").join(&hex[..2]).join(hex)
}

async fn resolve(server: &TestServer, body: Value) -> reqwest::Response {
    server.post("/api/v1/resolve", "", body).await
}

/// The versions that a search finds, as `name version`.
async fn found(server: &TestServer) -> Vec<String> {
    let found = server.get_json("/api/v1/plugins?q=adder").await;
    let name = |plugin: &Value| {
        format!("{} {}", plugin["name"].as_str().unwrap(), plugin["version"].as_str().unwrap())
    };
    found["plugins"].as_array().unwrap().iter().map(name).collect()
}

/// Status and text of a page as a browser asks for it.
async fn page(server: &TestServer, path: &str) -> (u16, String) {
    let request = server.http.get(format!("{}{path}", server.url)).header(ACCEPT, "text/html");
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

/// The kinds of the log's entries about releases, behind their publishes, and those of the audit trail.
async fn log_and_audit(server: &TestServer) -> (Vec<String>, Vec<String>) {
    let mut connection = server.database().raw_connection().await;
    let mut kinds = async |statement: &'static str| {
        let rows = sqlx::query(statement).fetch_all(&mut connection).await.unwrap();
        rows.iter().map(|row| row.get::<String, _>("kind")).collect::<Vec<_>>()
    };
    let log = kinds(
        "SELECT kind FROM log_entries WHERE kind IN ('quarantine', 'takedown', 'recall') ORDER BY sequence",
    );
    let log = log.await;
    let audit = kinds(
        "SELECT action AS kind FROM audit_events WHERE action IN ('quarantine', 'takedown', 'recall') ORDER BY id",
    );
    (log, audit.await)
}

#[tokio::test]
async fn a_quarantined_release_is_hidden_withheld_and_left_out_until_it_is_released() {
    let server = registry_with(&["acme:adder@1.0.0", "acme:adder@1.1.0"]).await;
    let package = adder("acme:adder@1.1.0");
    let lock = accept(resolve(&server, json!({ "roots": { "acme:adder": "^1" } })).await).await;

    let line = quarantine(&server, "acme/adder/1.1.0").await;

    assert_eq!(line["quarantined"], REASON);
    let index = server.get("/index/acme/adder.json").await.text().await.unwrap();
    assert!(index.lines().nth(1).unwrap().contains(&format!("\"quarantined\":\"{REASON}\"")), "{index}");
    assert_eq!(found(&server).await, ["acme:adder 1.0.0"]);
    let newest = server.get_json("/api/v1/plugins/acme/adder").await;
    assert_eq!(newest["newest"]["version"], "1.0.0");
    let again = json!({ "roots": { "acme:adder": "^1" }, "lock": lock });
    let moved = accept(resolve(&server, again).await).await;
    assert_eq!(moved["releases"][0]["version"], "1.0.0");
    let alone = resolve(&server, json!({ "roots": { "acme:adder": "=1.1.0" } })).await;
    assert_json_snapshot!("resolve-of-a-quarantined-release", refusal(alone).await, { ".derivation" => "…" });
    let download = refusal(server.get("/api/v1/plugins/acme/adder/1.1.0/download").await).await;
    assert_json_snapshot!("download-of-a-quarantined-release", download);
    let blob = refusal(server.get(&blob_path(&package)).await).await;
    assert_eq!((&blob["status"], &blob["code"]), (&json!(403), &json!("release-quarantined")));
    let (status, html) = page(&server, "/plugins/acme/adder/1.1.0").await;
    assert!(status == 200 && html.contains("Quarantined by the operator") && html.contains(REASON));
    assert!(html.contains("Not handed out") && !html.contains("Download .wasm"));

    let line = lift(&server, "acme/adder/1.1.0/quarantine").await;

    assert!(line.get("quarantined").is_none(), "{line}");
    assert_eq!(server.get(&blob_path(&package)).await.bytes().await.unwrap(), package.bytes);
    assert_eq!(found(&server).await, ["acme:adder 1.1.0"]);
    let lock = accept(resolve(&server, json!({ "roots": { "acme:adder": "^1" } })).await).await;
    assert_eq!(lock["releases"][0]["version"], "1.1.0");
}

#[tokio::test]
async fn of_a_release_that_was_taken_down_only_a_tombstone_stays() {
    let mut server = registry_with(&["acme:adder@1.0.0", "acme:adder@1.1.0"]).await;
    let package = adder("acme:adder@1.1.0");
    let file = blob_file(&server, &package);
    let is_there = file.exists();

    take_down(&server, "acme/adder/1.1.0").await;

    assert!(is_there && !file.exists(), "the bytes are still at {}", file.display());
    assert_eq!(found(&server).await, ["acme:adder 1.0.0"]);
    for path in ["", "/manifest", "/inspection", "/verification", "/dependencies", "/download"] {
        let answer = server.get(&format!("/api/v1/plugins/acme/adder/1.1.0{path}")).await;
        let problem = refusal(answer).await;
        assert_eq!((&problem["status"], &problem["code"]), (&json!(410), &json!("release-taken-down")));
        assert!(problem["detail"].as_str().unwrap().ends_with(REASON), "{problem}");
    }
    assert_json_snapshot!(
        "blob-of-a-release-taken-down",
        refusal(server.get(&blob_path(&package)).await).await
    );
    for path in ["", "/inspection", "/verification"] {
        let (status, html) = page(&server, &format!("/plugins/acme/adder/1.1.0{path}")).await;
        assert!(status == 410 && html.contains(REASON), "{status} {html}");
    }
    let (_, newest) = page(&server, "/plugins/acme/adder").await;
    assert!(newest.contains("taken down") && newest.contains("pluginry resolve acme:adder@^1.0"));
    server.restart();
    let blob = server.get(&blob_path(&package)).await;
    assert_eq!(blob.status(), 410, "a restart forgets it");
}

#[tokio::test]
async fn a_version_that_was_taken_down_is_never_used_again() {
    let server = registry_with(&["acme:adder@1.0.0"]).await;
    take_down(&server, "acme/adder/1.0.0").await;
    let package = adder("acme:adder@1.0.0");
    let mut other = package.clone();
    crate::harness::server::append_section(&mut other.bytes, "note", b"changed");
    let author = Author::signed_in(&server, "acme").await;

    let same = author.try_publish(&package).await;
    let other = author.try_publish(&other).await;
    let next = author.try_publish(&adder("acme:adder@1.0.1")).await;

    let same = refusal(same).await;
    assert_json_snapshot!("publish-of-a-version-taken-down", same);
    assert_eq!(refusal(other).await, same);
    assert_eq!(next.status(), 201);
    assert!(!blob_file(&server, &package).exists(), "a refused publish brought the bytes back");
}

#[tokio::test]
async fn a_takedown_whose_deletion_a_kill_prevented_is_finished_at_the_next_start() {
    let mut server = registry_with(&["acme:adder@1.0.0"]).await;
    let package = adder("acme:adder@1.0.0");
    take_down(&server, "acme/adder/1.0.0").await;
    server.stop();
    // As if the process had died between the entry in the log and the deletion.
    let file = blob_file(&server, &package);
    std::fs::write(&file, &package.bytes).unwrap();

    server.restart();

    assert!(!file.exists(), "the bytes are still at {}", file.display());
    assert_eq!(server.get(&blob_path(&package)).await.status(), 410);
}

#[tokio::test]
async fn a_recalled_release_is_handed_out_with_a_warning_and_chosen_by_nobody() {
    let server = registry_with(&["acme:adder@1.0.0"]).await;
    let package = adder("acme:adder@1.0.0");
    let lock = accept(resolve(&server, json!({ "roots": { "acme:adder": "^1" } })).await).await;

    recall(&server, "acme/adder/1.0.0").await;

    for path in ["/api/v1/plugins/acme/adder/1.0.0/download".to_owned(), blob_path(&package)] {
        let answer = server.get(&path).await;
        let warning = answer.headers()["x-pluginry-recalled"].to_str().unwrap().to_owned();
        assert_eq!(warning, REASON.replace(' ', "%20"));
        assert_eq!(answer.bytes().await.unwrap(), package.bytes);
    }
    let locked = resolve(&server, json!({ "roots": { "acme:adder": "^1" }, "lock": lock })).await;
    assert_json_snapshot!("resolve-of-a-recalled-release", refusal(locked).await, { ".derivation" => "…" });
    let (_, release) = page(&server, "/plugins/acme/adder").await;
    let (_, search) = page(&server, "/search?q=adder").await;
    assert!(release.contains("Recalled by the operator") && release.contains(REASON));
    assert!(search.contains("#i-recall") && search.contains(" recalled</span>"), "{search}");
    let found = server.get_json("/api/v1/plugins?q=adder").await;
    assert_eq!(found["plugins"][0]["recalled"], REASON);

    lift(&server, "acme/adder/1.0.0/recall").await;

    let answer = server.get(&blob_path(&package)).await;
    assert!(!answer.headers().contains_key("x-pluginry-recalled"));
    accept(resolve(&server, json!({ "roots": { "acme:adder": "^1" } })).await).await;
}

#[tokio::test]
async fn whoever_holds_the_bytes_already_is_told_too_that_they_are_withheld() {
    let server = registry_with(&["acme:adder@1.0.0"]).await;
    let path = blob_path(&adder("acme:adder@1.0.0"));
    let tag = server.get(&path).await.headers()["etag"].to_str().unwrap().to_owned();
    let ask = || server.http.get(format!("{}{path}", server.url)).header(IF_NONE_MATCH, &tag).send();
    let before = ask().await.unwrap().status();

    quarantine(&server, "acme/adder/1.0.0").await;

    assert_eq!((before.as_u16(), ask().await.unwrap().status().as_u16()), (304, 403));
}

#[tokio::test]
async fn other_replicas_withhold_and_release_a_package_as_the_log_tells_them() {
    let server = registry_with(&["acme:adder@1.0.0"]).await;
    let Some(replica) = server.replica() else { return };
    let path = blob_path(&adder("acme:adder@1.0.0"));
    let before = replica.get(&path).await.status().as_u16();
    let until = async |status: u16| {
        let asked = async { while replica.get(&path).await.status().as_u16() != status {} };
        tokio::time::timeout(Duration::from_secs(30), asked).await.unwrap();
    };

    quarantine(&server, "acme/adder/1.0.0").await;
    until(403).await;
    lift(&server, "acme/adder/1.0.0/quarantine").await;
    until(200).await;
    take_down(&server, "acme/adder/1.0.0").await;
    until(410).await;

    assert_eq!(before, 200);
    let again = replica.get("/api/v1/plugins/acme/adder/1.0.0/download").await;
    assert_eq!(again.status(), 410);
}

#[tokio::test]
async fn the_same_again_changes_nothing_and_each_change_is_logged_and_audited_once() {
    let server = registry_with(&["acme:adder@1.0.0"]).await;

    lift(&server, "acme/adder/1.0.0/quarantine").await;
    for _ in 0..2 {
        quarantine(&server, "acme/adder/1.0.0").await;
    }
    for _ in 0..2 {
        recall(&server, "acme/adder/1.0.0").await;
    }
    for _ in 0..2 {
        lift(&server, "acme/adder/1.0.0/recall").await;
    }
    for _ in 0..2 {
        take_down(&server, "acme/adder/1.0.0").await;
    }

    let expected = ["quarantine", "recall", "recall", "takedown"].map(str::to_owned).to_vec();
    assert_eq!(log_and_audit(&server).await, (expected.clone(), expected));
}

#[tokio::test]
async fn what_an_operator_may_not_do_is_refused_in_words() {
    let server = registry_with(&["acme:adder@1.0.0", "acme:gone@1.0.0"]).await;
    take_down(&server, "acme/gone/1.0.0").await;
    let author = Author::signed_in(&server, "acme").await;
    let by_author = server
        .http
        .put(format!("{}/api/v1/operator/releases/acme/adder/1.0.0/recall", server.url))
        .bearer_auth(&author.token)
        .json(&json!({ "reason": REASON }));
    let list = format!("{}/api/v1/operator/releases", server.url);
    let put = async |path: &str, reason: &str| {
        refusal(operate(&server, Method::PUT, path, json!({ "reason": reason })).await).await
    };

    let refusals = json!({
        "by an author": refusal(by_author.send().await.unwrap()).await,
        "listed by an author":
            refusal(server.http.get(&list).bearer_auth(&author.token).send().await.unwrap()).await,
        "an unknown release": put("acme/adder/9.9.9/recall", REASON).await,
        "no reason": put("acme/adder/1.0.0/recall", " ").await,
        "a long reason": put("acme/adder/1.0.0/quarantine", &"x".repeat(501)).await,
        "a reason that is not what it seems": put("acme/adder/1.0.0/quarantine", "fine \u{202e}evil").await,
        "a quarantine of what is gone": put("acme/gone/1.0.0/quarantine", REASON).await,
        "lifting a takedown":
            refusal(operate(&server, Method::DELETE, "acme/gone/1.0.0/takedown", Value::Null).await).await,
        "an unknown state": refusal(
            server.http.get(format!("{list}?state=odd")).bearer_auth(&server.operator_token).send().await.unwrap()
        ).await,
    });

    assert_json_snapshot!(refusals);
}

#[tokio::test]
async fn the_operator_lists_what_stands() {
    let server = registry_with(&["acme:adder@1.0.0", "acme:adder@1.1.0", "acme:adder@1.2.0"]).await;
    recall(&server, "acme/adder/1.0.0").await;
    take_down(&server, "acme/adder/1.0.0").await;
    quarantine(&server, "acme/adder/1.1.0").await;
    let list = async |query: &str| {
        let url = format!("{}/api/v1/operator/releases{query}", server.url);
        let listed = accept(server.http.get(url).bearer_auth(&server.operator_token).send().await.unwrap());
        let listed = listed.await;
        listed["releases"].as_array().unwrap().iter().map(|held| held["release"].clone()).collect::<Vec<_>>()
    };

    let lists = [list("").await, list("?state=quarantined").await, list("?state=recalled").await];

    let [one, two] = ["acme:adder@1.0.0", "acme:adder@1.1.0"];
    assert_eq!(lists, [vec![json!(one), json!(two)], vec![json!(two)], vec![json!(one)]]);
}

#[tokio::test]
async fn the_command_line_does_all_of_it_and_asks_before_a_takedown() {
    let server = registry_with(&["acme:adder@1.0.0"]).await;
    let mut operator = Terminal::new(&server.url);
    operator.set("PLUGINRY_TOKEN", &server.operator_token);
    let release = "acme:adder@1.0.0";
    let commands: [&[&str]; 9] = [
        &["admin", "quarantine", release, "--reason", "odd traffic"],
        &["admin", "recall", release, "--reason", "leaks"],
        &["admin", "objections"],
        &["admin", "release", release],
        &["admin", "unrecall", release],
        &["admin", "quarantine", release, "--reason", ""],
        &["admin", "takedown", release, "--reason", "malware"],
        &["admin", "takedown", release, "--reason", "malware", "--yes"],
        &["admin", "objections", "--state", "taken-down"],
    ];

    let said = commands.iter().map(|arguments| {
        let said = operator.run(arguments);
        format!("$ pluginry {}\n{}", arguments.join(" "), said.as_text())
    });

    assert_snapshot!(operator.redacted(&said.collect::<Vec<_>>().join("\n")));
}

#[tokio::test]
async fn a_patch_cannot_ask_for_more_by_coming_at_the_same_moment() {
    let server = TestServer::start_with(without_verification).await;
    let author = server.author("acme").await;
    let plain = |number: usize| adder(&format!("acme:plugin-{number}@1.0.0"));
    let wide = |number: usize| {
        let capabilities = "[capabilities]\nfile-read = { paths = [\"/data\"] }\n";
        TestPackage::pack(&core_manifest(&format!("acme:plugin-{number}@1.0.1"), capabilities), ADDER)
    };

    let pairs = (0..12).map(async |number| {
        let (plain, wide) = (plain(number), wide(number));
        futures::future::join(author.try_publish(&plain), author.try_publish(&wide)).await
    });
    let answers = join_all(pairs).await;

    for (plain, wide) in answers {
        let plain = accept(plain).await;
        if wide.status().is_success() {
            let wide = accept(wide).await;
            assert!(wide["sequence"].as_u64() < plain["sequence"].as_u64(), "{wide} came after {plain}");
        } else {
            assert_eq!(refusal(wide).await["code"], "widening-in-patch");
        }
    }
}

#[tokio::test]
async fn packages_downloaded_by_digest_are_counted_like_those_downloaded_by_name() {
    let mut server = registry_with(&["acme:adder@1.0.0"]).await;
    let blob = blob_path(&adder("acme:adder@1.0.0"));
    for path in [blob.as_str(), "/api/v1/plugins/acme/adder/1.0.0/download"] {
        server.get(path).await.bytes().await.unwrap();
        server.http.head(format!("{}{path}", server.url)).send().await.unwrap();
    }

    server.restart();

    let release = server.get_json("/api/v1/plugins/acme/adder/1.0.0").await;
    assert_eq!(release["downloads"], 2);
}

#[tokio::test]
async fn the_metrics_are_for_this_machine_or_for_the_token() {
    let open = TestServer::start().await;
    let guarded = TestServer::start_with(|configuration| configuration.metrics.token = "s3cret".into()).await;
    let ask = |server: &TestServer| server.http.get(format!("{}/metrics", server.url));

    let passed_on = refusal(ask(&open).header("x-forwarded-for", "127.0.0.1").send().await.unwrap()).await;
    let no_token = refusal(ask(&guarded).send().await.unwrap()).await;
    let wrong_token = refusal(ask(&guarded).bearer_auth("guess").send().await.unwrap()).await;
    let allowed = ask(&guarded).bearer_auth("s3cret").header("x-forwarded-for", "192.0.2.1").send().await;

    assert_eq!(allowed.unwrap().status(), 200);
    assert_eq!(ask(&open).send().await.unwrap().status(), 200);
    assert_eq!(no_token, wrong_token);
    assert_json_snapshot!(json!({ "passed on by a proxy": passed_on, "without the token": no_token }));
}

#[tokio::test]
async fn inspections_for_one_address_are_bounded() {
    let server =
        TestServer::start_with(|configuration| configuration.rate_limits.inspect_per_minute = 2).await;
    let package = adder("acme:adder@1.0.0");
    let inspect = || {
        let part = reqwest::multipart::Part::bytes(package.bytes.clone());
        let form = reqwest::multipart::Form::new().part("package", part);
        server.http.post(format!("{}/api/v1/inspect", server.url)).multipart(form).send()
    };

    let first = [inspect().await.unwrap().status(), inspect().await.unwrap().status()];
    let third = refusal(inspect().await.unwrap()).await;

    assert!(first.iter().all(|status| status.is_success()));
    assert_eq!(third["code"], "rate-limited");
    assert!(third["detail"].as_str().unwrap().starts_with("too many inspections for this address"));
}
