//! Sweeping packages that no release holds: what a publish left that was killed after its blob and before its rows.

use std::collections::BTreeSet;

use futures::TryStreamExt as _;

use super::Registry;
use crate::db::{DatabaseError, releases};
use crate::domain::{Digest, Timestamp};
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
    for chunk in old.chunks(DIGESTS_AT_ONCE) {
        let mut connection = registry.database().read().await?;
        let held: BTreeSet<Digest> =
            releases::held_digests(&mut connection, chunk).await?.into_iter().collect();
        drop(connection);
        for digest in chunk.iter().filter(|digest| !held.contains(digest)) {
            registry.storage().delete_blob(*digest).await?;
            removed += 1;
        }
    }
    Ok(removed)
}
