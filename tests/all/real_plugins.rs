//! Plugins that strangers made, from npm, through the whole way: packed, published, verified, resolved, fetched, run.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic like tests")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Once;

use serde_json::json;

use crate::harness::command::Terminal;
use crate::harness::server::TestServer;
use crate::harness::{say_once, variable};

/// Set to leave these tests out where there is no network.
const OFFLINE_VARIABLE: &str = "PLUGINRY_TEST_OFFLINE";
/// The longest a run may take, in waits of 20 seconds.
const WAITS: usize = 15;

static LEFT_OUT: Once = Once::new();

/// An npm package, pinned, and the module in it.
struct Stranger {
    package: &'static str,
    version: &'static str,
    module: &'static str,
}

const JSON: Stranger = Stranger { package: "@dprint/json", version: "0.24.0", module: "plugin.wasm" };
const MARKDOWN: Stranger = Stranger { package: "@dprint/markdown", version: "0.28.1", module: "plugin.wasm" };
const EMOTION: Stranger =
    Stranger { package: "@swc/plugin-emotion", version: "16.0.0", module: "swc_plugin_emotion.wasm" };

const JSON_MANIFEST: &str = r#"
[plugin]
name = "community:dprint-json"
version = "0.24.0"
description = "Formats JSON; @dprint/json as its authors publish it"
license = "MIT"

[host]
profile = "dprint:plugin"
version = "^4.0"
extension-points = ["formatter"]

[[verify]]
name = "speaks version 4 of dprint's interface"
call = "dprint_plugin_version_4"
input = []
expect = { json = [4] }
"#;

const MARKDOWN_MANIFEST: &str = r#"
[plugin]
name = "community:dprint-markdown"
version = "0.28.1"
description = "Formats Markdown; @dprint/markdown as its authors publish it"
license = "MIT"

[host]
profile = "dprint:plugin"
version = "^4.0"
extension-points = ["formatter"]

[capabilities]
host-format = { reason = "formats code blocks in other languages" }

[dependencies]
"community:dprint-json" = "^0.24"

[[verify]]
name = "speaks version 4 of dprint's interface"
call = "dprint_plugin_version_4"
input = []
expect = { json = [4] }
"#;

const EMOTION_MANIFEST: &str = r#"
[plugin]
name = "community:swc-emotion"
version = "16.0.0"
description = "Emotion for swc; @swc/plugin-emotion as its authors publish it"
license = "Apache-2.0"

[host]
profile = "swc:transform"
version = "^1.0"
extension-points = ["transform"]

[capabilities]
environment = { reason = "its language runtime reads the environment" }
"#;

/// The modules, fetched once into `target/tmp`; nothing where these tests are left out.
fn modules(strangers: &[Stranger]) -> Option<Vec<PathBuf>> {
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("real-plugins");
    let modules: Vec<PathBuf> =
        strangers.iter().map(|stranger| cache.join(stranger.folder()).join(stranger.module)).collect();
    if modules.iter().all(|module| module.exists()) {
        return Some(modules);
    }
    if variable(OFFLINE_VARIABLE).is_some() {
        say_once(
            &LEFT_OUT,
            "the plugins from npm: PLUGINRY_TEST_OFFLINE is set and they are not in target/tmp",
        );
        return None;
    }
    std::fs::create_dir_all(&cache).unwrap();
    for stranger in strangers {
        stranger.fetch(&cache);
    }
    Some(modules)
}

impl Stranger {
    fn folder(&self) -> String {
        format!("{}-{}", self.package.trim_start_matches('@').replace('/', "-"), self.version)
    }

    /// Packs and unpacks beside the place and moves the folder there in one step: tests run at once.
    fn fetch(&self, cache: &Path) {
        let work = tempfile::tempdir_in(cache).unwrap();
        let specification = format!("{}@{}", self.package, self.version);
        let npm = Command::new("npm").args(["pack", "--silent", &specification]).current_dir(&work).output();
        let npm = npm.unwrap_or_else(|error| {
            panic!("npm cannot be started ({error}): install Node.js (Debian: apt-get install npm)")
        });
        let said = String::from_utf8_lossy(&npm.stderr);
        assert!(
            npm.status.success(),
            "npm pack {specification} failed: {said}\nset {OFFLINE_VARIABLE}=1 without network"
        );
        let archive = String::from_utf8(npm.stdout).unwrap().trim().to_owned();
        let tar = Command::new("tar").args(["-xzf", &archive]).current_dir(&work).status();
        assert!(tar.expect("tar can be started").success(), "{archive} cannot be unpacked");
        let place = cache.join(self.folder());
        if std::fs::rename(work.path().join("package"), &place).is_err() {
            assert!(place.exists(), "{} was not made", place.display());
        }
    }
}

/// Packs a module under a manifest of ours and publishes it as a person would.
fn pack_and_publish(terminal: &Terminal, name: &str, module: &Path, manifest: &str) {
    let (manifest_file, package) = (format!("{name}.toml"), format!("{name}.wasm"));
    terminal.write(&manifest_file, manifest.as_bytes());
    terminal.done(&["pack", module.to_str().unwrap(), "--manifest", &manifest_file, "-o", &package]);
    terminal.done(&["publish", &package]);
}

/// Waits for the verification run of a release, which must pass.
async fn must_pass(server: &TestServer, address: &str) -> serde_json::Value {
    let path = format!("/api/v1/plugins/{address}/verification?wait_seconds=20");
    for _ in 0..WAITS {
        let verification = server.get_json(&path).await;
        if verification["state"] != "pending" {
            assert_eq!(verification["state"], "passed", "{verification:#}");
            return verification;
        }
    }
    panic!("the run of {address} did not end");
}

#[tokio::test]
async fn formatters_from_npm_go_from_publish_to_run() {
    let Some(modules) = modules(&[JSON, MARKDOWN]) else { return };
    let server = TestServer::start().await;
    let host = Terminal::new(&server.url);
    host.register("ada");
    pack_and_publish(&host, "json", &modules[0], JSON_MANIFEST);
    pack_and_publish(&host, "markdown", &modules[1], MARKDOWN_MANIFEST);
    let verification = must_pass(&server, "community/dprint-json/0.24.0").await;
    must_pass(&server, "community/dprint-markdown/0.28.1").await;

    let root = "community:dprint-markdown@^0.28";
    let resolve = ["resolve", root, "--profile", "dprint:plugin@4.0.0", "-o", "pluginry.lock"];
    let without_grant = host.run(&resolve);
    host.done(&[&resolve[..], &["--grant", "host-format"]].concat());
    let fetched = host.done(&["fetch", "--lock", "pluginry.lock", "-o", "plugins"]);
    let markdown = "plugins/community/dprint-markdown/0.28.1.wasm";
    let checked = host.done(&["verify", markdown, "--lock", "pluginry.lock", "--json"]);
    let run = [
        "run",
        "plugins/community/dprint-json/0.24.0.wasm",
        "--call",
        "dprint_plugin_version_4",
        "--input",
        "[]",
    ];
    let answer = host.done(&run);

    assert_eq!(verification["report"]["cases"][0]["output"], "[4]");
    assert_eq!(without_grant.code, 1);
    assert!(without_grant.err.contains("--grant host-format"), "{}", without_grant.err);
    let order = ["plugins/community/dprint-json/0.24.0.wasm", markdown];
    assert_eq!(fetched.out.lines().collect::<Vec<_>>(), order);
    assert_eq!(
        std::fs::read(host.path(markdown)).unwrap(),
        std::fs::read(host.path("markdown.wasm")).unwrap()
    );
    let checked: serde_json::Value = serde_json::from_str(&checked.out).unwrap();
    assert_eq!(checked["release"], "community:dprint-markdown@0.28.1");
    assert_eq!(serde_json::from_str::<serde_json::Value>(&answer.out).unwrap(), json!(4));
}

#[tokio::test]
async fn a_transform_from_npm_is_fetched_only_with_the_powers_it_imports() {
    let Some(modules) = modules(&[EMOTION]) else { return };
    let server = TestServer::start().await;
    let host = Terminal::new(&server.url);
    host.register("ada");
    let honest = EMOTION_MANIFEST;
    let silent = honest.split("[capabilities]").next().unwrap();
    host.write("silent.toml", silent.as_bytes());
    host.done(&["pack", modules[0].to_str().unwrap(), "--manifest", "silent.toml", "-o", "silent.wasm"]);

    let refused = host.run(&["publish", "silent.wasm"]);
    pack_and_publish(&host, "emotion", &modules[0], honest);
    must_pass(&server, "community/swc-emotion/16.0.0").await;
    let resolve =
        ["resolve", "community:swc-emotion", "--profile", "swc:transform@1.0.0", "-o", "pluginry.lock"];
    host.done(&[&resolve[..], &["--grant", "environment"]].concat());
    let fetched = host.done(&["fetch"]);

    assert_eq!(refused.code, 1);
    assert!(refused.err.contains("environ_get") && refused.err.contains("environment"), "{}", refused.err);
    assert_eq!(fetched.line(), "plugins/community/swc-emotion/16.0.0.wasm");
}
