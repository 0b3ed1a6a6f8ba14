//! One release for a machine: the record and, where asked for, its texts and last verification run.

use super::Registry;
use super::show_release::{ShowError, show_release};
use crate::db::releases::{self, ReleaseRecord, ReleaseTexts};
use crate::db::verification_runs::{self, VerificationRun};
use crate::db::{DatabaseError, downloads};
use crate::domain::{PluginName, ReleaseId, Requirement, Timestamp, Withheld};

/// The visible release of this name and version; one that was taken down is refused with the reason.
pub async fn find_release(registry: &Registry, release: &ReleaseId) -> Result<ReleaseRecord, ShowError> {
    let mut connection = registry.database().read().await?;
    let record = releases::find(&mut connection, release).await?;
    drop(connection);
    match record.filter(|record| record.sequence.is_some()) {
        Some(ReleaseRecord { taken_down: Some(reason), release, .. }) => {
            Err(Withheld::TakenDown { release, reason }.into())
        }
        Some(record) => Ok(record),
        None => Ok(show_release(registry, &release.plugin, Some(&release.version)).await?.record),
    }
}

/// The README, inspection report and attestation of a release.
pub async fn release_texts(registry: &Registry, record: &ReleaseRecord) -> Result<ReleaseTexts, ShowError> {
    let mut connection = registry.database().read().await?;
    let texts = releases::find_texts(&mut connection, record.id).await?;
    Ok(texts.ok_or_else(|| DatabaseError::Corrupt {
        what: "release",
        problem: format!("{} lost its texts", record.release),
    })?)
}

/// The newest verification run of a release, once one ended.
pub async fn newest_verification(
    registry: &Registry,
    record: &ReleaseRecord,
) -> Result<Option<VerificationRun>, ShowError> {
    let mut connection = registry.database().read().await?;
    Ok(verification_runs::newest(&mut connection, record.id).await?)
}

/// Every release of a plugin, the highest version first.
pub async fn list_releases(
    registry: &Registry,
    plugin: &PluginName,
) -> Result<Vec<ReleaseRecord>, ShowError> {
    Ok(show_release(registry, plugin, None).await?.releases)
}

/// The newest releases that depend on a plugin, with what they require.
pub async fn list_dependents(
    registry: &Registry,
    plugin: &PluginName,
    limit: i64,
) -> Result<Vec<(ReleaseId, Requirement)>, ShowError> {
    let mut connection = registry.database().read().await?;
    Ok(releases::list_dependents(&mut connection, plugin, limit).await?)
}

/// Downloads of a plugin by day (counted from 1970-01-01) over the last `days` days.
pub async fn downloads_by_day(
    registry: &Registry,
    plugin: &PluginName,
    days: i64,
    now: Timestamp,
) -> Result<Vec<(i64, u64)>, ShowError> {
    let today = now.as_micros().div_euclid(86_400_000_000);
    let mut connection = registry.database().read().await?;
    Ok(downloads::by_day(&mut connection, plugin, today - days + 1).await?)
}
