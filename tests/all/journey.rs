//! The way of a newcomer, with the commands that README and issue show, from an empty folder to an answer.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic like tests")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Once;

use serde_json::{Value, json};

use crate::harness::command::Terminal;
use crate::harness::server::{TestServer, accept};
use crate::harness::{say_once, variable};

/// The commands of the README; the build stands between the first two.
const RESOLVE_AND_FETCH: &str =
    "pluginry resolve acme:hello@^0.1 -o pluginry.lock && pluginry fetch --lock pluginry.lock -o plugins";
const RUN: &str = r#"pluginry run plugins/acme/hello/0.1.0.wasm --call tool --input '{"name":"Ada"}'"#;

const README: &str = include_str!("../../README.md");
const CALCULATOR: &[u8] = include_bytes!("../../plugins/built/calculator.wasm");
const HELLO_MANIFEST: &str = r#"
[plugin]
name = "acme:hello"
version = "0.1.0"
description = "The calculator under another name"
license = "Apache-2.0"

[host]
profile = "pluginry:reference"
version = "^1.0"
extension-points = ["tool"]

[[verify]]
name = "multiplies before it adds"
call = "tool"
input = { expression = "2 + 3 * 4" }
expect = { json = { value = 14, text = "14" } }
"#;

static BUILD_LEFT_OUT: Once = Once::new();

/// What `pluginry build` needs here beyond plain cargo; nothing when no WebAssembly toolchain is at hand.
fn wasm_toolchain() -> Option<Vec<(String, String)>> {
    if Path::new(&target_libraries()).is_dir() {
        return Some(Vec::new());
    }
    let home = variable("HOME").unwrap_or_default();
    let cache =
        variable("PLUGINRY_WASM_TOOLCHAIN").unwrap_or(format!("{home}/.cache/pluginry/wasm-toolchain"));
    if !Path::new(&cache).join("complete").exists() {
        return None;
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/.ci/wasm-toolchain");
    let output = Command::new(script).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let export = |line: &str| {
        let (name, value) = line.strip_prefix("export ")?.split_once('=')?;
        Some((name.to_owned(), value.trim_matches('"').to_owned()))
    };
    Some(text.lines().filter_map(export).collect())
}

fn target_libraries() -> String {
    let rustc = variable("RUSTC").unwrap_or_else(|| "rustc".into());
    let arguments = ["--print", "target-libdir", "--target", "wasm32-unknown-unknown"];
    let output = Command::new(rustc).args(arguments).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// The block of shell commands of the README that holds `word`.
fn readme_block(word: &str) -> &'static str {
    let mut blocks = README.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.find(|block| block.contains(word)).unwrap()
}

/// A package of `acme:hello` where `pluginry build` would leave it.
fn pack_example(terminal: &Terminal) -> PathBuf {
    terminal.write("calculator.wasm", CALCULATOR);
    terminal.write("hello/plugin.toml", HELLO_MANIFEST.as_bytes());
    let package = "hello/target/pluginry/hello-0.1.0.wasm";
    terminal.done(&["pack", "calculator.wasm", "--manifest", "hello/plugin.toml", "-o", package]);
    terminal.path(package)
}

#[tokio::test]
async fn a_newcomer_comes_from_an_empty_folder_to_an_answer() {
    let Some(toolchain) = wasm_toolchain() else {
        say_once(
            &BUILD_LEFT_OUT,
            "pluginry build: there is no wasm toolchain; `rustup target add wasm32-unknown-unknown`",
        );
        return;
    };
    let server = TestServer::start().await;
    let mut ada = Terminal::new(&server.url);
    for (name, value) in &toolchain {
        ada.set(name, value);
    }
    // The standard library and the dependencies are compiled once.
    ada.set("CARGO_TARGET_DIR", concat!(env!("CARGO_TARGET_TMPDIR"), "/journey"));
    ada.register("ada");

    let published = ada
        .shell("pluginry new acme:hello && cd hello && pluginry build && pluginry publish")
        .done("publish");
    ada.shell(RESOLVE_AND_FETCH).done("resolve and fetch");
    let answer = ada.shell(RUN).done("run");

    let page = published.out.lines().last().unwrap();
    assert_eq!(page, format!("{}/plugins/acme/hello/0.1.0", server.url));
    assert_eq!(server.http.get(page).send().await.unwrap().status(), 200);
    assert_eq!(answer.line(), r#"{"greeting":"Hello, Ada!"}"#);
    let verification = server.get_json("/api/v1/plugins/acme/hello/0.1.0/verification?wait_seconds=20").await;
    assert_eq!(verification["state"], "passed", "{verification:#}");
}

#[tokio::test]
async fn the_journey_goes_on_from_a_package_built_elsewhere() {
    let server = TestServer::start().await;
    let ada = Terminal::new(&server.url);
    ada.register("ada");
    pack_example(&ada);

    ada.run_in("hello", &["publish"]).done("publish");
    let again = ada.run_in("hello", &["publish", "--json"]).done("publish again");
    ada.shell(RESOLVE_AND_FETCH).done("resolve and fetch");
    let checked = ada.done(&["verify", "plugins/acme/hello/0.1.0.wasm", "--lock", "pluginry.lock"]);
    let input = r#"{"expression":"2 + 3 * 4"}"#;
    let answer = ada.done(&["run", "plugins/acme/hello/0.1.0.wasm", "--call", "tool", "--input", input]);

    let again: Value = serde_json::from_str(&again.out).unwrap();
    assert_eq!(again["release"]["version"], "0.1.0");
    assert!(checked.out.contains("acme:hello@0.1.0"), "{}", checked.out);
    assert_eq!(serde_json::from_str::<Value>(&answer.out).unwrap(), json!({ "value": 14, "text": "14" }));
}

#[test]
fn the_readme_shows_the_commands_that_are_tested() {
    let block = readme_block("pluginry new").replace("cd .. && ", "");

    for command in
        ["pluginry new acme:hello && cd hello && pluginry build && pluginry publish", RESOLVE_AND_FETCH, RUN]
    {
        assert!(block.contains(command), "README.md does not show: {command}");
    }
}

#[tokio::test]
async fn the_curl_commands_of_the_readme_publish() {
    let server = TestServer::start().await;
    let mut ada = Terminal::new(&server.url);
    ada.register("ada");
    pack_example(&ada);
    let token = ada.token();
    accept(server.post("/api/v1/namespaces", &token, json!({ "name": "acme" })).await).await;
    ada.done(&["key", "new"]);
    ada.done(&["key", "enroll", "--namespace", "acme"]);
    ada.set("PLUGINRY_TOKEN", &token);

    let commands = readme_block("curl").replace("http://127.0.0.1:8080", &server.url);
    let first = ada.shell(&commands).done("curl");
    let again = ada.shell(&commands).done("curl again");

    let json = |text: &str| -> Value { serde_json::from_str(&text[text.find('{').unwrap()..]).unwrap() };
    assert_eq!(json(&first.out), json(&again.out));
    let release = server.get_json("/api/v1/plugins/acme/hello/0.1.0").await;
    assert_eq!(release["release"]["digest"], json(&first.out)["release"]["digest"]);
}

#[tokio::test]
async fn inspecting_here_and_by_the_registry_tells_the_same() {
    let server = TestServer::start().await;
    let ada = Terminal::new(&server.url);
    let package = pack_example(&ada);
    let bytes = std::fs::read(&package).unwrap();
    let ask = async |accept: &str| {
        let form =
            reqwest::multipart::Form::new().part("package", reqwest::multipart::Part::bytes(bytes.clone()));
        let url = format!("{}/api/v1/inspect", server.url);
        let request = server.http.post(url).header("accept", accept).multipart(form);
        request.send().await.unwrap().error_for_status().unwrap().text().await.unwrap()
    };

    let text = ada.done(&["inspect", package.to_str().unwrap()]).out;
    let facts = ada.done(&["inspect", package.to_str().unwrap(), "--json"]).out;

    assert_eq!(text.trim_end(), ask("text/plain").await.trim_end());
    let by_registry: Value = serde_json::from_str(&ask("application/json").await).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&facts).unwrap(), by_registry);
}
