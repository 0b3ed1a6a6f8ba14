//! Resolving through the running server: what a host asks, what it gets, and in which words it gets nothing.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic like tests")]

use insta::assert_json_snapshot;
use serde_json::{Value, json};

use crate::harness::server::{ADDER, Author, TestPackage, TestServer, accept, core_manifest, refusal};

const READER: &str = r#"(module
    (import "wasi_snapshot_preview1" "path_open"
        (func (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32))))"#;

/// Verification runs end when they end: without them, the same request has the same answer.
async fn start() -> TestServer {
    TestServer::start_with(|configuration| configuration.verification.children = 0).await
}

async fn publish(author: &Author<'_>, release: &str, needs: &[(&str, &str)]) {
    let lines: String =
        needs.iter().map(|(name, requirement)| format!("\"{name}\" = \"{requirement}\"\n")).collect();
    let more = if lines.is_empty() { lines } else { format!("[dependencies]\n{lines}") };
    author.publish(&TestPackage::pack(&core_manifest(release, &more), ADDER)).await;
}

/// A plugin that reads files below `/workspace`.
async fn publish_reader(author: &Author<'_>, release: &str) {
    let more = "[capabilities]\nfile-read = { paths = [\"/workspace\"], reason = \"reads templates\" }\n";
    author.publish(&TestPackage::pack(&core_manifest(release, more), READER)).await;
}

async fn resolve(server: &TestServer, request: Value) -> Value {
    accept(server.post("/api/v1/resolve", "", request).await).await
}

async fn refused(server: &TestServer, request: Value) -> Value {
    refusal(server.post("/api/v1/resolve", "", request).await).await
}

/// `level name@version` of each release, in load order.
fn order(lock: &Value) -> Vec<String> {
    let releases = lock["releases"].as_array().unwrap().iter();
    releases
        .map(|release| {
            let text = |key: &str| release[key].as_str().unwrap().to_owned();
            format!("{} {}@{}", release["load_level"], text("name"), text("version"))
        })
        .collect()
}

#[tokio::test]
async fn a_graph_is_answered_in_load_order_with_levels() {
    let server = start().await;
    let author = server.author("acme").await;
    publish(&author, "acme:fonts@1.0.0", &[]).await;
    publish(&author, "acme:menu@1.0.0", &[("acme:fonts", "^1")]).await;
    publish(&author, "acme:reader@1.0.0", &[("acme:fonts", "^1")]).await;
    publish(&author, "acme:app@1.0.0", &[("acme:menu", "^1"), ("acme:reader", "^1")]).await;

    let lock = resolve(&server, json!({ "roots": { "acme:app": "^1" } })).await;

    assert_eq!(
        order(&lock),
        ["0 acme:fonts@1.0.0", "1 acme:menu@1.0.0", "1 acme:reader@1.0.0", "2 acme:app@1.0.0"]
    );
    assert_json_snapshot!(lock, {
        ".releases[].digest" => "[digest]", ".releases[].url" => "[url]", ".releases[].size_bytes" => "[size]",
        ".checkpoint" => "[signed]",
    });
}

#[tokio::test]
async fn every_url_of_a_lock_serves_the_bytes_of_its_digest() {
    let server = start().await;
    let author = server.author("acme").await;
    publish(&author, "acme:fonts@1.0.0", &[]).await;
    publish(&author, "acme:menu@1.0.0", &[("acme:fonts", "^1")]).await;

    let lock = resolve(&server, json!({ "roots": { "acme:menu": "*" } })).await;

    for release in lock["releases"].as_array().unwrap() {
        let bytes = server.get(release["url"].as_str().unwrap()).await.bytes().await.unwrap();
        assert_eq!(pluginry::domain::Digest::of(&bytes).to_string(), release["digest"].as_str().unwrap());
        assert_eq!(bytes.len() as u64, release["size_bytes"].as_u64().unwrap());
    }
}

#[tokio::test]
async fn what_the_host_does_not_grant_is_refused_with_the_grant_to_add() {
    let server = start().await;
    let author = server.author("acme").await;
    publish_reader(&author, "acme:templates@1.0.0").await;
    let request = |grants: Value| {
        let host = json!({ "profile": "wasi:cli", "version": "0.2.0", "grants": grants });
        json!({ "roots": { "acme:templates": "^1" }, "host": host })
    };

    let nothing = refused(&server, request(json!({}))).await;
    let elsewhere = refused(&server, request(json!({ "file-read": { "paths": ["/elsewhere"] } }))).await;
    let granted = resolve(&server, request(json!({ "file-read": { "paths": ["/workspace"] } }))).await;

    assert_eq!(granted["capabilities"], json!({ "file-read": { "paths": ["/workspace"] } }));
    assert_json_snapshot!(json!({ "nothing granted": nothing, "another folder granted": elsewhere }));
}

#[tokio::test]
async fn a_yanked_release_is_not_chosen_and_stays_where_it_is_locked() {
    let server = start().await;
    let author = server.author("acme").await;
    publish(&author, "acme:menu@1.0.0", &[]).await;
    publish(&author, "acme:menu@1.1.0", &[]).await;
    let request = json!({ "roots": { "acme:menu": "^1" } });
    let before = resolve(&server, request.clone()).await;

    let url = format!("{}/api/v1/plugins/acme/menu/1.1.0", server.url);
    let yank = server.http.patch(url).bearer_auth(&author.token).json(&json!({ "yanked": true }));
    accept(yank.send().await.unwrap()).await;

    let index = server.get("/index/acme/menu.json").await.text().await.unwrap();
    let lines: Vec<Value> = index.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.iter().map(|line| line["yanked"] == true).collect::<Vec<_>>(), [false, true], "{index}");
    assert_eq!(order(&before), ["0 acme:menu@1.1.0"]);
    assert_eq!(order(&resolve(&server, request.clone()).await), ["0 acme:menu@1.0.0"]);
    let mut locked = request;
    locked["lock"] = before;
    assert_eq!(order(&resolve(&server, locked.clone()).await), ["0 acme:menu@1.1.0"]);
    locked["upgrade"] = json!(["acme:menu"]);
    assert_eq!(order(&resolve(&server, locked).await), ["0 acme:menu@1.0.0"]);
}

#[tokio::test]
async fn a_locked_release_stays_until_an_upgrade_names_it() {
    let server = start().await;
    let author = server.author("acme").await;
    publish(&author, "acme:menu@1.0.0", &[]).await;
    let mut request = json!({ "roots": { "acme:menu": "^1" } });
    request["lock"] = resolve(&server, request.clone()).await;
    publish(&author, "acme:menu@1.1.0", &[]).await;

    let kept = resolve(&server, request.clone()).await;
    request["upgrade"] = json!(["acme:menu"]);
    let moved = resolve(&server, request).await;

    assert_eq!(order(&kept), ["0 acme:menu@1.0.0"]);
    assert_eq!(order(&moved), ["0 acme:menu@1.1.0"]);
}

#[tokio::test]
async fn a_pre_release_is_chosen_only_when_asked_for() {
    let server = start().await;
    let author = server.author("acme").await;
    publish(&author, "acme:menu@1.0.0", &[]).await;
    publish(&author, "acme:menu@2.0.0-rc.1", &[]).await;
    let ask =
        |requirement: &str, policy: Value| json!({ "roots": { "acme:menu": requirement }, "policy": policy });

    let any = resolve(&server, ask("*", json!({}))).await;
    let named = resolve(&server, ask("^2.0.0-rc.1", json!({}))).await;
    let welcome = resolve(&server, ask("*", json!({ "pre_release": true }))).await;
    let none = refused(&server, ask("^2", json!({}))).await;

    assert_eq!(order(&any), ["0 acme:menu@1.0.0"]);
    assert_eq!(order(&named), ["0 acme:menu@2.0.0-rc.1"]);
    assert_eq!(order(&welcome), ["0 acme:menu@2.0.0-rc.1"]);
    assert_json_snapshot!(none);
}

#[tokio::test]
async fn a_conflict_is_explained_in_plain_words() {
    let server = start().await;
    let author = server.author("acme").await;
    publish(&author, "acme:fonts@1.0.0", &[]).await;
    publish(&author, "acme:fonts@1.2.0", &[]).await;
    publish(&author, "acme:menu@1.0.0", &[("acme:fonts", "=1.0.0")]).await;
    publish(&author, "acme:reader@1.0.0", &[("acme:fonts", "^1.2")]).await;
    publish(&author, "acme:app@1.0.0", &[("acme:menu", "^1"), ("acme:reader", "^1")]).await;

    let problem = refused(&server, json!({ "roots": { "acme:app": "^1" } })).await;

    assert_json_snapshot!(problem);
}

#[tokio::test]
async fn an_unknown_plugin_and_a_request_that_makes_no_sense_are_refused() {
    let server = start().await;
    let author = server.author("acme").await;
    publish(&author, "acme:menu@1.0.0", &[]).await;

    let unknown = refused(&server, json!({ "roots": { "acme:menue": "^1" } })).await;
    let too_new = refused(&server, json!({ "roots": { "acme:menu": "^7" } })).await;
    let surplus = refused(&server, json!({ "roots": {}, "wishes": [] })).await;
    let vague = refused(&server, json!({ "roots": { "acme:menu": "around 1" } })).await;

    assert_json_snapshot!(
        json!({ "unknown": unknown, "too new": too_new, "surplus": surplus, "vague": vague })
    );
}

#[tokio::test]
async fn a_plugin_made_for_another_host_is_refused() {
    let server = start().await;
    let author = server.author("acme").await;
    publish(&author, "acme:menu@1.0.0", &[]).await;
    let on = |profile: &str, version: &str| json!({ "roots": { "acme:menu": "^1" }, "host": { "profile": profile, "version": version } });

    let other = refused(&server, on("dprint:plugin", "4.0.0")).await;
    let unknown = refused(&server, on("acme:editor", "1.0.0")).await;

    assert_json_snapshot!(json!({ "another host": other, "a host nobody registered": unknown }));
}

#[tokio::test]
async fn without_a_version_asked_for_the_lock_says_which_version_of_the_host_runs_everything() {
    let server = start().await;
    for version in ["1.0.0", "1.4.0", "2.0.0"] {
        let document = format!("name = \"acme:editor\"\nversion = \"{version}\"\nabi = \"core\"\n");
        let profile = server.http.post(format!("{}/api/v1/profiles", server.url)).body(document);
        accept(profile.bearer_auth(&server.operator_token).send().await.unwrap()).await;
    }
    let author = server.author("acme").await;
    for (release, needs) in [("acme:menu@1.0.0", ">=1.0"), ("acme:reader@1.0.0", "^1.2")] {
        let host = format!("profile = \"acme:editor\"\nversion = \"{needs}\"");
        let manifest = core_manifest(release, "").replace("profile = \"wasi:cli\"\nversion = \"*\"", &host);
        author.publish(&TestPackage::pack(&manifest, ADDER)).await;
    }
    let roots = json!({ "acme:menu": "*", "acme:reader": "*" });

    let lock = resolve(&server, json!({ "roots": roots, "host": { "profile": "acme:editor" } })).await;

    assert_eq!(lock["host"], json!({ "profile": "acme:editor", "version": "1.4.0" }));
    assert_eq!(order(&lock), ["0 acme:menu@1.0.0", "0 acme:reader@1.0.0"]);
}

#[tokio::test]
async fn the_same_request_has_the_same_bytes_before_and_after_a_restart() {
    let mut server = start().await;
    let author = server.author("acme").await;
    publish(&author, "acme:fonts@1.0.0", &[]).await;
    publish(&author, "acme:fonts@2.0.0", &[]).await;
    publish(&author, "acme:menu@1.0.0", &[("acme:fonts", "^1")]).await;
    publish(&author, "acme:reader@1.0.0", &[("acme:fonts", "^2")]).await;
    let request = json!({ "roots": { "acme:menu": "*", "acme:reader": "*" } });
    let bytes = async |server: &TestServer| {
        server.post("/api/v1/resolve", "", request.clone()).await.bytes().await.unwrap()
    };

    let first = bytes(&server).await;
    let again = bytes(&server).await;
    server.restart();
    let later = bytes(&server).await;

    assert_eq!(first, again);
    assert_eq!(first, later);
}
