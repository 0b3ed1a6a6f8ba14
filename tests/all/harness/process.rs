//! A registry in a process of its own, which can be killed.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic like tests")]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::database::TestDatabase;

/// A `pluginry serve`, killed when it goes.
pub struct Process {
    child: Child,
    /// `http://127.0.0.1:PORT`.
    pub url: String,
}

impl Process {
    /// Starts one on a data directory that nobody uses, and a database, with more `--set`s.
    pub fn start(data: &Path, database: &TestDatabase, settings: &[String]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pluginry"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data);
        command.args(["--set", "verification.children=0", "--set", "log_filter=error", "--set"]);
        command.arg(format!("database_url={}", database.url()));
        for setting in settings {
            command.args(["--set", setting]);
        }
        let mut child = command.current_dir(data).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let url =
            lines.find_map(|line| Some(line.ok()?.split_once("http://")?.1.trim_end_matches('/').to_owned()));
        Self { child, url: format!("http://{}", url.expect("it says where the catalog is")) }
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
