//! One worker of the queue: take a due job, do it, and put it back for later when it fails.

use std::time::Duration;

use serde::Deserialize;

use crate::db::DatabaseError;
use crate::db::jobs::{self, Job};
use crate::domain::Timestamp;
use crate::registry::{Registry, VERIFY_RELEASE, VerifyReleaseError, verify_release};

/// How long a worker waits before it looks for work again.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How long a job is held; after that its worker counts as dead.
const HELD_SECONDS: i64 = 120;
/// A job that failed this often is set aside for the operator.
const MOST_ATTEMPTS: u32 = 6;

/// Why a job failed.
#[derive(Debug, thiserror::Error)]
enum JobError {
    #[error("there is no job of kind {0:?}")]
    UnknownKind(String),
    #[error("the job's payload cannot be read: {0}")]
    Payload(#[from] serde_json::Error),
    #[error(transparent)]
    VerifyRelease(#[from] VerifyReleaseError),
}

#[derive(Deserialize)]
struct VerifyRelease {
    release_id: i64,
}

/// Works until the registry stops. A job in hand at that moment goes back unharmed.
pub(super) async fn work(registry: Registry) {
    let stop = registry.stopping();
    loop {
        match take(&registry).await {
            Ok(Some(job)) => do_and_conclude(&registry, job).await,
            Ok(None) => {
                if stop.run_until_cancelled(tokio::time::sleep(LOOK_EVERY)).await.is_none() {
                    return;
                }
            }
            Err(error) => {
                tracing::warn!(%error, "the job queue cannot be read");
                if stop.run_until_cancelled(tokio::time::sleep(LOOK_EVERY * 8)).await.is_none() {
                    return;
                }
            }
        }
        if stop.is_cancelled() {
            return;
        }
    }
}

/// Looks with a reader first, so that an idle queue takes no write lock.
async fn take(registry: &Registry) -> Result<Option<Job>, DatabaseError> {
    let now = Timestamp::now();
    let mut reader = registry.database().read().await?;
    let is_due = jobs::is_any_due(&mut reader, now).await?;
    drop(reader);
    if !is_due {
        return Ok(None);
    }
    let mut transaction = registry.database().write().await?;
    let dialect = registry.database().dialect();
    let job = jobs::take(&mut transaction, dialect, now, now.plus_seconds(HELD_SECONDS)).await?;
    transaction.commit().await?;
    Ok(job)
}

async fn do_and_conclude(registry: &Registry, job: Job) {
    crate::kill_points::pass("job-taken");
    let done = registry.stopping().run_until_cancelled_owned(do_job(registry, &job)).await;
    let concluded = match done {
        Some(Ok(())) => conclude(registry, &job, None).await,
        None => conclude(registry, &job, Some(("the server stopped".into(), Some(Timestamp::now())))).await,
        Some(Err(error)) => {
            let again_at = (job.attempts < MOST_ATTEMPTS)
                .then(|| Timestamp::now().plus_seconds(5 << job.attempts.min(MOST_ATTEMPTS)));
            tracing::warn!(job = job.id, kind = job.kind, %error, will_retry = again_at.is_some(), "a job failed");
            conclude(registry, &job, Some((error.to_string(), again_at))).await
        }
    };
    if let Err(error) = concluded {
        tracing::warn!(job = job.id, %error, "the end of a job was not recorded; it will run again");
    }
}

async fn do_job(registry: &Registry, job: &Job) -> Result<(), JobError> {
    match job.kind.as_str() {
        VERIFY_RELEASE => {
            let VerifyRelease { release_id } = serde_json::from_str(&job.payload)?;
            Ok(verify_release(registry, release_id, Timestamp::now).await?)
        }
        other => Err(JobError::UnknownKind(other.to_owned())),
    }
}

/// Records the end of a job: done, or failed with its reason and when to try again.
async fn conclude(
    registry: &Registry,
    job: &Job,
    failure: Option<(String, Option<Timestamp>)>,
) -> Result<(), DatabaseError> {
    let mut transaction = registry.database().write().await?;
    match failure {
        None => jobs::finish(&mut transaction, job.id).await?,
        Some((error, again_at)) => jobs::fail(&mut transaction, job.id, &error, again_at).await?,
    }
    transaction.commit().await?;
    Ok(())
}
