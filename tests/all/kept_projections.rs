//! Starting from the projections kept on disk: they are believed only as far as they belong to the log.

use std::fs;

use serde_json::{Value, json};
use sqlx::Executor as _;

use crate::harness::server::{ADDER, TestPackage, TestServer, accept, core_manifest};

async fn start() -> TestServer {
    TestServer::start_with(|configuration| configuration.verification.children = 0).await
}

fn adder(release: &str) -> TestPackage {
    TestPackage::pack(&core_manifest(release, ""), ADDER)
}

/// A stopped registry of the author `acme` with these releases.
async fn stopped_with(releases: &[&str]) -> TestServer {
    let mut server = start().await;
    let author = server.author("acme").await;
    for release in releases {
        author.publish(&adder(release)).await;
    }
    drop(author);
    server.stop();
    server
}

async fn resolved(server: &TestServer, root: &str) -> Value {
    accept(server.post("/api/v1/resolve", "", json!({ "roots": { root: "*" } })).await).await
}

async fn version_of(server: &TestServer, root: &str) -> Value {
    resolved(server, root).await["releases"][0]["version"].take()
}

/// Makes every start fail that reads the rows of the releases.
async fn spoil_rows(server: &TestServer) {
    let mut connection = server.database().raw_connection().await;
    connection.execute("UPDATE releases SET manifest = 'no manifest'").await.unwrap();
}

#[tokio::test]
async fn a_start_reads_the_kept_projections_and_no_release() {
    let mut server = stopped_with(&["acme:adder@1.0.0", "acme:adder@1.1.0"]).await;
    spoil_rows(&server).await;

    server.restart();

    assert_eq!(version_of(&server, "acme:adder").await, "1.1.0");
    let index = server.get("/index/acme/adder.json").await.text().await.unwrap();
    assert_eq!(index.lines().count(), 2);
}

#[tokio::test]
async fn what_the_log_says_behind_the_kept_place_is_taken_in() {
    let mut server = stopped_with(&["acme:adder@1.0.0"]).await;
    let old = fs::read(server.data().join("projections")).unwrap();
    server.restart();
    let author = server.author("acme-too").await;
    author.publish(&adder("acme-too:adder@1.0.0")).await;
    author.publish(&adder("acme-too:adder@2.0.0")).await;
    let yank = json!({ "yanked": true });
    let path = format!("{}/api/v1/plugins/acme-too/adder/2.0.0", server.url);
    accept(server.http.patch(path).bearer_auth(&author.token).json(&yank).send().await.unwrap()).await;
    drop(author);
    server.stop();

    fs::write(server.data().join("projections"), old).unwrap();
    server.restart();

    assert_eq!(version_of(&server, "acme:adder").await, "1.0.0");
    assert_eq!(version_of(&server, "acme-too:adder").await, "1.0.0");
}

#[tokio::test]
async fn projections_that_are_torn_or_gone_come_from_the_rows_again() {
    let mut server = stopped_with(&["acme:adder@1.0.0"]).await;
    let path = server.data().join("projections");
    let whole = fs::read(&path).unwrap();

    for bytes in [Some(&whole[..whole.len() / 2]), Some(&[][..]), None] {
        match bytes {
            Some(bytes) => fs::write(&path, bytes).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        server.restart();

        assert_eq!(version_of(&server, "acme:adder").await, "1.0.0");
        server.stop();
        assert_eq!(fs::read(&path).unwrap(), whole, "they are kept again");
    }
}

#[tokio::test]
async fn projections_of_another_log_are_not_believed() {
    let mut server = stopped_with(&["acme:adder@1.0.0"]).await;
    let other = stopped_with(&["acme:other@1.0.0"]).await;
    fs::copy(other.data().join("projections"), server.data().join("projections")).unwrap();

    server.restart();

    assert_eq!(version_of(&server, "acme:adder").await, "1.0.0");
    let refused = server.post("/api/v1/resolve", "", json!({ "roots": { "acme:other": "*" } })).await;
    assert_eq!(refused.status(), 422);
}
