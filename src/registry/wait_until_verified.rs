//! Waiting for the end of a verification run instead of asking again and again.

use std::time::Duration;

use super::Registry;
use super::find_release::find_release;
use super::show_release::ShowError;
use crate::db::releases::ReleaseRecord;
use crate::domain::{ReleaseId, VerificationState};

/// Waits until the verification run of a release ended or `patience` has, and gives the release as it is then.
pub async fn wait_until_verified(
    registry: &Registry,
    release: &ReleaseId,
    patience: Duration,
) -> Result<ReleaseRecord, ShowError> {
    let mut changes = registry.shared.projections.watch();
    let until_verified = async {
        loop {
            changes.mark_unchanged();
            let record = find_release(registry, release).await?;
            if record.verification != VerificationState::Pending || changes.changed().await.is_err() {
                return Ok(record);
            }
        }
    };
    match tokio::time::timeout(patience, until_verified).await {
        Ok(record) => record,
        Err(_) => find_release(registry, release).await,
    }
}
