//! Verifying a release: run its package in a child process and record what was found.

use serde::Serialize as _;

use super::sign_verdict::sign_verdict;
use super::{Change, ChangeError, Registry, ReleaseChange};
use crate::db::DatabaseError;
use crate::db::releases::{self, ReleaseRecord};
use crate::db::verification_runs::VerificationRun;
use crate::domain::{Timestamp, VerificationState};
use crate::kill_points;
use crate::runtime::{
    RuntimeError, VerificationOutcome, VerificationReport, VerificationRequest, verify_in_child,
};
use crate::signing::SigningError;
use crate::storage::StorageError;

/// Why no run could be held. What a package does is never an error here: it is an outcome in the report.
#[derive(Debug, thiserror::Error)]
pub enum VerifyReleaseError {
    /// The package of a release is not in the object store.
    #[error("the package of {0} is not in the object store")]
    PackageMissing(String),
    /// The profile it was inspected against is not registered any more.
    #[error("the host profile of {0} is not registered")]
    ProfileMissing(String),
    /// The author's statement of a release cannot be read back.
    #[error("the attestation of {release} cannot be read: {source}")]
    Attestation {
        /// The release.
        release: String,
        /// Why.
        source: SigningError,
    },
    /// This program cannot be started as a child.
    #[error("the verification program cannot be found: {0}")]
    Executable(std::io::Error),
    /// The child could not be held.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// The result could not be written.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The object store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Runs the verification of a release and records its report; a release that is gone or verified is left alone.
///
/// Dropping the future kills the child and records nothing.
pub async fn verify_release(
    registry: &Registry,
    release_id: i64,
    now: impl Fn() -> Timestamp,
) -> Result<(), VerifyReleaseError> {
    let mut connection = registry.database().read().await?;
    let record = releases::find_by_id(&mut connection, release_id).await?;
    drop(connection);
    let Some(record) = record.filter(is_to_be_run) else {
        return Ok(());
    };
    let report = hold_run(registry, &record).await?;
    kill_points::pass("verdict-run-held");
    tracing::info!(release = %record.release, outcome = report.outcome.sentence(), "verified");
    metrics::counter!("verification_runs_total", "outcome" => outcome_name(&report.outcome)).increment(1);
    let run = VerificationRun {
        outcome: outcome_name(&report.outcome),
        report: serde_json::to_string(&report).expect("a report has text keys only"),
        runtime_version: report.runtime_version.clone(),
        finished_at: now(),
    };
    let (state, at) = (report.state(), now());
    let summary = Box::new(sign_verdict(registry, &record, &report, at).await?);
    let change = ReleaseChange::Verify { state, run: Box::new(run), summary };
    registry.commit(Change::Release { release: record.release, account_id: None, change, now: at }).await?;
    kill_points::pass("verdict-committed");
    Ok(())
}

/// Whether nothing was found out yet and there are bytes to run.
fn is_to_be_run(record: &ReleaseRecord) -> bool {
    record.verification == VerificationState::Pending && record.taken_down.is_none()
}

async fn hold_run(
    registry: &Registry,
    record: &ReleaseRecord,
) -> Result<VerificationReport, VerifyReleaseError> {
    let name = record.release.to_string();
    let profile = registry
        .profile(&record.manifest.host.profile, &record.profile_version)
        .ok_or_else(|| VerifyReleaseError::ProfileMissing(name.clone()))?;
    let request = VerificationRequest::new(&record.manifest, &profile);
    let executable = match registry.configuration().verification.executable.as_os_str().is_empty() {
        false => registry.configuration().verification.executable.clone(),
        true => std::env::current_exe().map_err(VerifyReleaseError::Executable)?,
    };
    if let Some(path) = registry.storage().local_blob_path(record.digest) {
        // What is verified is what was published: the file is hashed, unless it was before.
        if registry.blob_size(record.digest).await?.is_none() {
            return Err(VerifyReleaseError::PackageMissing(name));
        }
        return Ok(verify_in_child(&executable, &path, &request).await?);
    }
    let copy = tempfile::NamedTempFile::new_in(registry.configuration().upload_directory())
        .map_err(StorageError::from)?;
    if !registry.storage().copy_blob_to(record.digest, copy.path()).await? {
        return Err(VerifyReleaseError::PackageMissing(name));
    }
    Ok(verify_in_child(&executable, copy.path(), &request).await?)
}

/// The outcome's `kind`, as the database and the metrics hold it.
fn outcome_name(outcome: &VerificationOutcome) -> String {
    let value = outcome.serialize(serde_json::value::Serializer).unwrap_or_default();
    value["kind"].as_str().unwrap_or("unknown").to_owned()
}
