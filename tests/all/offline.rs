//! A host without network: what `pluginry fetch` left behind is enough to check everything again, and nothing is
//! taken on trust that the host did not pin.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::harness::command::{Said, Terminal};
use crate::harness::server::{ADDER, Author, TestPackage, TestServer, accept, core_manifest};

const PLACE: &str = "plugins/acme/adder/1.0.0.wasm";
const SET: [&str; 6] = ["verify", "plugins", "--lock", "pluginry.lock", "--bundle", "set.json"];

async fn start() -> TestServer {
    TestServer::start_with(|configuration| {
        configuration.trust.origin = "plugins.example.org".into();
        configuration.verification.children = 0;
    })
    .await
}

/// A host that fetched one release; everything it has of the registry is in its folder and its memory.
async fn fetched(server: &TestServer) -> (Terminal, Author<'_>) {
    let author = server.author("acme").await;
    author.publish(&TestPackage::pack(&core_manifest("acme:adder@1.0.0", ""), ADDER)).await;
    let host = Terminal::new(&server.url);
    host.done(&["resolve", "acme:adder@*", "-o", "pluginry.lock", "--profile", "wasi:cli"]);
    host.done(&["fetch", "--lock", "pluginry.lock", "-o", "plugins", "--bundle", "set.json"]);
    (host, author)
}

/// Without what differs from run to run.
fn words(host: &Terminal, url: &str, said: &Said) -> String {
    let text = host.redacted(&said.as_text()).replace(url, "http://registry");
    let patterns = [
        ("ed25519:", 44, "[key]"),
        ("sha256:", 64, "[digest]"),
        ("key ", 12, "[id]"),
        ("signed by its key ", 8, "[id]"),
        ("root ", 44, "[root]"),
    ];
    let mut lines = Vec::new();
    for line in text.lines() {
        let mut line = line.to_owned();
        if let Some((before, (_, after))) =
            line.split_once("published ").and_then(|(before, rest)| Some((before, rest.split_once(" ago")?)))
        {
            line = format!("{before}published [while] ago{after}");
        }
        for (before, length, instead) in patterns {
            let Some(start) = line.find(before).map(|place| place + before.len()) else { continue };
            let is_it = |word: &str| !word.contains([' ', ',']);
            if line.get(start..start + length).is_some_and(is_it) {
                line.replace_range(start..start + length, instead);
            }
        }
        let words = line.split(' ').map(|word| {
            let is_day = word.trim_start_matches('(').starts_with("20") && word.matches('-').count() == 2;
            let is_minute = word.len() >= 6
                && word.as_bytes()[2] == b':'
                && word[3..].starts_with(|c: char| c.is_ascii_digit());
            match word {
                _ if word.contains("plugins.example.org+") => "[vkey]".to_owned(),
                _ if is_day => "[day]".to_owned(),
                _ if is_minute => "[time]".to_owned(),
                word => word.to_owned(),
            }
        });
        lines.push(words.collect::<Vec<_>>().join(" "));
    }
    lines.join("\n")
}

#[tokio::test]
async fn what_a_fetch_left_behind_is_checked_step_by_step_without_network() {
    let mut server = start().await;
    let (host, author) = fetched(&server).await;
    drop(author);
    let url = server.url.clone();
    server.stop();

    let set = host.run(&SET);
    let alone = host.run(&["verify", PLACE]);
    let json = host.done(&["verify", PLACE, "--json"]);
    host.write(PLACE, b"\0asm tampered");
    let tampered = host.run(&SET);

    let checked: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(checked["steps"].as_array().unwrap().len(), 7);
    assert_snapshot!(format!(
        "{}\n\n{}\n\n{}",
        words(&host, &url, &set),
        words(&host, &url, &alone),
        words(&host, &url, &tampered)
    ));
}

#[tokio::test]
async fn a_recall_reaches_a_host_without_network_as_a_file() {
    let server = start().await;
    let (host, _author) = fetched(&server).await;
    let path = format!("{}/api/v1/operator/releases/acme/adder/1.0.0/recall", server.url);
    let request = server.http.put(path).bearer_auth(&server.operator_token);
    accept(request.json(&json!({ "reason": "it leaks tokens" })).send().await.unwrap()).await;
    let feed = server.get("/api/v1/recalls").await.bytes().await.unwrap();
    host.write("recalls.json", &feed);

    let without = host.run(&SET);
    let with = host.run(&[SET.as_slice(), &["--recalls", "recalls.json"]].concat());

    assert_eq!(without.code, 0, "{}", without.as_text());
    assert_snapshot!(words(&host, &server.url, &with));
}

#[tokio::test]
async fn without_the_registry_s_keys_nothing_is_proved() {
    let server = start().await;
    let (host, _author) = fetched(&server).await;
    let trust = server.get("/api/v1/trust").await.bytes().await.unwrap();
    host.write("trust.json", &trust);

    let forgot = host.done(&["trust", "forget"]);
    let unknown = host.run(&SET);
    let given = host.run(&[SET.as_slice(), &["--trust", "trust.json"]].concat());
    let pinned = host.done(&["trust", "pin", "trust.json"]);
    let known = host.run(&SET);

    assert_eq!((given.code, known.code), (0, 0), "{}{}", given.as_text(), known.as_text());
    assert_snapshot!(format!(
        "{}\n\n{}\n\n{}",
        words(&host, &server.url, &forgot),
        words(&host, &server.url, &unknown),
        words(&host, &server.url, &pinned)
    ));
}
