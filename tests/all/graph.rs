//! The picture of what is loaded, through the running server and the real command line.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic like tests")]

use insta::assert_json_snapshot;
use pluginry::resolver::Lock;
use reqwest::header::{ACCEPT, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use serde_json::{Value, json};

use crate::harness::command::Terminal;
use crate::harness::server::{ADDER, Author, TestPackage, TestServer, accept, core_manifest, refusal};

const GRAPH: &str = "/plugins/acme/app/1.0.0/graph.svg";

/// Verification runs end when they end: without them, the same index draws the same picture.
async fn start() -> TestServer {
    TestServer::start_with(|configuration| configuration.verification.children = 0).await
}

async fn publish(author: &Author<'_>, release: &str, needs: &[&str]) {
    let lines: String = needs.iter().map(|name| format!("\"{name}\" = \"^1\"\n")).collect();
    let more = if lines.is_empty() { lines } else { format!("[dependencies]\n{lines}") };
    author.publish(&TestPackage::pack(&core_manifest(release, &more), ADDER)).await;
}

/// An app that needs a menu and fonts; the menu needs fonts.
async fn small_registry() -> TestServer {
    let server = start().await;
    let author = server.author("acme").await;
    publish(&author, "acme:fonts@1.0.0", &[]).await;
    publish(&author, "acme:menu@1.0.0", &["acme:fonts"]).await;
    publish(&author, "acme:app@1.0.0", &["acme:menu", "acme:fonts"]).await;
    drop(author);
    server
}

async fn lock(server: &TestServer) -> Value {
    accept(server.post("/api/v1/resolve", "", json!({ "roots": { "acme:app": "^1" } })).await).await
}

async fn draw(server: &TestServer, query: &str, accept: Option<&str>, lock: &Value) -> reqwest::Response {
    let request = server.http.post(format!("{}/api/v1/graph{query}", server.url)).json(lock);
    let request = match accept {
        Some(accept) => request.header(ACCEPT, accept),
        None => request,
    };
    request.send().await.unwrap()
}

fn header(response: &reqwest::Response, name: reqwest::header::HeaderName) -> String {
    response.headers()[name].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_lock_is_drawn_or_written_for_graphviz_as_the_client_asks() {
    let server = small_registry().await;
    let lock = lock(&server).await;

    let picture = draw(&server, "", None, &lock).await;
    let asked = draw(&server, "", Some("text/vnd.graphviz"), &lock).await;
    let named = draw(&server, "?format=dot", Some("image/svg+xml"), &lock).await;

    assert_eq!(header(&picture, CONTENT_TYPE), "image/svg+xml");
    let policy = header(&picture, CONTENT_SECURITY_POLICY);
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    let picture = picture.text().await.unwrap();
    assert!(
        picture.contains("href=\"/plugins/acme/menu/1.0.0\"") && picture.contains("root ^1"),
        "{picture}"
    );
    assert_eq!(header(&asked, CONTENT_TYPE), "text/vnd.graphviz; charset=utf-8");
    let text = asked.text().await.unwrap();
    assert!(text.contains("\"acme:app@1.0.0\" -> \"acme:menu@1.0.0\" [label=\"^1\"];"), "{text}");
    assert_eq!(named.text().await.unwrap(), text);
}

#[tokio::test]
async fn what_cannot_be_drawn_is_refused_in_words() {
    let server = small_registry().await;
    let mut torn = lock(&server).await;
    torn["releases"].as_array_mut().unwrap().remove(0);
    let one = lock(&server).await["releases"][0].clone();
    let many: Vec<Value> = (0..401)
        .map(|number| {
            let mut release = one.clone();
            release["name"] = json!(format!("acme:fonts-{number}").replace("-", "-n"));
            release
        })
        .collect();
    let many = json!({ "sequence": 1, "releases": many });

    let refusals = json!({
        "a lock that lacks a release": refusal(draw(&server, "", None, &torn).await).await,
        "too many for a picture": refusal(draw(&server, "", None, &many).await).await,
        "neither picture nor text": refusal(draw(&server, "", Some("application/json"), &torn).await).await,
        "an unknown form": refusal(draw(&server, "?format=png", None, &torn).await).await,
    });

    assert_json_snapshot!(refusals);
    assert!(draw(&server, "?format=dot", None, &many).await.status().is_success());
}

#[tokio::test]
async fn the_picture_of_a_release_is_known_by_the_log_it_was_drawn_from() {
    let server = small_registry().await;
    let first = server.get(GRAPH).await;
    let tag = header(&first, ETAG);
    let ask = || server.http.get(format!("{}{GRAPH}", server.url)).header(IF_NONE_MATCH, &tag).send();

    let before = ask().await.unwrap().status();
    let author = Author::signed_in(&server, "acme").await;
    publish(&author, "acme:fonts@1.1.0", &[]).await;
    let after = ask().await.unwrap();

    assert_eq!((before.as_u16(), after.status().as_u16()), (304, 200));
    assert!(first.text().await.unwrap().contains("/plugins/acme/fonts/1.0.0"));
    assert!(after.text().await.unwrap().contains("/plugins/acme/fonts/1.1.0"));
    assert_eq!(server.get("/plugins/acme/nothing/1.0.0/graph.svg").await.status(), 404);
}

#[tokio::test]
async fn the_page_of_a_release_shows_what_it_makes_a_host_load_or_why_that_cannot_be() {
    let server = small_registry().await;
    let author = Author::signed_in(&server, "acme").await;
    publish(&author, "acme:gone@1.0.0", &[]).await;
    publish(&author, "acme:broken@1.0.0", &["acme:gone"]).await;
    let yank = server.http.patch(format!("{}/api/v1/plugins/acme/gone/1.0.0", server.url));
    let yank = yank.bearer_auth(&author.token).json(&json!({ "yanked": true }));
    accept(yank.send().await.unwrap()).await;
    let page = async |path: &str| {
        let request = server.http.get(format!("{}{path}", server.url)).header(ACCEPT, "text/html");
        request.send().await.unwrap().text().await.unwrap()
    };

    let (whole, leaf, broken) = (
        page("/plugins/acme/app/1.0.0").await,
        page("/plugins/acme/fonts").await,
        page("/plugins/acme/broken").await,
    );

    assert!(
        whole.contains("<svg xmlns")
            && whole.contains("3 releases")
            && whole.contains("id=\"dependency-list\"")
    );
    assert!(!leaf.contains("<svg xmlns") && leaf.contains("None: this package is all there is to load."));
    assert!(
        broken.contains("It cannot be loaded with what it needs") && broken.contains("acme:gone"),
        "{broken}"
    );
}

#[tokio::test]
async fn the_command_line_draws_a_lock_file() {
    let server = small_registry().await;
    let person = Terminal::new(&server.url);
    let locked: Lock = serde_json::from_value(lock(&server).await).unwrap();
    person.write("pluginry.lock", locked.to_toml().as_bytes());

    let written = person.run(&["graph", "-o", "graph.svg"]);
    let dot = person.run(&["graph", "--format", "dot"]);
    let missing = person.run(&["graph", "--lock", "nothing.lock"]);

    assert_eq!((written.code, written.err.trim()), (0, "Wrote graph.svg: 3 releases."));
    let svg = std::fs::read_to_string(person.path("graph.svg")).unwrap();
    assert!(
        svg.starts_with("<svg") && svg.contains("prefers-color-scheme: dark") && !svg.contains("href="),
        "{svg}"
    );
    assert!(dot.out.starts_with("digraph lock {") && dot.out.contains("acme:menu@1.0.0"), "{}", dot.out);
    assert_eq!(missing.code, 1);
}
