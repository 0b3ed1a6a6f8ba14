//! Meeting a registry: its keys, its log and its recall feed, and what a person should know of that.

use super::settings::state_directory;
use super::{Failure, block_on, terminal};
use crate::client::{Client, Contact, Memory, Pinning};
use crate::domain::Timestamp;
use crate::trust::{TrustChain, TrustDocument};

/// The client with this machine's memory, and the registry as it found it.
pub(super) fn contact(client: Client, pin: Option<TrustChain>) -> Result<(Client, Contact), Failure> {
    let client = client.with_memory(Memory::Directory(state_directory()?)).with_pin(pin);
    let contact = block_on(client.contact(Timestamp::now()))?;
    match &contact.pinning {
        Pinning::FirstUse(place) => {
            let registry = client.registry().as_str().trim_end_matches('/');
            terminal::say(&format!(
                "First contact with {registry}: its keys are pinned from now on ({place})."
            ));
            for line in key_lines(&contact.trust) {
                terminal::say(&format!("  {line}"));
            }
            terminal::say("  Compare them with what its operator publishes elsewhere.");
        }
        Pinning::Moved(before) => terminal::say(&format!(
            "The registry's keys changed from version {before} to {}, signed by the pinned ones.",
            contact.trust.version
        )),
        Pinning::Known => {}
    }
    Ok((client, contact))
}

/// The keys of a registry, a line each, as its operator publishes them.
pub(super) fn key_lines(document: &TrustDocument) -> Vec<String> {
    let mut lines = Vec::new();
    for key in &document.log_keys {
        let vkey = crate::log::NoteVerifier::of_log(&document.origin, key.public_key);
        let text = vkey.map_or_else(|_| key.public_key.to_string(), |vkey| vkey.to_string());
        lines.push(format!("log key       {text}{}", retired(key.retired_at)));
    }
    for key in &document.registry_keys {
        lines.push(format!("registry key  {}{}", key.public_key, retired(key.retired_at)));
    }
    lines
}

fn retired(at: Option<u64>) -> String {
    at.map(|size| format!(" (retired at {size} entries)")).unwrap_or_default()
}
