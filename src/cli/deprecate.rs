//! `pluginry deprecate`: advise against a release.

use super::release_argument::parse_release;
use super::settings::RegistryOptions;
use super::{Failure, block_on, terminal};
use crate::domain::ReleaseId;
use crate::domain::api::ChangeReleaseRequest;

/// Advise against a release; it can still be chosen.
#[derive(clap::Args)]
pub(super) struct DeprecateArguments {
    /// The release, like acme:markdown@1.2.0.
    #[arg(value_parser = parse_release)]
    release: ReleaseId,
    /// The advice, with a replacement if there is one.
    #[arg(required_unless_present = "undo", conflicts_with = "undo")]
    advice: Option<String>,
    /// Take the advice back.
    #[arg(long)]
    undo: bool,
    #[command(flatten)]
    registry: RegistryOptions,
}

impl DeprecateArguments {
    pub(super) fn run(self) -> Result<(), Failure> {
        let outcome = if self.undo { "is not deprecated any more" } else { "is deprecated" };
        let change =
            ChangeReleaseRequest { deprecated: Some(self.advice), ..ChangeReleaseRequest::default() };
        block_on(self.registry.client()?.change_release(&self.release, &change))?;
        terminal::say(&format!("{} {outcome}.", self.release));
        Ok(())
    }
}
