//! The versions of the trust document: which keys stand for this registry.

use sqlx::AnyConnection;

use super::DatabaseError;
use super::row::as_number;
use crate::domain::Timestamp;

/// The envelope of every version as JSON, the oldest first.
pub async fn list(connection: &mut AnyConnection) -> Result<Vec<String>, DatabaseError> {
    let envelopes = sqlx::query_scalar("SELECT envelope FROM trust_documents ORDER BY version")
        .fetch_all(connection)
        .await?;
    Ok(envelopes)
}

/// Adds a version. Breaks `trust_documents_pk` when there is one of that number.
pub async fn insert(
    connection: &mut AnyConnection,
    version: u64,
    envelope: &str,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    sqlx::query("INSERT INTO trust_documents (version, envelope, created_at) VALUES ($1, $2, $3)")
        .bind(as_number(version))
        .bind(envelope)
        .bind(now.as_micros())
        .execute(connection)
        .await?;
    Ok(())
}

/// Whether the log was ever signed.
pub async fn has_signed_log(connection: &mut AnyConnection) -> Result<bool, DatabaseError> {
    let heads: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM log_head").fetch_one(connection).await?;
    Ok(heads > 0)
}
