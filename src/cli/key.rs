//! `pluginry key`: make, list, enrol and revoke signing keys.

use serde::Serialize;

use super::key_files::{self, DEFAULT_KEY, KeyName};
use super::{Failure, terminal};

/// The subcommands of `pluginry key`.
#[derive(clap::Subcommand)]
pub(super) enum KeyCommand {
    /// Make a new key on this machine.
    New {
        /// Its name.
        #[arg(default_value = DEFAULT_KEY)]
        name: KeyName,
    },
    /// List the keys on this machine.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Serialize)]
struct KeyLine {
    name: String,
    key_id: String,
    public_key: String,
}

impl KeyCommand {
    pub(super) fn run(self) -> Result<(), Failure> {
        match self {
            Self::New { name } => new(&name),
            Self::List { json } => list(json),
        }
    }
}

fn new(name: &KeyName) -> Result<(), Failure> {
    let (key, path) = key_files::create(name)?;
    terminal::say(&format!("Key {name} is kept in {}. Back it up; nobody can restore it.", path.display()));
    terminal::print(&key.public_key().to_string());
    Ok(())
}

fn list(json: bool) -> Result<(), Failure> {
    let mut lines = Vec::new();
    for listed in key_files::list()? {
        match listed.key {
            Ok(key) => {
                let (key_id, public_key) = (key.id().to_hex(), key.to_string());
                lines.push(KeyLine { name: listed.name, key_id, public_key });
            }
            Err(failure) => failure.print(),
        }
    }
    if json {
        terminal::print_json(&lines);
        return Ok(());
    }
    if lines.is_empty() {
        terminal::say("No keys yet; `pluginry key new` makes one.");
    }
    for line in lines {
        terminal::print(&format!("{}  {}  {}", line.name, line.key_id, line.public_key));
    }
    Ok(())
}
