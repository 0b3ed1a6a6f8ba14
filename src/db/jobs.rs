//! The queue of background jobs: taken by one worker at a time, retried, reclaimed after a crash.

use sqlx::AnyConnection;

use super::row::Columns;
use super::{DatabaseError, Dialect};
use crate::domain::Timestamp;

/// A job taken from the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Row id.
    pub id: i64,
    /// Which job, such as `verify-release`.
    pub kind: String,
    /// What to do it to, JSON.
    pub payload: String,
    /// How often it was taken, this time included.
    pub attempts: u32,
}

/// Puts a job into the queue, in the transaction of the change that needs it.
pub async fn enqueue(
    connection: &mut AnyConnection,
    kind: &str,
    payload: &str,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    sqlx::query(
        "INSERT INTO jobs (kind, payload, state, run_after, created_at) VALUES ($1, $2, 'queued', $3, $4)",
    )
    .bind(kind)
    .bind(payload)
    .bind(now.as_micros())
    .bind(now.as_micros())
    .execute(connection)
    .await?;
    Ok(())
}

/// Whether a job waits that is due: asked by idle workers, so it only reads.
pub async fn is_any_due(connection: &mut AnyConnection, now: Timestamp) -> Result<bool, DatabaseError> {
    let row = sqlx::query(
        "SELECT id FROM jobs WHERE (state = 'queued' AND run_after <= $1) \
             OR (state = 'running' AND locked_until < $2) LIMIT 1",
    )
    .bind(now.as_micros())
    .bind(now.as_micros())
    .fetch_optional(connection)
    .await?;
    Ok(row.is_some())
}

/// Takes the oldest due job and holds it until `locked_until`; a job whose holder died is due again then.
pub async fn take(
    connection: &mut AnyConnection,
    dialect: Dialect,
    now: Timestamp,
    locked_until: Timestamp,
) -> Result<Option<Job>, DatabaseError> {
    let row = sqlx::query(dialect.take_job())
        .bind(locked_until.as_micros())
        .bind(now.as_micros())
        .bind(now.as_micros())
        .fetch_optional(connection)
        .await?;
    row.map(|row| {
        Ok(Job {
            id: row.number("id")?,
            kind: row.text("kind")?,
            payload: row.text("payload")?,
            attempts: u32::try_from(row.number("attempts")?).unwrap_or(u32::MAX),
        })
    })
    .transpose()
}

/// Makes every job that is held due again, for a process that knows that its holder is gone.
pub async fn let_go_of_all(connection: &mut AnyConnection) -> Result<(), DatabaseError> {
    sqlx::query("UPDATE jobs SET state = 'queued', locked_until = NULL WHERE state = 'running'")
        .execute(connection)
        .await?;
    Ok(())
}

/// Removes a job that is done.
pub async fn finish(connection: &mut AnyConnection, job_id: i64) -> Result<(), DatabaseError> {
    sqlx::query("DELETE FROM jobs WHERE id = $1").bind(job_id).execute(connection).await?;
    Ok(())
}

/// Puts a failed job back for a later try, or sets it aside when `run_after` is absent.
pub async fn fail(
    connection: &mut AnyConnection,
    job_id: i64,
    error: &str,
    run_after: Option<Timestamp>,
) -> Result<(), DatabaseError> {
    sqlx::query(
        "UPDATE jobs SET state = $1, last_error = $2, run_after = COALESCE($3, run_after), locked_until = NULL WHERE id = $4",
    )
    .bind(if run_after.is_some() { "queued" } else { "failed" })
    .bind(error)
    .bind(run_after.map(Timestamp::as_micros))
    .bind(job_id)
    .execute(connection)
    .await?;
    Ok(())
}

/// How many jobs are in each state.
pub async fn count_by_state(connection: &mut AnyConnection) -> Result<Vec<(String, u64)>, DatabaseError> {
    let rows = sqlx::query("SELECT state, COUNT(*) AS jobs FROM jobs GROUP BY state ORDER BY state")
        .fetch_all(connection)
        .await?;
    rows.iter().map(|row| Ok((row.text("state")?, row.size("jobs")?))).collect()
}
