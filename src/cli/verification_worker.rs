//! `pluginry verification-worker`: the child of a verification run; hidden, the server starts it.

use std::path::PathBuf;

use super::Failure;

/// Arguments of the child.
#[derive(clap::Args)]
pub(super) struct VerificationWorkerCommand {
    /// The package to verify.
    package: PathBuf,
}

impl VerificationWorkerCommand {
    pub(super) fn run(self) -> Result<(), Failure> {
        Ok(crate::runtime::run_worker(&self.package)?)
    }
}
