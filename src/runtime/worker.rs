//! The child's side of a verification run: request on stdin, stages and report as JSON lines on stdout.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::isolation::{lock_down, yield_to_others};
use super::verify::verify;
use super::{RuntimeError, Sandbox, SandboxSettings, Stage, VerificationReport, VerificationRequest};

/// One line from the child to its parent.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Line {
    /// A stage begins.
    Stage {
        /// Which one.
        stage: Stage,
        /// The case it is for.
        case: Option<String>,
    },
    /// The last line.
    Report(Box<VerificationReport>),
}

/// The whole life of the hidden subcommand `verification-worker`.
///
/// Steps behind everything else on the machine, opens the package, starts the one thread it needs, locks the process down, and only then reads
/// a byte of the package.
pub fn run_worker(package_path: &Path) -> Result<(), RuntimeError> {
    yield_to_others();
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .map_err(|source| RuntimeError::Child { step: "could not read its request", source })?;
    let request: VerificationRequest =
        serde_json::from_str(&text).map_err(|error| RuntimeError::Protocol { problem: error.to_string() })?;
    let mut package = File::open(package_path)
        .map_err(|source| RuntimeError::Child { step: "could not open the package", source })?;
    let stack_bytes = usize::try_from(request.limits.stack_bytes).unwrap_or(usize::MAX);
    let sandbox = Sandbox::new(SandboxSettings { stack_bytes, verification: true })?;
    let isolation = lock_down(&request.limits);

    let mut bytes = Vec::new();
    package
        .read_to_end(&mut bytes)
        .map_err(|source| RuntimeError::Child { step: "could not read the package", source })?;
    let report = verify(&sandbox, &bytes, &request, isolation, &mut |stage, case| {
        // A parent that is gone will not miss it.
        let _ = write_line(&Line::Stage { stage, case: case.map(str::to_owned) });
    });
    write_line(&Line::Report(Box::new(report)))
        .map_err(|source| RuntimeError::Child { step: "could not write its report", source })
}

fn write_line(line: &Line) -> std::io::Result<()> {
    let mut text = serde_json::to_string(line)?;
    text.push('\n');
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}
