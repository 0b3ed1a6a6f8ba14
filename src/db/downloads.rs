//! Download counts, added in batches. A count may be lost, a release may not.

use sqlx::AnyConnection;

use super::DatabaseError;
use super::row::{Columns, as_number};
use super::statement::StatementBuilder;
use crate::domain::PluginName;

/// Downloads of one release on one day since the last flush.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DownloadBatch {
    /// The release.
    pub release_id: i64,
    /// Days since 1970-01-01.
    pub day: i64,
    /// How many.
    pub downloads: u64,
}

/// Adds a batch to the counts per day, per release and per plugin: three statements, whatever its size.
pub async fn add_batch(connection: &mut AnyConnection, batch: &[DownloadBatch]) -> Result<(), DatabaseError> {
    if batch.is_empty() {
        return Ok(());
    }
    let mut days = StatementBuilder::new("INSERT INTO download_counts (release_id, day, downloads) ");
    days.push_values(batch, |mut row, entry| {
        row.push_bind(entry.release_id).push_bind(entry.day).push_bind(as_number(entry.downloads));
    });
    days.push(
        " ON CONFLICT (release_id, day) DO UPDATE SET downloads = download_counts.downloads + excluded.downloads",
    );
    days.build().execute(&mut *connection).await?;

    let mut releases = StatementBuilder::new("UPDATE releases SET downloads = downloads + (CASE id");
    for entry in batch {
        releases
            .push(" WHEN ")
            .push_bind(entry.release_id)
            .push(" THEN ")
            .push_bind(as_number(entry.downloads));
    }
    releases.push(" ELSE 0 END) WHERE id IN (");
    let mut ids = releases.separated(", ");
    for entry in batch {
        ids.push_bind(entry.release_id);
    }
    releases.push(")");
    releases.build().execute(&mut *connection).await?;

    let mut plugins = StatementBuilder::new(
        "UPDATE plugins SET downloads = (SELECT COALESCE(SUM(r.downloads), 0) FROM releases r WHERE r.plugin_id = plugins.id) \
         WHERE id IN (SELECT plugin_id FROM releases WHERE id IN (",
    );
    let mut ids = plugins.separated(", ");
    for entry in batch {
        ids.push_bind(entry.release_id);
    }
    plugins.push("))");
    plugins.build().execute(connection).await?;
    Ok(())
}

/// Downloads of a plugin by day, oldest first, from `first_day` on.
pub async fn by_day(
    connection: &mut AnyConnection,
    plugin: &PluginName,
    first_day: i64,
) -> Result<Vec<(i64, u64)>, DatabaseError> {
    let rows = sqlx::query(
        "SELECT d.day, CAST(SUM(d.downloads) AS BIGINT) AS downloads FROM download_counts d \
         JOIN releases r ON r.id = d.release_id JOIN plugins p ON p.id = r.plugin_id \
         WHERE p.full_name = $1 AND d.day >= $2 GROUP BY d.day ORDER BY d.day",
    )
    .bind(plugin.to_string())
    .bind(first_day)
    .fetch_all(connection)
    .await?;
    rows.iter().map(|row| Ok((row.number("day")?, row.size("downloads")?))).collect()
}
