//! Publishing through the running server: once, again, at once, and after a kill.

use futures::future::join_all;
use serde_json::json;
use sqlx::Executor as _;

use crate::harness::server::{ADDER, TestPackage, TestServer, accept, core_manifest, refusal};

fn adder(release: &str) -> TestPackage {
    TestPackage::pack(&core_manifest(release, ""), ADDER)
}

/// Verdicts take places in the log, too, at any time.
fn without_verification(configuration: &mut pluginry::config::Configuration) {
    configuration.verification.children = 0;
}

#[tokio::test]
async fn a_published_release_is_in_index_catalog_bundle_and_store() {
    let server = TestServer::start().await;
    let author = server.author("acme").await;
    let package = adder("acme:adder@1.0.0");

    let answer = author.publish(&package).await;

    let digest = answer["release"]["digest"].as_str().unwrap().to_owned();
    let line = server.get("/index/acme/adder.json").await.text().await.unwrap();
    assert_eq!(line.lines().count(), 1);
    assert!(line.contains(&digest), "{line}");
    let plugin = server.get_json("/api/v1/plugins/acme/adder").await;
    assert_eq!(plugin["newest"]["digest"], digest.as_str());
    let bundle = server.get_json("/api/v1/plugins/acme/adder/1.0.0/bundle").await;
    assert_eq!(bundle["digest"], digest.as_str());
    let manifest = server.get("/api/v1/plugins/acme/adder/1.0.0/manifest").await.bytes().await.unwrap();
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&manifest).unwrap(), package.manifest);
    let bytes = server.get("/api/v1/plugins/acme/adder/1.0.0/download").await.bytes().await.unwrap();
    assert_eq!(bytes, package.bytes);
    let found = server.get_json("/api/v1/plugins?q=adder").await;
    assert_eq!(found["plugins"][0]["name"], "acme:adder");
}

#[tokio::test]
async fn the_same_bytes_again_give_the_same_answer_and_other_bytes_are_refused() {
    let server = TestServer::start().await;
    let author = server.author("acme").await;
    let package = adder("acme:adder@1.0.0");
    let first = author.try_publish(&package).await;
    let first_status = first.status();
    let first = accept(first).await;

    let again = author.try_publish(&package).await;
    let mut other = package.clone();
    crate::harness::server::append_section(&mut other.bytes, "note", b"changed");
    let other = author.try_publish(&other).await;

    assert_eq!((first_status.as_u16(), again.status().as_u16()), (201, 200));
    let again = accept(again).await;
    assert_eq!(again["sequence"], first["sequence"]);
    assert_eq!(again["inspection"], first["inspection"]);
    let problem = refusal(other).await;
    assert_eq!((problem["status"].clone(), problem["code"].clone()), (json!(409), json!("version-exists")));
}

#[tokio::test]
async fn fifty_publishes_of_the_same_bytes_at_once_make_one_release() {
    let server = TestServer::start().await;
    let author = server.author("acme").await;
    let package = adder("acme:adder@1.0.0");

    let answers = join_all((0..50).map(|_| author.try_publish(&package))).await;

    let created = answers.iter().filter(|answer| answer.status() == 201).count();
    let repeated = answers.iter().filter(|answer| answer.status() == 200).count();
    assert_eq!((created, repeated), (1, 49));
    let versions = server.get_json("/api/v1/plugins/acme/adder/versions").await;
    assert_eq!(versions["versions"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn many_plugins_published_at_once_get_places_without_gaps() {
    let server = TestServer::start_with(without_verification).await;
    let author = server.author("acme").await;
    let packages: Vec<TestPackage> =
        (0..20).map(|number| adder(&format!("acme:plugin-{number}@1.0.0"))).collect();

    let answers = join_all(packages.iter().map(|package| author.publish(package))).await;

    let mut places: Vec<u64> = answers.iter().map(|answer| answer["sequence"].as_u64().unwrap()).collect();
    places.sort_unstable();
    let first = places[0];
    assert_eq!(places, (first..first + 20).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_a_kill_left_in_the_outbox_is_shown_whole_after_the_next_start() {
    let mut server = TestServer::start_with(without_verification).await;
    let author = server.author("acme").await;
    author.publish(&adder("acme:adder@1.0.0")).await;
    let mut connection = server.database().raw_connection().await;
    for statement in [
        "INSERT INTO outbox (kind, subject, payload, created_at) \
         SELECT kind, subject, payload, created_at FROM log_entries WHERE kind = 'publish'",
        "DELETE FROM log_entries WHERE kind = 'publish'",
        "UPDATE releases SET sequence = NULL",
        "UPDATE plugins SET newest_release_id = NULL",
    ] {
        connection.execute(statement).await.unwrap();
    }
    std::fs::remove_file(server.data().join("objects/index/acme/adder.json")).unwrap();

    server.restart();

    let line = server.get("/index/acme/adder.json").await.text().await.unwrap();
    assert!(line.starts_with("{\"version\":\"1.0.0\""), "{line}");
    let plugin = server.get_json("/api/v1/plugins/acme/adder").await;
    assert_eq!(plugin["versions"], json!(["1.0.0"]));
}

#[tokio::test]
async fn a_yanked_release_says_so_in_its_index_line_and_comes_back() {
    let server = TestServer::start().await;
    let author = server.author("acme").await;
    author.publish(&adder("acme:adder@1.0.0")).await;
    let change = |body| {
        let url = format!("{}/api/v1/plugins/acme/adder/1.0.0", server.url);
        server.http.patch(url).bearer_auth(&author.token).json(&body).send()
    };

    let yanked = accept(change(json!({ "yanked": true, "deprecated": "use acme:sum" })).await.unwrap()).await;
    let back = accept(change(json!({ "yanked": false, "deprecated": null })).await.unwrap()).await;

    assert_eq!((&yanked["yanked"], &yanked["deprecated"]), (&json!(true), &json!("use acme:sum")));
    assert!(back.get("yanked").is_none() && back.get("deprecated").is_none(), "{back}");
    let line = server.get_json("/index/acme/adder.json").await;
    assert!(line.get("yanked").is_none(), "{line}");
}

#[tokio::test]
async fn a_resolve_sees_a_release_as_soon_as_its_publish_is_answered() {
    let server = TestServer::start().await;
    let author = server.author("acme").await;
    author.publish(&adder("acme:adder@1.0.0")).await;
    author
        .publish(&TestPackage::pack(
            &core_manifest("acme:sum@1.0.0", "[dependencies]\n\"acme:adder\" = \"^1\"\n"),
            ADDER,
        ))
        .await;

    let lock =
        accept(server.post("/api/v1/resolve", "", json!({ "roots": { "acme:sum": "*" } })).await).await;

    let names: Vec<_> = lock["releases"].as_array().unwrap().iter().map(|release| &release["name"]).collect();
    assert_eq!(names, ["acme:adder", "acme:sum"]);
}
