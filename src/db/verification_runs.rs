//! Verification runs: every report, newest last.

use sqlx::AnyConnection;

use super::DatabaseError;
use super::row::Columns;
use crate::domain::Timestamp;

/// A stored verification run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerificationRun {
    /// `passed`, `failed`, `too-costly-to-compile`, …
    pub outcome: String,
    /// The report, JSON.
    pub report: String,
    /// Version of the runtime that ran it.
    pub runtime_version: String,
    /// When it ended.
    pub finished_at: Timestamp,
}

/// Stores a run.
pub async fn insert(
    connection: &mut AnyConnection,
    release_id: i64,
    run: &VerificationRun,
) -> Result<(), DatabaseError> {
    sqlx::query(
        "INSERT INTO verification_runs (release_id, outcome, report, runtime_version, finished_at) \
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(release_id)
    .bind(&run.outcome)
    .bind(&run.report)
    .bind(&run.runtime_version)
    .bind(run.finished_at.as_micros())
    .execute(connection)
    .await?;
    Ok(())
}

/// The newest run of a release.
pub async fn newest(
    connection: &mut AnyConnection,
    release_id: i64,
) -> Result<Option<VerificationRun>, DatabaseError> {
    let row = sqlx::query(
        "SELECT outcome, report, runtime_version, finished_at FROM verification_runs \
         WHERE release_id = $1 ORDER BY id DESC LIMIT 1",
    )
    .bind(release_id)
    .fetch_optional(connection)
    .await?;
    row.map(|row| {
        Ok(VerificationRun {
            outcome: row.text("outcome")?,
            report: row.text("report")?,
            runtime_version: row.text("runtime_version")?,
            finished_at: row.time("finished_at")?,
        })
    })
    .transpose()
}
