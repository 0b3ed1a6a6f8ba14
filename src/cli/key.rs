//! `pluginry key`: make, list, enrol, approve, rotate and revoke signing keys.

use serde::Serialize;

use super::key_files::{self, DEFAULT_KEY, KeyName};
use super::settings::RegistryOptions;
use super::{Failure, block_on, terminal};
use crate::domain::Namespace;
use crate::domain::api::{EnrolledKey, KeyState, RevokeKeyRequest};
use crate::signing::{KeyEndorsement, KeyId, SecretKey, sign_endorsement};

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
    ///
    /// Beside releases a further key waits a day before it counts, unless a key that counts signs it in. Where no
    /// key counts any more, another owner or an operator has to approve it: `pluginry key approve`.
    Enroll {
        /// The key on this machine.
        #[arg(default_value = DEFAULT_KEY)]
        name: KeyName,
        /// The namespace.
        #[arg(long)]
        namespace: Namespace,
        /// A key on this machine that counts in the namespace and signs the new one in.
        #[arg(long, value_name = "NAME")]
        endorse_with: Option<KeyName>,
        #[command(flatten)]
        registry: RegistryOptions,
    },
    /// Approve a key that somebody asked for in a namespace where no key counts any more.
    Approve {
        /// The key's id.
        key: String,
        /// The namespace.
        #[arg(long)]
        namespace: Namespace,
        #[command(flatten)]
        registry: RegistryOptions,
    },
    /// Replace a key by a new one: the old one signs it in, then it is revoked; what it signed stands.
    Rotate {
        /// The namespace.
        namespace: Namespace,
        /// The old key, on this machine.
        #[arg(long, value_name = "NAME", default_value = DEFAULT_KEY)]
        key: KeyName,
        /// The new key, made if it is not there [default: the old name with a number behind it].
        #[arg(long, value_name = "NAME")]
        to: Option<KeyName>,
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
        /// It was stolen: what it signed at this index of the log or behind does not stand either.
        #[arg(long, value_name = "INDEX")]
        from_index: Option<u64>,
        /// Why, for everybody who reads the log.
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
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
            Self::Enroll { name, namespace, endorse_with, registry } => {
                enroll(&name, &namespace, endorse_with.as_ref(), &registry)
            }
            Self::Approve { key, namespace, registry } => approve(&key, &namespace, &registry),
            Self::Rotate { namespace, key, to, registry } => rotate(&namespace, &key, to, &registry),
            Self::Revoke { key, namespace, from_index, reason, registry } => {
                revoke(&key, &namespace, &RevokeKeyRequest { from_index, reason }, &registry)
            }
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
        let state = state_of(key);
        terminal::print(&format!("{id}  {state}  {label}"));
    }
    Ok(())
}

/// What a key may do, on one line.
pub(super) fn state_of(key: &EnrolledKey) -> String {
    match (key.state, key.counts_from, key.revoked_from_index) {
        (KeyState::Counts, ..) => format!("counts, enrolled {}", key.enrolled_at),
        (KeyState::Waiting, Some(from), _) => format!("waits, counts from {from}"),
        (KeyState::Waiting, None, _) => "waits".into(),
        (KeyState::NeedsApproval, ..) => "needs the approval of another owner or an operator".into(),
        (KeyState::Revoked, _, Some(index)) => format!("revoked from entry {index} of the log on"),
        (KeyState::Revoked, _, None) => "revoked".into(),
    }
}

fn local_key(name: &KeyName) -> Result<SecretKey, Failure> {
    key_files::read(name)?.ok_or_else(|| key_files::missing(name))
}

fn enroll(
    name: &KeyName,
    namespace: &Namespace,
    endorse_with: Option<&KeyName>,
    registry: &RegistryOptions,
) -> Result<(), Failure> {
    let key = local_key(name)?.public_key();
    let endorsement = endorse_with
        .map(|old| {
            let endorsement = KeyEndorsement { namespace: namespace.clone(), public_key: key };
            Ok::<_, Failure>(sign_endorsement(&endorsement, &local_key(old)?))
        })
        .transpose()?;
    let client = registry.client_with_token()?;
    let label = name.to_string();
    let enrolled = block_on(client.enroll_key(namespace, &key, &label, endorsement.as_ref()))?;
    let id = key.id();
    match enrolled.state {
        KeyState::Counts => {
            terminal::say(&format!("Key {name} ({}) may sign releases of {namespace}.", id.short()));
        }
        KeyState::NeedsApproval => terminal::say(&format!(
            "No key of {namespace} counts any more, so another owner or an operator has to approve key {name}:\n\
             pluginry key approve {id} --namespace {namespace}"
        )),
        _ => terminal::say(&format!("Key {name} ({}): {}.", id.short(), state_of(&enrolled))),
    }
    Ok(())
}

fn approve(key: &str, namespace: &Namespace, registry: &RegistryOptions) -> Result<(), Failure> {
    let id = key_id(key)?;
    let approved = block_on(registry.client_with_token()?.approve_key(namespace, id))?;
    terminal::say(&format!("Approved key {}: {}.", id.short(), state_of(&approved)));
    Ok(())
}

fn rotate(
    namespace: &Namespace,
    old_name: &KeyName,
    new_name: Option<KeyName>,
    registry: &RegistryOptions,
) -> Result<(), Failure> {
    let old = local_key(old_name)?;
    let client = registry.client_with_token()?;
    let new_name = new_name.map_or_else(|| free_name(old_name), Ok)?;
    let new = match key_files::read(&new_name)? {
        Some(key) => key.public_key(),
        None => {
            let (key, path) = key_files::create(&new_name)?;
            terminal::say(&format!("Key {new_name} is kept in {}. Back it up.", path.display()));
            key.public_key()
        }
    };
    let endorsement =
        sign_endorsement(&KeyEndorsement { namespace: namespace.clone(), public_key: new }, &old);
    let revocation = RevokeKeyRequest { from_index: None, reason: Some(format!("replaced by {}", new.id())) };
    let revoked = block_on(async {
        let label = new_name.to_string();
        let enrolled = client.enroll_key(namespace, &new, &label, Some(&endorsement)).await?;
        if enrolled.state != KeyState::Counts {
            let message = format!("key {new_name} does not count: {}", state_of(&enrolled));
            return Err(Failure::new("key-waiting", message).with_mend("The old key was not revoked."));
        }
        Ok(client.revoke_key(namespace, old.public_key().id(), &revocation).await?)
    })?;
    terminal::say(&format!(
        "Key {new_name} ({}) signs for {namespace}: pluginry publish --key {new_name}",
        new.id().short()
    ));
    terminal::say(&format!("Key {old_name} ({}): {}.", old.public_key().id().short(), state_of(&revoked)));
    Ok(())
}

/// The first name of the form `default-2` that no key has.
fn free_name(old: &KeyName) -> Result<KeyName, Failure> {
    for number in 2..=999 {
        let name: KeyName = format!("{old}-{number}").parse().map_err(Failure::usage)?;
        if !key_files::path_of(&name)?.exists() {
            return Ok(name);
        }
    }
    Err(Failure::usage(format!("there is no free name for the key after {old}"))
        .with_mend("Name it with --to."))
}

/// The id itself, or that of a key on this machine.
fn key_id(key: &str) -> Result<KeyId, Failure> {
    if let Ok(id) = key.parse::<KeyId>() {
        return Ok(id);
    }
    let name: KeyName = key.parse().map_err(Failure::usage)?;
    Ok(local_key(&name)?.public_key().id())
}

fn revoke(
    key: &str,
    namespace: &Namespace,
    revocation: &RevokeKeyRequest,
    registry: &RegistryOptions,
) -> Result<(), Failure> {
    let id = key_id(key)?;
    let client = registry.client_with_token()?;
    let (revoked, listed) = block_on(async {
        let revoked = client.revoke_key(namespace, id, revocation).await?;
        Ok::<_, Failure>((revoked, client.list_keys(namespace).await?.keys))
    })?;
    match revoked.revoked_from_index {
        Some(index) => terminal::say(&format!(
            "Key {} counts for nothing in {namespace} from entry {index} of the log on; what it signed before stands.",
            id.short()
        )),
        None => {
            terminal::say(&format!("Key {} is turned down; it never counted in {namespace}.", id.short()))
        }
    }
    let is_offspring = |key: &&EnrolledKey| {
        key.endorsed_by.as_deref() == Some(id.to_hex().as_str()) && key.state != KeyState::Revoked
    };
    for other in listed.iter().filter(is_offspring) {
        terminal::say(&format!(
            "It signed in key {}, which still counts; if the key was stolen, revoke that one as well.",
            terminal::one_line(&other.key_id)
        ));
    }
    Ok(())
}
