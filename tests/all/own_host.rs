//! A host with a contract of its own: the operator registers it, an author publishes for it, the host runs it.

use crate::harness::command::Terminal;
use crate::harness::server::TestServer;

const EDITOR: &str = r#"
name = "acme:editor"
version = "1.0.0"
description = "A text editor"
abi = "core"

[[import]]
module = "editor"
name = "log"
type = "(i32)"

[[import]]
module = "editor"
name = "send"
type = "(i32)"
capability = "network"

[[extension-point]]
name = "command"
description = "Called from the menu"
exports = [{ name = "run", type = "() -> i32" }]

[[capability]]
name = "network"
risk = "high"
description = "Can exchange data with servers"
"#;

const MANIFEST: &str = r#"
[plugin]
name = "acme:sender"
version = "1.0.0"
description = "Sends what is selected"
license = "MIT"

[host]
profile = "acme:editor"
version = "^1.0"
extension-points = ["command"]

[capabilities]
network = { reason = "sends the selection" }

[[verify]]
name = "answers 42"
call = "run"
input = []
expect = { json = [42] }
"#;

const MODULE: &str = r#"(module
    (import "editor" "log" (func (param i32)))
    (import "editor" "send" (func (param i32)))
    (func (export "run") (result i32) i32.const 42))"#;

#[tokio::test]
async fn a_plugin_for_a_host_of_ones_own_goes_from_the_contract_to_a_call() {
    let server = TestServer::start().await;
    let operator = Terminal::new(&server.url);
    let token = format!("{}\n", server.operator_token);
    operator.run_with_input(&["login", "--token", "-"], &token).done("login --token -");
    operator.write("editor.toml", EDITOR.as_bytes());
    let ada = Terminal::new(&server.url);
    ada.register("ada");
    ada.write("editor.toml", EDITOR.as_bytes());
    ada.write("plugin.toml", MANIFEST.as_bytes());
    ada.write("sender.wasm", &wat::parse_str(MODULE).unwrap());
    ada.done(&["pack", "sender.wasm", "-o", "package.wasm"]);

    let too_early = ada.run(&["publish", "package.wasm"]);
    let by_ada = ada.run(&["admin", "register-profile", "editor.toml"]);
    operator.done(&["admin", "register-profile", "editor.toml"]);
    operator.done(&["admin", "register-profile", "editor.toml"]);
    operator.write("changed.toml", EDITOR.replace("A text editor", "Another editor").as_bytes());
    let changed = operator.run(&["admin", "register-profile", "changed.toml"]);
    ada.done(&["inspect", "package.wasm", "--profile-file", "editor.toml"]);
    ada.done(&["publish", "package.wasm"]);
    let resolve = ["resolve", "acme:sender", "--profile", "acme:editor@1.0.0", "-o", "pluginry.lock"];
    let ungranted = ada.run(&resolve);
    ada.done(&[&resolve[..], &["--grant", "network"]].concat());
    let without_contract = ada.run(&["fetch"]);
    ada.done(&["fetch", "--profile-file", "editor.toml"]);
    let package = "plugins/acme/sender/1.0.0.wasm";
    let call = ["run", package, "--profile-file", "editor.toml", "--call", "run", "--input", "[]"];
    let powerless = ada.run(&call);
    let answer = ada.done(&[&call[..], &["--grant", "network"]].concat());

    assert_eq!(answer.line(), "42");
    let refused =
        [too_early, by_ada, changed, ungranted, without_contract, powerless].map(|said| said.as_text());
    // The key is made at the first publish; its id differs from run to run.
    insta::with_settings!({ filters => vec![(r"\([0-9a-f]{12}\)", "(KEY)")] }, {
        insta::assert_snapshot!(ada.redacted(&refused.join("\n")));
    });
}
