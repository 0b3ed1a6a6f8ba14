//! Sweeping packages that no release holds: what a publish left that was killed after its blob and before its rows.

use std::collections::BTreeSet;

use futures::TryStreamExt as _;
use sqlx::AnyConnection;

use super::Registry;
use crate::db::{DatabaseError, log, releases};
use crate::domain::{Digest, Timestamp};
use crate::kill_points;
use crate::storage::StorageError;

/// A package younger than this may belong to a publish on its way, here or on another replica.
const GRACE_SECONDS: i64 = 24 * 3_600;
/// How many digests one look-up asks for.
const DIGESTS_AT_ONCE: usize = 500;

/// Why the sweep broke off; what it had removed stays removed.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The object store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Removes packages that no release holds and that are older than a day; returns how many.
pub async fn sweep_blobs(registry: &Registry, now: Timestamp) -> Result<usize, SweepError> {
    let youngest = now.plus_seconds(-GRACE_SECONDS);
    let old: Vec<Digest> = registry
        .storage()
        .list_blobs()
        .try_filter_map(|blob| async move { Ok((blob.modified_at < youngest).then_some(blob.digest)) })
        .try_collect()
        .await?;
    let mut removed = 0;
    kill_points::pass("sweep-listed");
    for chunk in old.chunks(DIGESTS_AT_ONCE) {
        let mut connection = registry.database().read().await?;
        let held = held_of(&mut connection, chunk).await?;
        drop(connection);
        let free: Vec<Digest> = chunk.iter().filter(|digest| !held.contains(digest)).copied().collect();
        removed += remove(registry, &free, youngest).await?;
    }
    Ok(removed)
}

/// Removes what no release holds. While the sequencer's lock is held nothing is committed, so a publish that found
/// its package in the store either holds it already or finds it gone when it commits.
async fn remove(registry: &Registry, digests: &[Digest], youngest: Timestamp) -> Result<usize, SweepError> {
    let mut removed = 0;
    for digest in digests {
        let mut transaction = registry.database().write().await?;
        log::lock_sequencer(&mut transaction, registry.database().dialect()).await?;
        let is_held = !held_of(&mut transaction, &[*digest]).await?.is_empty();
        let is_old = registry.storage().blob_written_at(*digest).await?.is_some_and(|at| at < youngest);
        if is_old && !is_held {
            kill_points::pass("sweep-before-delete");
            registry.storage().delete_blob(*digest).await?;
            kill_points::pass("sweep-after-delete");
            removed += 1;
        }
        transaction.rollback().await.map_err(DatabaseError::from)?;
    }
    Ok(removed)
}

async fn held_of(
    connection: &mut AnyConnection,
    digests: &[Digest],
) -> Result<BTreeSet<Digest>, DatabaseError> {
    Ok(releases::held_digests(connection, digests).await?.into_iter().collect())
}
