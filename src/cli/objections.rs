//! `pluginry admin quarantine`, `release`, `takedown`, `recall`, `unrecall`, `objections`: what operators do to releases.

use std::io::{BufRead as _, IsTerminal as _};

use super::release_argument::parse_release;
use super::settings::RegistryOptions;
use super::{Failure, block_on, terminal};
use crate::domain::{ObjectionKind, Reason, ReleaseId};

/// A release and why something is done to it.
#[derive(clap::Args)]
pub(super) struct ReasonArguments {
    /// The release, like acme:markdown@1.2.0.
    #[arg(value_parser = parse_release)]
    release: ReleaseId,
    /// Why, in a sentence: it stands in the log, in the index, on the page and in the feed of recalls.
    #[arg(long, value_parser = parse_reason)]
    reason: Reason,
    #[command(flatten)]
    registry: RegistryOptions,
}

/// A release.
#[derive(clap::Args)]
pub(super) struct LiftArguments {
    /// The release, like acme:markdown@1.2.0.
    #[arg(value_parser = parse_release)]
    release: ReleaseId,
    #[command(flatten)]
    registry: RegistryOptions,
}

/// What a takedown needs.
#[derive(clap::Args)]
pub(super) struct TakedownArguments {
    #[command(flatten)]
    what: ReasonArguments,
    /// Do not ask: the package is deleted and cannot come back.
    #[arg(long)]
    yes: bool,
}

/// Which objections are listed.
#[derive(clap::Args)]
pub(super) struct ObjectionsArguments {
    /// Only those of one state.
    #[arg(long, value_parser = ["quarantined", "taken-down", "recalled"])]
    state: Option<String>,
    #[command(flatten)]
    registry: RegistryOptions,
}

fn parse_reason(text: &str) -> Result<Reason, String> {
    text.parse().map_err(|error| format!("{error}"))
}

impl ReasonArguments {
    pub(super) fn quarantine(self) -> Result<(), Failure> {
        block_on(self.registry.client()?.quarantine(&self.release, &self.reason))?;
        terminal::say(&format!("{} is quarantined: hidden, and its package withheld.", self.release));
        Ok(())
    }

    pub(super) fn recall(self) -> Result<(), Failure> {
        block_on(self.registry.client()?.recall(&self.release, &self.reason))?;
        terminal::say(&format!("{} is recalled: hosts are told to stop running it.", self.release));
        Ok(())
    }
}

impl LiftArguments {
    pub(super) fn release(self) -> Result<(), Failure> {
        block_on(self.registry.client()?.lift_quarantine(&self.release))?;
        terminal::say(&format!("{} is shown and handed out again.", self.release));
        Ok(())
    }

    pub(super) fn unrecall(self) -> Result<(), Failure> {
        block_on(self.registry.client()?.lift_recall(&self.release))?;
        terminal::say(&format!("{} is not recalled any more.", self.release));
        Ok(())
    }
}

impl TakedownArguments {
    pub(super) fn take_down(self) -> Result<(), Failure> {
        let ReasonArguments { release, reason, registry } = self.what;
        if !self.yes {
            confirm(&release)?;
        }
        block_on(registry.client()?.take_down(&release, &reason))?;
        terminal::say(&format!("{release} is taken down: its package is deleted, a tombstone stays."));
        Ok(())
    }
}

/// Has a person type the release's name; a program says `--yes`.
fn confirm(release: &ReleaseId) -> Result<(), Failure> {
    let unconfirmed = |message: String| {
        Failure::new("takedown-unconfirmed", message)
            .with_mend(format!("Give --yes, or type {release} at the question."))
    };
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        return Err(unconfirmed(format!(
            "a takedown of {release} cannot be undone, and nobody is here to ask"
        )));
    }
    terminal::say(&format!("The package of {release} will be deleted for good. Type the release to go on:"));
    let mut typed = String::new();
    stdin.lock().read_line(&mut typed).map_err(|error| unconfirmed(format!("no answer: {error}")))?;
    if typed.trim() == release.to_string() {
        return Ok(());
    }
    Err(unconfirmed(format!("{:?} is not {release}; nothing was done", typed.trim())))
}

impl ObjectionsArguments {
    pub(super) fn list(self) -> Result<(), Failure> {
        let client = self.registry.client()?;
        let mut cursor = None;
        loop {
            let page = block_on(client.list_objections(self.state.as_deref(), cursor.as_deref()))?;
            for objected in page.releases {
                let told = [
                    (ObjectionKind::TakenDown, objected.taken_down),
                    (ObjectionKind::Quarantined, objected.quarantined),
                    (ObjectionKind::Recalled, objected.recalled),
                ];
                for (kind, reason) in told {
                    if let Some(reason) = reason {
                        terminal::print(&format!("{} {kind}: {reason}", objected.release));
                    }
                }
            }
            cursor = page.next_cursor;
            if cursor.is_none() {
                return Ok(());
            }
        }
    }
}
