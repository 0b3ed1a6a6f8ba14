//! `pluginry trust`: see and change what is pinned of registries.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::contact::{contact, key_lines};
use super::settings::{RegistryOptions, state_directory};
use super::trust_options::{read_bounded, second_of};
use super::{Failure, block_on, terminal};
use crate::client::{ClientError, ContactRefusal, Memory, Remembered};
use crate::domain::Timestamp;
use crate::log::SignedCheckpoint;
use crate::trust::{RecallFeed, TrustDocument, TrustFile, read_recalls};

/// What `pluginry trust` does.
#[derive(clap::Subcommand)]
pub(super) enum TrustCommand {
    Show(ShowArguments),
    Pin(PinArguments),
    Forget(ForgetArguments),
}

/// Show what is remembered: the pinned keys, the largest log and the newest recall feed of each registry.
#[derive(clap::Args)]
pub(super) struct ShowArguments {
    /// This registry alone.
    #[arg(long, value_name = "URL")]
    registry: Option<String>,
    /// Print JSON: the signed texts as they are remembered.
    #[arg(long)]
    json: bool,
}

/// Pin the keys of a registry before the first use: from a file its operator gave you, or by asking it.
#[derive(clap::Args)]
pub(super) struct PinArguments {
    /// The trust document, as the registry answers it at /api/v1/trust; without it, the registry is asked.
    file: Option<PathBuf>,
    #[command(flatten)]
    registry: RegistryOptions,
}

/// Forget a registry: its keys are pinned anew at the next contact.
#[derive(clap::Args)]
pub(super) struct ForgetArguments {
    #[command(flatten)]
    registry: RegistryOptions,
}

impl TrustCommand {
    pub(super) fn run(self) -> Result<(), Failure> {
        match self {
            Self::Show(command) => command.run(),
            Self::Pin(command) => command.run(),
            Self::Forget(command) => command.run(),
        }
    }
}

impl ShowArguments {
    fn run(self) -> Result<(), Failure> {
        let directory = state_directory()?;
        let mut all = Memory::all_in(&directory)?;
        if let Some(wanted) = &self.registry {
            all.retain(|one| one.registry.trim_end_matches('/') == wanted.trim_end_matches('/'));
        }
        if self.json {
            terminal::print_json(&all);
            return Ok(());
        }
        if all.is_empty() {
            let of = self.registry.map(|registry| format!(" of {registry}")).unwrap_or_default();
            terminal::say(&format!("Nothing is remembered{of} in {}.", directory.display()));
        }
        for remembered in &all {
            terminal::print(&Told::of(remembered)?.to_text());
        }
        Ok(())
    }
}

impl PinArguments {
    fn run(self) -> Result<(), Failure> {
        let url = self.registry.url()?;
        match &self.file {
            Some(file) => pin_file(&url, file)?,
            None => {
                let (_client, contact) = contact(self.registry.client()?, None)?;
                if contact.pinning == crate::client::Pinning::Known {
                    terminal::say(&format!("The keys of {url} were pinned already, and they are the same."));
                }
            }
        }
        show(&url)
    }
}

/// Pins what a file says; what is pinned already gives way only to what it signed itself.
fn pin_file(url: &str, file: &Path) -> Result<(), Failure> {
    let (trust, document) = TrustFile::from_json(&read_bounded(file)?)?;
    let (Some(chain), Some(_)) = (trust.chain, document) else {
        return Err(Failure::new("trust-unreadable", format!("{} names no registry's keys", file.display()))
            .with_mend("Save what the registry answers at /api/v1/trust."));
    };
    let address = address_of(url)?;
    let mut memory = block_on(Memory::Directory(state_directory()?).open(&address))?;
    let remembered = match memory.remembered().cloned() {
        None => Remembered::pin(&address, chain, Timestamp::now()),
        Some(remembered) => {
            let pinned = remembered.document()?;
            chain.follow(&pinned).map_err(|error| {
                let keys = format!("{} holds other keys than the pinned ones", file.display());
                ClientError::from(ContactRefusal::TrustChanged { error, keys, registry: address.clone() })
            })?;
            let mut remembered = remembered;
            remembered.trust = chain;
            remembered
        }
    };
    Ok(memory.write(remembered)?)
}

impl ForgetArguments {
    fn run(self) -> Result<(), Failure> {
        let url = self.registry.url()?;
        let memory = block_on(Memory::Directory(state_directory()?).open(&address_of(&url)?))?;
        if memory.forget()? {
            terminal::say(&format!("Forgot the keys, the log and the recall feed of {url}."));
        } else {
            terminal::say(&format!("Nothing was remembered of {url}."));
        }
        Ok(())
    }
}

/// The address as the client writes it.
fn address_of(url: &str) -> Result<String, Failure> {
    Ok(crate::client::Client::new(url)?.registry().to_string())
}

fn show(url: &str) -> Result<(), Failure> {
    ShowArguments { registry: Some(url.to_owned()), json: false }.run()
}

/// What is remembered of one registry, read.
#[derive(Serialize)]
struct Told {
    registry: String,
    pinned_at: Timestamp,
    document: TrustDocument,
    log: Option<(u64, String)>,
    recalls: Option<RecallFeed>,
}

impl Told {
    fn of(remembered: &Remembered) -> Result<Self, Failure> {
        let document = remembered.document()?;
        let head = remembered.checkpoint.as_deref().map(SignedCheckpoint::parse).transpose()?;
        let log = head.map(|head| (head.unverified().tree_size, head.unverified().root.to_string()));
        // A feed is kept as it was signed, maybe by a key that was retired since.
        let keys = document.registry_keys_at(0);
        let recalls = remembered.recalls.as_ref().and_then(|signed| read_recalls(signed, &keys).ok());
        Ok(Self {
            registry: remembered.registry.clone(),
            pinned_at: remembered.pinned_at,
            document,
            log,
            recalls,
        })
    }

    fn to_text(&self) -> String {
        let document = &self.document;
        let mut lines = vec![self.registry.trim_end_matches('/').to_owned()];
        lines.push(format!(
            "  pinned        {}, version {} of {}",
            second_of(self.pinned_at),
            document.version,
            document.origin
        ));
        lines.extend(key_lines(document).into_iter().map(|line| format!("  {line}")));
        if document.witness_quorum > 0 {
            let (needed, all) = (document.witness_quorum, document.witnesses.len());
            lines.push(format!("  witnesses     {needed} of {all} must cosign a checkpoint"));
            lines.extend(document.witnesses.iter().map(|witness| format!("                {witness}")));
        }
        lines.push(match &self.log {
            Some((entries, root)) => format!("  log           {entries} entries, root {root}"),
            None => "  log           not seen yet".into(),
        });
        lines.push(match &self.recalls {
            Some(feed) => format!(
                "  recall feed   of {}, {} releases, {} revoked keys",
                second_of(feed.issued_at),
                feed.recalls.len(),
                feed.revoked_keys.len()
            ),
            None => "  recall feed   not seen yet".into(),
        });
        lines.join("\n")
    }
}
