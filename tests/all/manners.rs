//! The manners of the command line: exit codes, reason and mend on stderr, results alone on stdout, JSON that parses.

use insta::assert_snapshot;
use serde_json::Value;

use crate::harness::command::Terminal;
use crate::harness::server::{ADDER, TestPackage, TestServer, core_manifest};

const NOBODY: &str = "http://127.0.0.1:9";

/// Each command with what it leaves, one below the other.
fn transcript(terminal: &Terminal, commands: &[&[&str]]) -> String {
    let said = commands.iter().map(|arguments| {
        let said = terminal.run(arguments);
        format!("$ pluginry {}\n{}", arguments.join(" "), said.as_text())
    });
    terminal.redacted(&said.collect::<Vec<_>>().join("\n"))
}

#[test]
fn wrong_usage_exits_with_2_and_says_what_is_right() {
    let ada = Terminal::new(NOBODY);
    let commands: [&[&str]; 9] = [
        &["frobnicate"],
        &["publish", "--frobnicate"],
        &["resolve"],
        &["resolve", "Acme:hello"],
        &["resolve", "acme:hello@around-1"],
        &["yank", "acme:hello"],
        &["new", "hello"],
        &["run", "hello.wasm"],
        &["login", "--register", "--name", "ada"],
    ];

    for command in commands {
        let said = ada.run(command);
        assert_eq!(said.code, 2, "{command:?}: {}", said.err);
        assert_eq!(said.out, "", "{command:?}");
        assert!(said.err.starts_with("error"), "{command:?}: {}", said.err);
    }
}

#[test]
fn what_is_missing_on_this_machine_is_said_with_its_mend() {
    let ada = Terminal::new(NOBODY);
    ada.write("notes.txt", b"dear diary");
    ada.write("broken.toml", b"[plugin]\nname = \"acme:hello\"\nversion = \"one\"\n");

    let said = transcript(
        &ada,
        &[
            &["build"],
            &["publish"],
            &["publish", "missing.wasm"],
            &["inspect", "notes.txt"],
            &["pack", "notes.txt", "--manifest", "broken.toml", "-o", "out.wasm"],
            &["fetch"],
            &["run", "notes.txt", "--call", "tool"],
            &["new", "acme:hello", "--folder", "."],
            &["key", "enroll", "--namespace", "acme"],
        ],
    );

    assert_snapshot!(said);
}

#[test]
fn a_registry_that_does_not_answer_is_named() {
    let ada = Terminal::new(NOBODY);

    let said = ada.run(&["resolve", "acme:hello"]);

    assert_eq!(said.code, 1);
    assert!(said.err.contains(NOBODY) && said.err.contains("mend"), "{}", said.err);
    assert_eq!(said.out, "");
}

#[cfg(unix)]
#[test]
fn a_missing_wasm_target_is_explained_with_the_command_that_adds_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let mut ada = Terminal::new(NOBODY);
    ada.write("rustc", b"#!/bin/sh\necho /nowhere\n");
    std::fs::set_permissions(ada.path("rustc"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let rustc = ada.path("rustc").display().to_string();
    ada.set("RUSTC", &rustc);
    ada.done(&["new", "acme:hello"]);

    let said = ada.run_in("hello", &["build"]);

    assert_eq!(said.code, 1);
    assert!(said.err.contains("rustup target add wasm32-unknown-unknown"), "{}", said.err);
    assert_eq!(said.out, "");
}

#[tokio::test]
async fn what_the_registry_refuses_comes_with_reason_and_mend() {
    let server = TestServer::start().await;
    let author = server.author("acme").await;
    author.publish(&TestPackage::pack(&core_manifest("acme:adder@1.0.0", ""), ADDER)).await;
    let ada = Terminal::new(&server.url);
    ada.write("adder.wasm", &TestPackage::pack(&core_manifest("acme:adder@1.1.0", ""), ADDER).bytes);
    let anonymous = transcript(&ada, &[&["publish", "adder.wasm"], &["yank", "acme:adder@1.0.0"]]);
    ada.register("ada");

    let said = transcript(
        &ada,
        &[
            &["publish", "adder.wasm"],
            &["yank", "acme:adder@1.0.0"],
            &["resolve", "acme:addr"],
            &["resolve", "acme:adder@^2", "--profile", "wasi:cli@0.2.0"],
            &["resolve", "acme:adder"],
        ],
    );

    let said = ada.redacted(&format!("{anonymous}\n{said}").replace(&server.url, "REGISTRY"));
    assert_snapshot!(said);
}

#[tokio::test]
async fn json_goes_to_stdout_alone_and_parses() {
    let server = TestServer::start().await;
    let ada = Terminal::new(&server.url);
    ada.register("ada");
    ada.write("adder.wasm", &TestPackage::pack(&core_manifest("acme:adder@1.0.0", ""), ADDER).bytes);
    let resolve = ["resolve", "acme:adder", "--profile", "wasi:cli@0.2.0", "-o", "pluginry.lock", "--json"];
    let commands: [&[&str]; 8] = [
        &["inspect", "adder.wasm", "--json"],
        &["publish", "adder.wasm", "--json"],
        &["key", "list", "--json"],
        &["key", "list", "--namespace", "acme", "--json"],
        &["search", "adder", "--json"],
        &resolve,
        &["fetch"],
        &["verify", "plugins/acme/adder/1.0.0.wasm", "--json"],
    ];

    for command in commands {
        let said = ada.done(command);
        if command.contains(&"--json") {
            let parsed = serde_json::from_str::<Value>(&said.out);
            assert!(parsed.is_ok(), "{command:?}: {:?}\n{}", parsed, said.out);
        }
    }
}
