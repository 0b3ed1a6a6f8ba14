//! Download counts: added up in memory, written in batches. A count may be lost, a release may not.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::Registry;
use crate::db::downloads::{self, DownloadBatch};
use crate::db::{DatabaseError, releases};
use crate::domain::{Digest, Timestamp};
use crate::kill_points;

const MICROS_A_DAY: i64 = 86_400_000_000;
/// How many releases one flush writes at most; also the bound of what is held.
const MOST_HELD: usize = 10_000;
/// How many rows one statement carries.
const ROWS_AT_ONCE: usize = 500;

/// What was downloaded since the last flush, by package and day.
#[derive(Default)]
pub(super) struct DownloadCounts(Mutex<HashMap<(Digest, i64), u64>>);

impl Registry {
    /// Counts one download. Past the bound of what is held, new packages are not counted until the next flush.
    pub fn count_download(&self, digest: Digest, now: Timestamp) {
        let mut counts = self.shared.downloads.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (digest, now.as_micros().div_euclid(MICROS_A_DAY));
        if counts.len() < MOST_HELD || counts.contains_key(&key) {
            *counts.entry(key).or_default() += 1;
        }
    }

    /// Writes what was counted since the last flush.
    pub(crate) async fn flush_downloads(&self) -> Result<(), DatabaseError> {
        let counts = {
            let mut counts = self.shared.downloads.0.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *counts)
        };
        if counts.is_empty() {
            return Ok(());
        }
        let digests: Vec<Digest> = counts.keys().map(|(digest, _)| *digest).collect();
        let mut releases: HashMap<Digest, i64> = HashMap::new();
        let mut connection = self.database().read().await?;
        for digests in digests.chunks(ROWS_AT_ONCE) {
            releases.extend(releases::ids_of_digests(&mut connection, digests).await?);
        }
        drop(connection);
        let batch: Vec<DownloadBatch> = counts
            .into_iter()
            .filter_map(|((digest, day), downloads)| {
                let release_id = *releases.get(&digest)?;
                Some(DownloadBatch { release_id, day, downloads })
            })
            .collect();
        let mut transaction = self.database().write().await?;
        for rows in batch.chunks(ROWS_AT_ONCE) {
            downloads::add_batch(&mut transaction, rows).await?;
        }
        kill_points::pass("downloads-before-commit");
        transaction.commit().await?;
        kill_points::pass("downloads-after-commit");
        Ok(())
    }
}
