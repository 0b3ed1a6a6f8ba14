//! Download counts: added up in memory, written in batches. A count may be lost, a release may not.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::Registry;
use crate::db::downloads::{self, DownloadBatch};
use crate::db::{DatabaseError, releases};
use crate::domain::{ReleaseId, Timestamp};
use crate::kill_points;

const MICROS_A_DAY: i64 = 86_400_000_000;
/// How many releases one flush writes at most; also the bound of what is held.
const MOST_HELD: usize = 10_000;
/// How many rows one statement carries.
const ROWS_AT_ONCE: usize = 500;

/// What was downloaded since the last flush, by release and day.
#[derive(Default)]
pub(super) struct DownloadCounts(Mutex<HashMap<(ReleaseId, i64), u64>>);

impl Registry {
    /// Counts one download. Past the bound of what is held, new releases are not counted until the next flush.
    pub fn count_download(&self, release: &ReleaseId, now: Timestamp) {
        let mut counts = self.shared.downloads.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (release.clone(), now.as_micros().div_euclid(MICROS_A_DAY));
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
        let mut batch = Vec::with_capacity(counts.len());
        let mut connection = self.database().read().await?;
        for ((release, day), downloads) in counts {
            if let Some(record) = releases::find(&mut connection, &release).await? {
                batch.push(DownloadBatch { release_id: record.id, day, downloads });
            }
        }
        drop(connection);
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
