//! Author keys: which keys sign for a namespace, from when on, and until which place in the log.

use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::row::{Columns, as_number, corrupt};
use super::{DatabaseError, Dialect};
use crate::domain::Timestamp;
use crate::domain::api::KeyState;

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
    /// From when on it counts; absent: that waits for an approval.
    pub counts_from: Option<Timestamp>,
    /// Hexadecimal id of the key that signed it in.
    pub endorsed_by: Option<&'a str>,
}

/// A key as stored.
#[derive(Debug, Clone)]
pub struct AuthorKey {
    /// Row id.
    pub id: i64,
    /// Hexadecimal SHA-256 of the public key.
    pub key_id: String,
    /// The 32 bytes of the public key.
    pub public_key: [u8; 32],
    /// A name for people.
    pub label: String,
    /// The account that asked for it.
    pub enrolled_by: i64,
    /// That account's name.
    pub account: String,
    /// When it was asked for.
    pub enrolled_at: Timestamp,
    /// From when on it counts; absent: that waits for an approval.
    pub counts_from: Option<Timestamp>,
    /// Hexadecimal id of the key that signed it in.
    pub endorsed_by: Option<String>,
    /// Place of its enrolment in the log; absent: not in the log yet.
    pub enrolled_sequence: Option<u64>,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Timestamp>,
    /// Place in the log of the revocation that counts; absent until it is in the log.
    pub revoked_sequence: Option<u64>,
    /// The log index from which on it counts for nothing; absent until the revocation is in the log, or not revoked.
    pub revoked_from: Option<u64>,
}

impl AuthorKey {
    /// Whether its signature counts at `now`.
    pub fn state(&self, now: Timestamp) -> KeyState {
        if self.revoked_at.is_some() {
            return KeyState::Revoked;
        }
        waiting_state(self.counts_from, self.enrolled_at, self.endorsed_by.is_some(), now)
    }

    /// The log index of its enrolment.
    pub fn enrolled_index(&self) -> Option<u64> {
        self.enrolled_sequence.map(|sequence| sequence.saturating_sub(1))
    }
}

/// The state of a key that is not revoked. One that counts at once, like one that is endorsed, does so whatever the
/// clock of a replica says.
fn waiting_state(
    counts_from: Option<Timestamp>,
    enrolled_at: Timestamp,
    is_endorsed: bool,
    now: Timestamp,
) -> KeyState {
    match counts_from {
        None => KeyState::NeedsApproval,
        Some(from) if is_endorsed || from <= enrolled_at || from <= now => KeyState::Counts,
        Some(_) => KeyState::Waiting,
    }
}

const KEY: &str = "SELECT k.id, k.key_id, k.public_key, k.label, k.enrolled_by, a.name AS account, k.enrolled_at, \
     k.counts_from, k.endorsed_by, k.enrolled_sequence, k.revoked_at, k.revoked_sequence, k.revoked_from \
     FROM author_keys k JOIN accounts a ON a.id = k.enrolled_by";

fn statement(tail: &str) -> sqlx::AssertSqlSafe<String> {
    // Both halves are constants of this file; nothing a user sends gets here.
    sqlx::AssertSqlSafe(format!("{KEY}{tail}"))
}

fn read_key(row: &AnyRow) -> Result<AuthorKey, DatabaseError> {
    let public_key =
        row.bytes("public_key")?.try_into().map_err(|_| corrupt("public_key", "it is not 32 bytes"))?;
    let place =
        |column| Ok::<_, DatabaseError>(row.number_or_null(column)?.and_then(|n| u64::try_from(n).ok()));
    Ok(AuthorKey {
        id: row.number("id")?,
        key_id: row.text("key_id")?,
        public_key,
        label: row.text("label")?,
        enrolled_by: row.number("enrolled_by")?,
        account: row.text("account")?,
        enrolled_at: row.time("enrolled_at")?,
        counts_from: row.time_or_null("counts_from")?,
        endorsed_by: row.text_or_null("endorsed_by")?,
        enrolled_sequence: place("enrolled_sequence")?,
        revoked_at: row.time_or_null("revoked_at")?,
        revoked_sequence: place("revoked_sequence")?,
        revoked_from: place("revoked_from")?,
    })
}

/// Enrols a key. Breaks `author_keys_namespace_key_unique` when it was enrolled before, revoked or not.
pub async fn insert(connection: &mut AnyConnection, key: &NewKey<'_>) -> Result<(), DatabaseError> {
    sqlx::query(
        "INSERT INTO author_keys (namespace_id, key_id, public_key, label, enrolled_by, enrolled_at, counts_from,
             endorsed_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(key.namespace_id)
    .bind(key.key_id)
    .bind(key.public_key.as_slice())
    .bind(key.label)
    .bind(key.enrolled_by)
    .bind(key.enrolled_at.as_micros())
    .bind(key.counts_from.map(Timestamp::as_micros))
    .bind(key.endorsed_by)
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
    let row = sqlx::query(statement(" WHERE k.namespace_id = $1 AND k.key_id = $2"))
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
    let rows = sqlx::query(statement(" WHERE k.namespace_id = $1 ORDER BY k.id"))
        .bind(namespace_id)
        .fetch_all(connection)
        .await?;
    rows.iter().map(read_key).collect()
}

/// Revokes a key, or revokes it once more from an earlier log index. `from_index` absent: from its own place on.
pub async fn revoke(
    connection: &mut AnyConnection,
    author_key_id: i64,
    from_index: Option<u64>,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let rows = sqlx::query(
        "UPDATE author_keys SET revoked_at = COALESCE(revoked_at, $1), revoked_from = $2 WHERE id = $3",
    )
    .bind(now.as_micros())
    .bind(from_index.map(as_number))
    .bind(author_key_id)
    .execute(connection)
    .await?
    .rows_affected();
    super::expect_rows("keys::revoke", rows, 1)
}

/// Lets a key that does not count yet count from another moment on; `endorsed_by` signed it in, if one did.
pub async fn set_counts_from(
    connection: &mut AnyConnection,
    author_key_id: i64,
    counts_from: Timestamp,
    endorsed_by: Option<&str>,
) -> Result<(), DatabaseError> {
    let rows = sqlx::query(
        "UPDATE author_keys SET counts_from = $1, endorsed_by = $2 WHERE id = $3 AND revoked_at IS NULL",
    )
    .bind(counts_from.as_micros())
    .bind(endorsed_by)
    .bind(author_key_id)
    .execute(connection)
    .await?
    .rows_affected();
    super::expect_rows("keys::set_counts_from", rows, 1)
}

/// Forgets a key that waits for an approval, with the approvals it has: it never was in the log.
pub async fn remove(connection: &mut AnyConnection, author_key_id: i64) -> Result<(), DatabaseError> {
    sqlx::query("DELETE FROM key_approvals WHERE author_key_id = $1")
        .bind(author_key_id)
        .execute(&mut *connection)
        .await?;
    let rows = sqlx::query(
        "DELETE FROM author_keys WHERE id = $1 AND counts_from IS NULL AND enrolled_sequence IS NULL",
    )
    .bind(author_key_id)
    .execute(connection)
    .await?
    .rows_affected();
    super::expect_rows("keys::remove", rows, 1)
}

/// Notes that an account approves a key; twice is once.
pub async fn approve(
    connection: &mut AnyConnection,
    author_key_id: i64,
    account_id: i64,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    sqlx::query(
        "INSERT INTO key_approvals (author_key_id, account_id, approved_at)
         VALUES ($1, $2, $3)
         ON CONFLICT (author_key_id, account_id) DO NOTHING",
    )
    .bind(author_key_id)
    .bind(account_id)
    .bind(now.as_micros())
    .execute(connection)
    .await?;
    Ok(())
}

/// Somebody who approved a key.
#[derive(Debug, Clone)]
pub struct Approval {
    /// Row id of the key.
    pub author_key_id: i64,
    /// The account.
    pub account_id: i64,
    /// Its name.
    pub account: String,
}

/// The approvals of a namespace's keys, in the order of the accounts' names.
pub async fn approvals(
    connection: &mut AnyConnection,
    namespace_id: i64,
) -> Result<Vec<Approval>, DatabaseError> {
    let rows = sqlx::query(
        "SELECT p.author_key_id, p.account_id, a.name AS account
         FROM key_approvals p
         JOIN author_keys k ON k.id = p.author_key_id
         JOIN accounts a ON a.id = p.account_id
         WHERE k.namespace_id = $1
         ORDER BY a.name",
    )
    .bind(namespace_id)
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Approval {
                author_key_id: row.number("author_key_id")?,
                account_id: row.number("account_id")?,
                account: row.text("account")?,
            })
        })
        .collect()
}

/// What the committer finds about the key of a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// It counts, and does so until the transaction ends.
    Counts,
    /// It does not count yet.
    Waiting {
        /// From when on it will; absent: that waits for an approval.
        until: Option<Timestamp>,
    },
    /// It does not count any more, or never did.
    Gone,
}

/// Whether a key counts at `now`, which then holds until the transaction ends: a revocation comes before or after.
pub async fn hold(
    connection: &mut AnyConnection,
    dialect: Dialect,
    namespace_id: i64,
    key_id: &str,
    now: Timestamp,
) -> Result<Held, DatabaseError> {
    let row =
        sqlx::query(dialect.hold_key()).bind(namespace_id).bind(key_id).fetch_optional(connection).await?;
    let Some(row) = row else { return Ok(Held::Gone) };
    let until = row.time_or_null("counts_from")?;
    let is_endorsed = row.text_or_null("endorsed_by")?.is_some();
    Ok(match waiting_state(until, row.time("enrolled_at")?, is_endorsed, now) {
        KeyState::Counts => Held::Counts,
        _ => Held::Waiting { until },
    })
}

/// Notes where in the log an enrolment stands.
pub async fn set_enrolled_sequence(
    connection: &mut AnyConnection,
    namespace: &str,
    key_id: &str,
    sequence: u64,
) -> Result<(), DatabaseError> {
    let rows = sqlx::query(
        "UPDATE author_keys
         SET enrolled_sequence = $1
         WHERE key_id = $2 AND namespace_id = (SELECT id FROM namespaces WHERE name = $3)",
    )
    .bind(as_number(sequence))
    .bind(key_id)
    .bind(namespace)
    .execute(connection)
    .await?
    .rows_affected();
    super::expect_rows("keys::set_enrolled_sequence", rows, 1)
}

/// Notes where in the log a revocation stands; from its own index on the key counts for nothing, or from an
/// earlier one that was named. Gives that index.
pub async fn set_revoked_sequence(
    connection: &mut AnyConnection,
    namespace: &str,
    key_id: &str,
    sequence: u64,
) -> Result<u64, DatabaseError> {
    let own_index = as_number(sequence.saturating_sub(1));
    let row = sqlx::query(
        "UPDATE author_keys
         SET revoked_sequence = $1,
             revoked_from = CASE WHEN revoked_from < $2 THEN revoked_from ELSE $2 END
         WHERE key_id = $3 AND namespace_id = (SELECT id FROM namespaces WHERE name = $4)
         RETURNING revoked_from",
    )
    .bind(as_number(sequence))
    .bind(own_index)
    .bind(key_id)
    .bind(namespace)
    .fetch_optional(connection)
    .await?;
    let row =
        row.ok_or(DatabaseError::UnexpectedRows { statement: "keys::set_revoked_sequence", rows: 0 })?;
    row.size("revoked_from")
}
