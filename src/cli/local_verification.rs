//! A verification run on this machine: what the registry will do with a package, done before publishing.

use std::path::Path;

use super::{Failure, block_on};
use crate::domain::{HostProfile, Manifest};
use crate::runtime::{VerificationOutcome, VerificationReport, VerificationRequest, verify_in_child};

/// Runs the manifest's cases on the package file; a run that does not pass is a failure.
pub(super) fn verify(
    package: &Path,
    manifest: &Manifest,
    profile: &HostProfile,
) -> Result<VerificationReport, Failure> {
    let executable = std::env::current_exe()
        .map_err(|error| Failure::new("program-not-found", format!("cannot find this program: {error}")))?;
    let request = VerificationRequest::new(manifest, profile);
    let report = block_on(verify_in_child(&executable, package, &request))?;
    match &report.outcome {
        VerificationOutcome::Passed => Ok(report),
        outcome => Err(Failure::new("verification-failed", outcome.sentence())
            .with_mend("Correct the plugin, or what the case in plugin.toml expects of it.")),
    }
}

/// What a passed run measured, as one line.
pub(super) fn summary(report: &VerificationReport) -> String {
    let cases = match report.cases.len() {
        0 => "It has no verify cases; it starts and stops".to_owned(),
        1 => "Verified: 1 case passed".to_owned(),
        count => format!("Verified: {count} cases passed"),
    };
    format!(
        "{cases}; {} fuel, {} KiB of memory at most, compiled in {} ms{}.",
        report.fuel,
        report.peak_memory_bytes / 1024,
        report.compile_ms.unwrap_or_default(),
        if report.deterministic { ", the same twice" } else { "; NOT the same twice" },
    )
}
