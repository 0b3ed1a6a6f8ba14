//! Author keys: which keys sign for a namespace.

use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::row::{Columns, as_number, corrupt};
use super::{DatabaseError, Dialect};
use crate::domain::Timestamp;

/// A key to be enrolled.
pub struct NewKey<'a> {
    /// The namespace it signs for.
    pub namespace_id: i64,
    /// Hexadecimal SHA-256 of the public key.
    pub key_id: &'a str,
    /// The 32 bytes of the public key.
    pub public_key: &'a [u8; 32],
    /// A name for people.
    pub label: &'a str,
    /// The account that enrols it.
    pub enrolled_by: i64,
    /// When.
    pub enrolled_at: Timestamp,
}

/// A key as stored.
#[derive(Debug, Clone)]
pub struct AuthorKey {
    /// Hexadecimal SHA-256 of the public key.
    pub key_id: String,
    /// The 32 bytes of the public key.
    pub public_key: [u8; 32],
    /// A name for people.
    pub label: String,
    /// When it was enrolled.
    pub enrolled_at: Timestamp,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Timestamp>,
    /// The log sequence after which it no longer counts; absent until the revocation is in the log.
    pub revoked_sequence: Option<i64>,
}

fn read_key(row: &AnyRow) -> Result<AuthorKey, DatabaseError> {
    let public_key =
        row.bytes("public_key")?.try_into().map_err(|_| corrupt("public_key", "it is not 32 bytes"))?;
    Ok(AuthorKey {
        key_id: row.text("key_id")?,
        public_key,
        label: row.text("label")?,
        enrolled_at: row.time("enrolled_at")?,
        revoked_at: row.time_or_null("revoked_at")?,
        revoked_sequence: row.number_or_null("revoked_sequence")?,
    })
}

/// Enrols a key. Breaks `author_keys_namespace_key_unique` when it was enrolled before, revoked or not.
pub async fn insert(connection: &mut AnyConnection, key: &NewKey<'_>) -> Result<(), DatabaseError> {
    sqlx::query(
        "INSERT INTO author_keys (namespace_id, key_id, public_key, label, enrolled_by, enrolled_at)
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(key.namespace_id)
    .bind(key.key_id)
    .bind(key.public_key.as_slice())
    .bind(key.label)
    .bind(key.enrolled_by)
    .bind(key.enrolled_at.as_micros())
    .execute(connection)
    .await?;
    Ok(())
}

/// A key of a namespace, revoked or not.
pub async fn find(
    connection: &mut AnyConnection,
    namespace_id: i64,
    key_id: &str,
) -> Result<Option<AuthorKey>, DatabaseError> {
    let row = sqlx::query(
        "SELECT key_id, public_key, label, enrolled_at, revoked_at, revoked_sequence
         FROM author_keys
         WHERE namespace_id = $1 AND key_id = $2",
    )
    .bind(namespace_id)
    .bind(key_id)
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(read_key).transpose()
}

/// Every key of a namespace, in the order of enrolment.
pub async fn list(
    connection: &mut AnyConnection,
    namespace_id: i64,
) -> Result<Vec<AuthorKey>, DatabaseError> {
    let rows = sqlx::query(
        "SELECT key_id, public_key, label, enrolled_at, revoked_at, revoked_sequence
         FROM author_keys
         WHERE namespace_id = $1
         ORDER BY id",
    )
    .bind(namespace_id)
    .fetch_all(connection)
    .await?;
    rows.iter().map(read_key).collect()
}

/// Revokes a key; `false` when there is no such key that still counts.
pub async fn revoke(
    connection: &mut AnyConnection,
    namespace_id: i64,
    key_id: &str,
    now: Timestamp,
) -> Result<bool, DatabaseError> {
    let rows = sqlx::query(
        "UPDATE author_keys
         SET revoked_at = $1
         WHERE namespace_id = $2 AND key_id = $3 AND revoked_at IS NULL",
    )
    .bind(now.as_micros())
    .bind(namespace_id)
    .bind(key_id)
    .execute(connection)
    .await?
    .rows_affected();
    Ok(rows == 1)
}

/// Whether a key counts, which then holds until the transaction ends: a revocation comes before or after.
pub async fn hold(
    connection: &mut AnyConnection,
    dialect: Dialect,
    namespace_id: i64,
    key_id: &str,
) -> Result<bool, DatabaseError> {
    let found: Option<i64> = sqlx::query_scalar(dialect.hold_key())
        .bind(namespace_id)
        .bind(key_id)
        .fetch_optional(connection)
        .await?;
    Ok(found.is_some())
}

/// Notes where in the log a revocation stands, behind which the key no longer counts.
pub async fn set_revoked_sequence(
    connection: &mut AnyConnection,
    namespace: &str,
    key_id: &str,
    sequence: u64,
) -> Result<(), DatabaseError> {
    let rows = sqlx::query(
        "UPDATE author_keys
         SET revoked_sequence = $1
         WHERE key_id = $2 AND namespace_id = (SELECT id FROM namespaces WHERE name = $3)",
    )
    .bind(as_number(sequence))
    .bind(key_id)
    .bind(namespace)
    .execute(connection)
    .await?
    .rows_affected();
    super::expect_rows("keys::set_revoked_sequence", rows, 1)
}
