//! What operators hold against releases: quarantine, takedown, recall.

use sqlx::AnyConnection;

use super::DatabaseError;
use super::releases::{ReleaseRecord, expect_one, record_statement, release_record};
use super::row::Columns;
use crate::domain::{Digest, ObjectionKind};

fn column(kind: ObjectionKind) -> &'static str {
    match kind {
        ObjectionKind::TakenDown => "taken_down",
        ObjectionKind::Quarantined => "quarantined",
        ObjectionKind::Recalled => "recalled",
    }
}

/// Sets the reason of an objection against a release, or lifts it.
pub async fn set(
    connection: &mut AnyConnection,
    release_id: i64,
    kind: ObjectionKind,
    reason: Option<&str>,
) -> Result<(), DatabaseError> {
    let sql = sqlx::AssertSqlSafe(format!("UPDATE releases SET {} = $1 WHERE id = $2", column(kind)));
    let result = sqlx::query(sql).bind(reason).bind(release_id).execute(connection).await?;
    expect_one("objections::set", result.rows_affected())
}

/// Releases under an objection of this kind, or of any, behind the row `after`, in the order of publishing.
pub async fn list(
    connection: &mut AnyConnection,
    kind: Option<ObjectionKind>,
    after: i64,
    limit: i64,
) -> Result<Vec<ReleaseRecord>, DatabaseError> {
    let held = match kind {
        Some(kind) => format!("r.{} IS NOT NULL", column(kind)),
        None => {
            "(r.taken_down IS NOT NULL OR r.quarantined IS NOT NULL OR r.recalled IS NOT NULL)".to_owned()
        }
    };
    let sql = record_statement(&format!(" WHERE r.id > $1 AND {held} ORDER BY r.id LIMIT $2"));
    let rows = sqlx::query(sql).bind(after).bind(limit).fetch_all(connection).await?;
    rows.iter().map(release_record).collect()
}

/// The packages of releases that were taken down: none of them may be in the object store.
pub async fn taken_down_digests(connection: &mut AnyConnection) -> Result<Vec<Digest>, DatabaseError> {
    let rows = sqlx::query("SELECT digest FROM releases WHERE taken_down IS NOT NULL ORDER BY id")
        .fetch_all(connection)
        .await?;
    rows.iter().map(|row| row.digest("digest")).collect()
}
