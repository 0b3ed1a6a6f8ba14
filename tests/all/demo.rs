//! `pluginry serve --demo`: the first minute of a newcomer, and the second start.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic like tests")]

use std::io::{BufRead as _, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};

use serde_json::Value;

use crate::harness::database::TestDatabase;

/// A `pluginry serve --demo` of its own.
struct Demo {
    child: Child,
    lines: Lines<BufReader<ChildStderr>>,
    said: Vec<String>,
}

impl Demo {
    /// Starts it and returns once the examples are there.
    fn start(data: &Path, database: &TestDatabase) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_pluginry"))
            .args(["serve", "--demo", "--listen", "127.0.0.1:0", "--set", "log_filter=error", "--data"])
            .arg(data)
            .arg("--set")
            .arg(format!("database_url={}", database.url()))
            .current_dir(data)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut demo = Self { child, lines, said: Vec::new() };
        while !demo.said.last().is_some_and(|line| line.starts_with("The example plugins are at")) {
            let line = demo.lines.next().unwrap_or_else(|| panic!("it ended early: {:#?}", demo.said));
            demo.said.push(line.unwrap());
        }
        demo
    }

    fn url(&self) -> String {
        let line = self.said.iter().find(|line| line.starts_with("The catalog is at")).unwrap();
        line.trim_start_matches("The catalog is at ").trim_end_matches('/').to_owned()
    }

    /// Stops it as a supervisor does and gives its exit code.
    fn stop(&mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        self.said.extend(self.lines.by_ref().map(|line| line.unwrap()));
        self.child.wait().unwrap().code()
    }

    fn count(&self, words: &str) -> usize {
        self.said.iter().filter(|line| line.contains(words)).count()
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn plugins(url: &str) -> Vec<(String, String)> {
    let answer: Value = reqwest::get(format!("{url}/api/v1/plugins?q=")).await.unwrap().json().await.unwrap();
    let text = |plugin: &Value, key: &str| plugin[key].as_str().unwrap().to_owned();
    let mut plugins: Vec<_> = answer["plugins"]
        .as_array()
        .unwrap()
        .iter()
        .map(|plugin| (text(plugin, "name"), text(plugin, "verification")))
        .collect();
    plugins.sort();
    plugins
}

#[tokio::test]
async fn the_demo_publishes_and_verifies_its_examples_once() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (data, database) = (tempfile::tempdir().unwrap(), TestDatabase::new().await);

    let mut first = Demo::start(data.path(), &database);
    let at_first = plugins(&first.url()).await;
    let first_code = first.stop();
    let mut second = Demo::start(data.path(), &database);
    let at_second = plugins(&second.url()).await;
    let second_code = second.stop();

    assert_eq!((first_code, second_code), (Some(0), Some(0)));
    assert_eq!((first.count("Published demo:"), second.count("Published demo:")), (3, 0));
    assert_eq!(
        (first.count("its token, shown this once"), second.count("its token, shown this once")),
        (1, 0)
    );
    let verified = ["demo:calculator", "demo:notes", "demo:text-tools"]
        .map(|name| (name.to_owned(), "passed".to_owned()));
    assert_eq!(at_first, verified);
    assert_eq!(at_second, verified);
}
