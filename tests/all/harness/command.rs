//! Somebody at a terminal: an empty home, an empty folder, and the real `pluginry`.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic like tests")]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::variable;

const PLUGINRY: &str = env!("CARGO_BIN_EXE_pluginry");
/// Where rustup and cargo keep their things; the one part of the real home that a build may use.
const RUST_HOMES: [(&str, &str); 2] = [("RUSTUP_HOME", ".rustup"), ("CARGO_HOME", ".cargo")];

/// A person's machine.
pub struct Terminal {
    home: TempDir,
    folder: TempDir,
    variables: Vec<(String, String)>,
}

/// What a command left behind.
pub struct Said {
    /// The exit code.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Terminal {
    /// A machine whose `PLUGINRY_REGISTRY` is the registry at `url`.
    pub fn new(url: &str) -> Self {
        let (home, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let programs = Path::new(PLUGINRY).parent().unwrap().display().to_string();
        let path = format!("{programs}:{}", variable("PATH").unwrap());
        let mut variables = vec![
            ("PATH".to_owned(), path),
            ("HOME".to_owned(), home.path().display().to_string()),
            ("PLUGINRY_REGISTRY".to_owned(), url.to_owned()),
        ];
        for (name, default) in RUST_HOMES {
            let in_home = || variable("HOME").map(|home| format!("{home}/{default}"));
            variables.extend(variable(name).or_else(in_home).map(|value| (name.to_owned(), value)));
        }
        Self { home, folder, variables }
    }

    /// Sets a variable for every further command.
    pub fn set(&mut self, name: &str, value: &str) {
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// A text without what differs from machine to machine: the names of home and folder, and the keys of a registry
    /// that is met for the first time.
    pub fn redacted(&self, text: &str) -> String {
        let text = text
            .replace(&self.folder.path().display().to_string(), "FOLDER")
            .replace(&self.home.path().display().to_string(), "HOME");
        let line = |line: &str| match line {
            line if line.starts_with("First contact with ") => {
                "First contact with REGISTRY: its keys are pinned from now on (FILE).\n".to_owned()
            }
            line if line.starts_with("  log key  ") => "  log key       KEY\n".to_owned(),
            line if line.starts_with("  registry key  ") => "  registry key  KEY\n".to_owned(),
            line => line.to_owned(),
        };
        text.split_inclusive('\n').map(line).collect()
    }

    /// A file in the working folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file in the working folder.
    pub fn write(&self, name: &str, content: &[u8]) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// Runs `pluginry` in the working folder.
    pub fn run(&self, arguments: &[&str]) -> Said {
        self.run_in("", arguments)
    }

    /// Runs `pluginry` in a folder of the working folder.
    pub fn run_in(&self, folder: &str, arguments: &[&str]) -> Said {
        self.start(Command::new(PLUGINRY).args(arguments), folder, "")
    }

    /// Runs `pluginry` in the working folder; it must end well.
    pub fn done(&self, arguments: &[&str]) -> Said {
        self.run(arguments).done(&arguments.join(" "))
    }

    /// Runs `pluginry` in the working folder with something on standard input.
    pub fn run_with_input(&self, arguments: &[&str], input: &str) -> Said {
        self.start(Command::new(PLUGINRY).args(arguments), "", input)
    }

    /// Runs lines of shell in the working folder; `pluginry` is on the path.
    pub fn shell(&self, lines: &str) -> Said {
        self.start(Command::new("sh").args(["-euc", lines]), "", "")
    }

    /// Starts `pluginry` in the working folder; what it writes to standard output is read from the child.
    pub fn begin(&self, arguments: &[&str]) -> std::process::Child {
        let mut command = Command::new(PLUGINRY);
        command
            .args(arguments)
            .env_clear()
            .envs(self.variables.iter().cloned())
            .current_dir(self.folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// Makes an account and keeps its token.
    pub fn register(&self, name: &str) {
        let email = format!("{name}@example.org");
        let arguments = ["login", "--register", "--name", name, "--email", &email];
        let password = "correct horse battery staple\n";
        self.run_with_input(&arguments, password).done("login --register");
    }

    /// The token that a login left in the home.
    pub fn token(&self) -> String {
        let text = std::fs::read_to_string(self.home.path().join(".config/pluginry/login.toml")).unwrap();
        text.lines().find_map(|line| line.strip_prefix("token = \"")?.strip_suffix('"')).unwrap().to_owned()
    }

    fn start(&self, command: &mut Command, folder: &str, input: &str) -> Said {
        command.env_clear().envs(self.variables.iter().cloned()).current_dir(self.folder.path().join(folder));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A command that asks for nothing may be gone before it reads anything.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        Said {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Said {
    /// The command must have ended well.
    pub fn done(self, what: &str) -> Self {
        assert_eq!(self.code, 0, "{what}\n--- stdout\n{}--- stderr\n{}", self.out, self.err);
        self
    }

    /// Its one line of output.
    pub fn line(&self) -> &str {
        assert_eq!(self.out.lines().count(), 1, "{}", self.out);
        self.out.trim_end()
    }

    /// Exit code and both streams as one text, for snapshots.
    pub fn as_text(&self) -> String {
        format!("exit {}\n--- stdout\n{}--- stderr\n{}", self.code, self.out, self.err)
    }
}
