//! docs/TRUST.md tells how to check a package with curl, openssl and Python; here its very text is run.

use crate::harness::command::{Said, Terminal};
use crate::harness::server::{ADDER, TestPackage, TestServer, core_manifest};

const TRUST: &str = include_str!("../../docs/TRUST.md");

/// The one block of shell commands of the page.
fn commands() -> &'static str {
    TRUST.split("```sh\n").nth(1).and_then(|rest| rest.split("```").next()).expect("the page has a block")
}

/// Runs the block for `acme:adder@1.0.0`; further packages stand in the log before and behind it.
async fn check_by_hand(server: &TestServer, lines: &str) -> Said {
    let mut somebody = Terminal::new(&server.url);
    for (name, value) in
        [("REGISTRY", server.url.as_str()), ("NAMESPACE", "acme"), ("NAME", "adder"), ("VERSION", "1.0.0")]
    {
        somebody.set(name, value);
    }
    somebody.shell(lines)
}

async fn server_with_releases() -> TestServer {
    let server = TestServer::start_with(|configuration| configuration.verification.children = 0).await;
    let author = server.author("acme").await;
    for release in ["acme:first@1.0.0", "acme:adder@1.0.0", "acme:adder@1.1.0", "acme:last@1.0.0"] {
        author.publish(&TestPackage::pack(&core_manifest(release, ""), ADDER)).await;
    }
    drop(author);
    server
}

#[tokio::test]
async fn the_steps_by_hand_of_the_documentation_work() {
    let server = server_with_releases().await;

    let said = check_by_hand(&server, commands()).await.done("the block of docs/TRUST.md");

    let steps: Vec<&str> = said.out.lines().map(|line| line.split(':').next().unwrap_or_default()).collect();
    assert_eq!(steps, ["checkpoint", "inclusion", "digest", "author"], "{}", said.out);
}

#[tokio::test]
async fn the_steps_by_hand_notice_what_was_changed() {
    let server = server_with_releases().await;
    let changes = [
        "printf x >> plugin.wasm",
        "sed -i s/sizeBytes/sizeBytez/ bundle.json",
        r"sed -i 's/\\n\\n—/0\\n\\n—/' bundle.json",
        r#"sed -i 's/"public_key":"ed25519:./"public_key":"ed25519:Z/' bundle.json"#,
    ];

    for change in changes {
        let changed = format!("{change}; python3 check.py");
        let said = check_by_hand(&server, &commands().replace("python3 check.py", &changed)).await;

        assert_ne!(said.code, 0, "{change} passed: {}", said.out);
        assert!(said.err.contains("check.py"), "{}", said.err);
    }
}
