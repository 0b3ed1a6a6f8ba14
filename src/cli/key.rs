//! `pluginry key`: make, list, enrol and revoke signing keys.

use serde::Serialize;

use super::key_files::{self, DEFAULT_KEY, KeyName};
use super::settings::RegistryOptions;
use super::{Failure, block_on, terminal};
use crate::domain::Namespace;
use crate::signing::KeyId;

/// The subcommands of `pluginry key`.
#[derive(clap::Subcommand)]
pub(super) enum KeyCommand {
    /// Make a new key on this machine.
    New {
        /// Its name.
        #[arg(default_value = DEFAULT_KEY)]
        name: KeyName,
    },
    /// List the keys on this machine, or the keys a namespace has enrolled.
    List {
        /// List the keys enrolled for this namespace instead.
        #[arg(long)]
        namespace: Option<Namespace>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        registry: RegistryOptions,
    },
    /// Let a key sign releases of a namespace.
    Enroll {
        /// The key on this machine.
        #[arg(default_value = DEFAULT_KEY)]
        name: KeyName,
        /// The namespace.
        #[arg(long)]
        namespace: Namespace,
        #[command(flatten)]
        registry: RegistryOptions,
    },
    /// Take a key's right to sign further releases; what it signed stands.
    Revoke {
        /// The key's id, or the name of a key on this machine.
        key: String,
        /// The namespace.
        #[arg(long)]
        namespace: Namespace,
        #[command(flatten)]
        registry: RegistryOptions,
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
            Self::List { namespace: None, json, .. } => list(json),
            Self::List { namespace: Some(namespace), json, registry } => {
                list_enrolled(&namespace, json, &registry)
            }
            Self::Enroll { name, namespace, registry } => enroll(&name, &namespace, &registry),
            Self::Revoke { key, namespace, registry } => revoke(&key, &namespace, &registry),
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
    let mut unreadable = None;
    for listed in key_files::list()? {
        match listed.key {
            Ok(key) => {
                let (key_id, public_key) = (key.id().to_hex(), key.to_string());
                lines.push(KeyLine { name: listed.name, key_id, public_key });
            }
            Err(failure) => unreadable = Some(failure),
        }
    }
    if json {
        terminal::print_json(&lines);
    } else {
        for line in &lines {
            terminal::print(&format!("{}  {}  {}", line.name, line.key_id, line.public_key));
        }
    }
    if lines.is_empty() && unreadable.is_none() {
        terminal::say("No keys yet; `pluginry key new` makes one.");
    }
    unreadable.map_or(Ok(()), Err)
}

fn list_enrolled(namespace: &Namespace, json: bool, registry: &RegistryOptions) -> Result<(), Failure> {
    let list = block_on(registry.client_with_token()?.list_keys(namespace))?;
    if json {
        terminal::print_json(&list.keys);
        return Ok(());
    }
    for key in &list.keys {
        let (id, label) = (terminal::one_line(&key.key_id), terminal::one_line(&key.label));
        let state = match key.revoked_at {
            Some(at) => format!("revoked {at}"),
            None => format!("enrolled {}", key.enrolled_at),
        };
        terminal::print(&format!("{id}  {state}  {label}"));
    }
    Ok(())
}

fn enroll(name: &KeyName, namespace: &Namespace, registry: &RegistryOptions) -> Result<(), Failure> {
    let key = key_files::read(name)?.ok_or_else(|| key_files::missing(name))?.public_key();
    block_on(registry.client_with_token()?.enroll_key(namespace, &key, &name.to_string()))?;
    terminal::say(&format!("Key {name} ({}) may sign releases of {namespace}.", key.id().short()));
    Ok(())
}

fn revoke(key: &str, namespace: &Namespace, registry: &RegistryOptions) -> Result<(), Failure> {
    let id = match key.parse::<KeyId>() {
        Ok(id) => id,
        Err(_) => {
            let name: KeyName = key.parse().map_err(Failure::usage)?;
            key_files::read(&name)?.ok_or_else(|| key_files::missing(&name))?.public_key().id()
        }
    };
    block_on(registry.client_with_token()?.revoke_key(namespace, id))?;
    terminal::say(&format!(
        "Key {} signs no further release of {namespace}; what it signed stands.",
        id.short()
    ));
    Ok(())
}
