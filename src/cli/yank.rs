//! `pluginry yank`: withdraw a release from new resolves.

use super::release_argument::parse_release;
use super::settings::RegistryOptions;
use super::{Failure, block_on, terminal};
use crate::domain::ReleaseId;
use crate::domain::api::ChangeReleaseRequest;

/// Withdraw a release: nobody new gets it, whoever has it locked keeps it.
#[derive(clap::Args)]
pub(super) struct YankArguments {
    /// The release, like acme:markdown@1.2.0.
    #[arg(value_parser = parse_release)]
    release: ReleaseId,
    /// Take the withdrawal back.
    #[arg(long)]
    undo: bool,
    #[command(flatten)]
    registry: RegistryOptions,
}

impl YankArguments {
    pub(super) fn run(self) -> Result<(), Failure> {
        let change = ChangeReleaseRequest { yanked: Some(!self.undo), ..ChangeReleaseRequest::default() };
        block_on(self.registry.client()?.change_release(&self.release, &change))?;
        let outcome = if self.undo { "may be chosen again" } else { "is yanked: no new resolve chooses it" };
        terminal::say(&format!("{} {outcome}.", self.release));
        Ok(())
    }
}
