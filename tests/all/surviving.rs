//! What was answered is there after anything: after load, a restart and a `kill -9` in the middle of a burst.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic like tests")]

use std::collections::BTreeMap;

use futures::StreamExt as _;
use futures::future::join_all;
use pluginry::signing::SecretKey;
use reqwest::multipart::{Form, Part};
use serde_json::Value;
use sqlx::Row as _;

use crate::harness::process::Process;
use crate::harness::server::{ADDER, TestPackage, TestServer, accept, core_manifest};

/// How many releases the burst has, how many are on their way at once, and after how many answers it ends.
const BURST: usize = 60;
const AT_ONCE: usize = 8;
const ANSWERS_BEFORE_THE_KILL: usize = 15;

async fn start() -> TestServer {
    TestServer::start_with(|configuration| configuration.verification.children = 0).await
}

fn adder(release: &str) -> TestPackage {
    TestPackage::pack(&core_manifest(release, ""), ADDER)
}

/// Somebody who publishes to an address that may be gone.
struct Publisher {
    http: reqwest::Client,
    token: String,
    key: SecretKey,
}

impl Publisher {
    /// The whole answer, if there was one.
    async fn publish(&self, url: &str, package: &TestPackage) -> Option<Value> {
        let form = Form::new()
            .part("attestation", Part::bytes(package.sign(&self.key).to_json()))
            .part("package", Part::bytes(package.bytes.clone()));
        let url = format!("{url}/api/v1/plugins/{}", package.address());
        let response = self.http.put(url).bearer_auth(&self.token).multipart(form).send().await.ok()?;
        let status = response.status();
        let text = response.text().await.ok()?;
        assert!(status.is_success(), "{status} {text}");
        Some(serde_json::from_str(&text).unwrap())
    }
}

/// Index line, package and bundle of a release must agree with what its publish answered.
async fn check_is_whole(server: &TestServer, package: &TestPackage, answer: &Value) {
    let plugin = package.release.plugin.path();
    let index = server.get(&format!("/index/{plugin}.json")).await.text().await.unwrap();
    let line: Value = serde_json::from_str(index.lines().next().unwrap()).unwrap();
    assert_eq!(line, answer["release"], "the index tells {} otherwise than its publish did", package.release);
    let address = format!("/api/v1/plugins/{}", package.address());
    let bytes = server.get(&format!("{address}/download")).await.bytes().await.unwrap();
    assert_eq!(bytes, package.bytes, "{}", package.release);
    let bundle = server.get_json(&format!("{address}/bundle")).await;
    assert_eq!(bundle["digest"], answer["release"]["digest"]);
}

/// The places of the log: how many there are and the last one.
async fn log_of(server: &TestServer) -> (i64, i64) {
    let mut connection = server.database().raw_connection().await;
    let row = sqlx::query("SELECT COUNT(*) AS entries, MAX(sequence) AS last FROM log_entries")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    (row.get("entries"), row.get("last"))
}

#[tokio::test]
async fn a_kill_in_the_middle_of_a_burst_loses_nothing_that_was_answered() {
    let mut server = start().await;
    let author = server.author("acme").await;
    let publisher = Publisher { http: reqwest::Client::new(), token: author.token, key: author.key };
    let packages: Vec<TestPackage> =
        (0..BURST).map(|number| adder(&format!("acme:plugin-{number}@1.0.0"))).collect();
    server.stop();
    let mut process = Process::start(server.data(), server.database(), &[]);
    let url = process.url.clone();

    let mut answered: BTreeMap<String, Value> = BTreeMap::new();
    let publishes = packages
        .iter()
        .map(|package| async { (package.release.to_string(), publisher.publish(&url, package).await) });
    let mut publishes = futures::stream::iter(publishes).buffer_unordered(AT_ONCE);
    while let Some((release, answer)) = publishes.next().await {
        answered.extend(answer.map(|answer| (release, answer)));
        if answered.len() == ANSWERS_BEFORE_THE_KILL {
            process.kill();
        }
    }
    drop(publishes);
    server.restart();

    assert!((ANSWERS_BEFORE_THE_KILL..BURST).contains(&answered.len()), "{} answers", answered.len());
    for package in &packages {
        let answer = match answered.get(&package.release.to_string()) {
            Some(answer) => answer.clone(),
            None => publisher.publish(&server.url, package).await.expect("a retry is answered"),
        };
        check_is_whole(&server, package, &answer).await;
    }
    let (entries, last) = log_of(&server).await;
    assert_eq!(entries, last, "the log has gaps");
}

#[tokio::test]
async fn four_authors_at_once_get_places_without_gaps_that_a_restart_keeps() {
    let mut server = start().await;
    let names = ["north", "east", "south", "west"];
    let authors = join_all(names.map(|name| server.author(name))).await;

    let publishes = authors.iter().map(async |author| {
        let mut made = Vec::new();
        for number in 0..25 {
            let package = adder(&format!("{}:plugin@1.{number}.0", author.namespace));
            let answer = author.publish(&package).await;
            made.push((package, answer["sequence"].as_u64().unwrap()));
        }
        made
    });
    let made: Vec<(TestPackage, u64)> = join_all(publishes).await.into_iter().flatten().collect();
    drop(authors);
    let index =
        async |server: &TestServer| {
            join_all(names.map(async |name| {
                server.get(&format!("/index/{name}/plugin.json")).await.text().await.unwrap()
            }))
            .await
        };
    let before = index(&server).await;
    server.restart();

    let mut places: Vec<u64> = made.iter().map(|(_, sequence)| *sequence).collect();
    places.sort_unstable();
    let first = places[0];
    assert_eq!(places, (first..first + 100).collect::<Vec<_>>());
    assert_eq!(index(&server).await, before);
    assert!(before.iter().all(|file| file.lines().count() == 25));
    for (package, _) in made.iter().step_by(10) {
        let path = format!("/api/v1/plugins/{}/download", package.address());
        assert_eq!(server.get(&path).await.bytes().await.unwrap(), package.bytes);
    }
}

#[tokio::test]
async fn identical_publishes_at_once_are_answered_alike() {
    let server = start().await;
    let author = server.author("acme").await;
    let package = adder("acme:adder@1.0.0");

    let answers = join_all((0..50).map(async |_| accept(author.try_publish(&package).await).await)).await;

    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
}

#[tokio::test]
async fn a_job_whose_holder_was_killed_is_due_again_at_the_next_start() {
    let mut server = start().await;
    server.author("acme").await.publish(&adder("acme:adder@1.0.0")).await;
    let mut connection = server.database().raw_connection().await;
    let held = "UPDATE jobs SET state = 'running', locked_until = 9000000000000000";
    assert_eq!(sqlx::query(held).execute(&mut connection).await.unwrap().rows_affected(), 1);

    server.restart();

    let row = sqlx::query("SELECT state FROM jobs").fetch_one(&mut connection).await.unwrap();
    // On Postgres its holder may be another replica: there it waits until its time is over.
    let expected = if server.database().url().starts_with("sqlite") { "queued" } else { "running" };
    assert_eq!(row.get::<String, _>("state"), expected);
}
