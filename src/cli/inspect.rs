//! `pluginry inspect`: what a package imports and exports against what it declares.

use std::path::PathBuf;

use super::package_files::read_package_file;
use super::profiles::{self, ProfileName};
use super::{Failure, terminal};
use crate::wasm::{PackageLimits, inspect, read_package};

/// Show what a package may do, what it imports and why that is allowed.
///
/// Exits with 1 when a registry would refuse it.
#[derive(clap::Args)]
pub(super) struct InspectArguments {
    /// The package.
    file: PathBuf,
    /// A built-in host profile, like wasi:cli or wasi:cli@0.2.0 [default: the one its manifest names].
    #[arg(long, value_name = "PROFILE", conflicts_with = "profile_file")]
    profile: Option<ProfileName>,
    /// A host profile document.
    #[arg(long, value_name = "FILE")]
    profile_file: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl InspectArguments {
    pub(super) fn run(self) -> Result<(), Failure> {
        let bytes = read_package_file(&self.file)?;
        let package = read_package(&bytes, &PackageLimits::default())?;
        let from_file = self.profile_file.as_deref().map(profiles::read_profile).transpose()?;
        let host = &package.manifest.host;
        let profile = match (&from_file, &self.profile) {
            (Some(profile), _) => profile,
            (None, Some(name)) => profiles::named(name)?,
            (None, None) => profiles::built_in(&host.profile, &host.version)?,
        };
        let report = inspect(&package, profile);
        if self.json {
            terminal::print_json(&report);
        } else {
            terminal::print(report.to_string().trim_end());
        }
        if report.is_accepted() {
            return Ok(());
        }
        let count = report.refusals.len();
        let release = package.manifest.release_id();
        let reasons = if count == 1 { "reason" } else { "reasons" };
        Err(Failure::new(
            "inspection-refused",
            format!("{release} is refused for {count} {reasons}, listed above"),
        ))
    }
}
