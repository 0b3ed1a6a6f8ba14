//! How far the operator trusts a namespace, through the running server: who sees what of it.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic like tests")]

use std::time::Duration;

use insta::assert_json_snapshot;
use reqwest::header::ACCEPT;
use serde_json::{Value, json};
use sqlx::Row as _;

use crate::harness::command::Terminal;
use crate::harness::server::{ADDER, Author, TestPackage, TestServer, accept, core_manifest, refusal};

async fn registry() -> TestServer {
    let server = TestServer::start_with(|configuration| configuration.verification.children = 0).await;
    for namespace in ["acme", "beta"] {
        let author = server.author(namespace).await;
        publish(&author, &format!("{namespace}:adder@1.0.0")).await;
    }
    server
}

async fn publish(author: &Author<'_>, release: &str) -> Value {
    author.publish(&TestPackage::pack(&core_manifest(release, ""), ADDER)).await
}

/// The trust level of each line of a plugin's index file.
async fn levels(server: &TestServer, plugin: &str) -> Vec<Value> {
    let text = server.get(&format!("/index/{plugin}.json")).await.text().await.unwrap();
    text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["trust"].clone()).collect()
}

async fn resolve(server: &TestServer, plugin: &str, least: &str) -> reqwest::Response {
    let request = json!({ "roots": { plugin: "*" }, "policy": { "min_trust": least } });
    server.post("/api/v1/resolve", "", request).await
}

async fn page(server: &TestServer, path: &str) -> String {
    let request = server.http.get(format!("{}{path}", server.url)).header(ACCEPT, "text/html");
    request.send().await.unwrap().text().await.unwrap()
}

/// How often log and audit tell of it.
async fn told(server: &TestServer) -> (i64, i64) {
    let mut connection = server.database().raw_connection().await;
    let mut count = async |statement: &'static str| {
        sqlx::query(statement).fetch_one(&mut connection).await.unwrap().get::<i64, _>("told")
    };
    let log = count("SELECT COUNT(*) AS told FROM log_entries WHERE kind = 'trust'").await;
    (log, count("SELECT COUNT(*) AS told FROM audit_events WHERE action = 'set-trust'").await)
}

#[tokio::test]
async fn a_level_stands_in_every_line_of_the_namespace_from_then_on() {
    let mut server = registry().await;

    server.set_trust("acme", "partner").await;
    let author = Author::signed_in(&server, "acme").await;
    let published = publish(&author, "acme:adder@1.1.0").await;
    drop(author);

    let partner = json!("partner");
    assert_eq!(published["release"]["trust"], partner, "{published}");
    assert_eq!(levels(&server, "acme/adder").await, [partner.clone(), partner.clone()]);
    assert_eq!(levels(&server, "beta/adder").await, [Value::Null]);
    assert!(resolve(&server, "acme:adder", "partner").await.status().is_success());
    assert_eq!(resolve(&server, "acme:adder", "internal").await.status(), 422);
    assert_eq!(resolve(&server, "beta:adder", "partner").await.status(), 422);

    server.restart();

    assert_eq!(levels(&server, "acme/adder").await, [partner.clone(), partner]);
    assert!(resolve(&server, "acme:adder", "partner").await.status().is_success());
}

#[tokio::test]
async fn pages_say_in_words_how_far_a_namespace_is_trusted() {
    let server = registry().await;

    server.set_trust("acme", "internal").await;

    let word = "It belongs to the operator of this registry.";
    for path in ["/plugins/acme", "/plugins/acme/adder"] {
        let html = page(&server, path).await;
        assert!(html.contains(word) && html.contains(">internal</span>"), "{path}");
    }
    let other = page(&server, "/plugins/beta").await;
    assert!(other.contains(">marketplace</span>") && !other.contains(word));
}

#[tokio::test]
async fn the_same_level_again_changes_nothing_and_each_change_is_logged_and_audited_once() {
    let server = registry().await;

    for level in ["marketplace", "partner", "partner", "marketplace", "marketplace"] {
        server.set_trust("acme", level).await;
    }

    assert_eq!(told(&server).await, (2, 2));
    assert_eq!(levels(&server, "acme/adder").await, [Value::Null]);
}

#[tokio::test]
async fn a_level_and_a_yank_at_the_same_moment_both_stand() {
    let server = registry().await;
    let author = Author::signed_in(&server, "acme").await;
    let yank = server
        .http
        .patch(format!("{}/api/v1/plugins/acme/adder/1.0.0", server.url))
        .bearer_auth(&author.token)
        .json(&json!({ "yanked": true }));

    let (yanked, ()) = futures::join!(yank.send(), server.set_trust("acme", "partner"));

    accept(yanked.unwrap()).await;
    let text = server.get("/index/acme/adder.json").await.text().await.unwrap();
    let line: Value = serde_json::from_str(text.trim()).unwrap();
    assert_eq!((&line["yanked"], &line["trust"]), (&json!(true), &json!("partner")));
}

#[tokio::test]
async fn other_replicas_follow() {
    let server = registry().await;
    let Some(replica) = server.replica() else { return };

    server.set_trust("acme", "partner").await;

    let followed = async { while !resolve(&replica, "acme:adder", "partner").await.status().is_success() {} };
    tokio::time::timeout(Duration::from_secs(30), followed).await.unwrap();
}

#[tokio::test]
async fn who_may_not_say_so_and_what_cannot_be_said_is_refused_in_words() {
    let server = registry().await;
    let author = Author::signed_in(&server, "acme").await;
    let put = async |token: &str, namespace: &str, body: Value| {
        let url = format!("{}/api/v1/operator/namespaces/{namespace}/trust", server.url);
        refusal(server.http.put(url).bearer_auth(token).json(&body).send().await.unwrap()).await
    };

    let refusals = json!({
        "by an author": put(&author.token, "acme", json!({ "trust": "internal" })).await,
        "an unknown namespace": put(&server.operator_token, "nobody", json!({ "trust": "partner" })).await,
        "an unknown level": put(&server.operator_token, "acme", json!({ "trust": "friend" })).await,
    });

    assert_json_snapshot!(refusals);
}

#[tokio::test]
async fn the_command_line_says_it_too() {
    let server = registry().await;
    let mut operator = Terminal::new(&server.url);
    operator.set("PLUGINRY_TOKEN", &server.operator_token);

    let said = operator.run(&["admin", "trust", "acme", "partner"]);
    let wrong = operator.run(&["admin", "trust", "acme", "friend"]);

    assert_eq!(
        (said.code, said.err.trim()),
        (0, "The releases of acme count as partner; log and index say so.")
    );
    assert_eq!(wrong.code, 2);
    assert_eq!(levels(&server, "acme/adder").await, [json!("partner")]);
}
