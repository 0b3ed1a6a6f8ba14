//! API tokens. Their text is never stored, only its SHA-256.

use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::DatabaseError;
use super::row::Columns;
use crate::domain::{Digest, Timestamp};

/// A token to be stored.
pub struct NewToken<'a> {
    /// The account it acts for.
    pub account_id: i64,
    /// SHA-256 of its text.
    pub token_hash: Digest,
    /// A name for people.
    pub label: &'a str,
    /// JSON list of what it may be used for.
    pub scopes: &'a str,
    /// JSON list of the namespaces it works in; absent: all of the account's.
    pub namespaces: Option<&'a str>,
    /// When it is made.
    pub created_at: Timestamp,
    /// When it stops working; absent: never.
    pub expires_at: Option<Timestamp>,
}

/// A token as stored, with the account it acts for.
pub struct Token {
    /// Its row.
    pub id: i64,
    /// A name for people.
    pub label: String,
    /// JSON list of what it may be used for.
    pub scopes: String,
    /// JSON list of the namespaces it works in; absent: all of the account's.
    pub namespaces: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops working; absent: never.
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to within some minutes.
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Timestamp>,
    /// The account it acts for.
    pub account_id: i64,
    /// That account's name.
    pub account: String,
    /// Whether that account operates the registry.
    pub is_operator: bool,
}

fn read_token(row: &AnyRow) -> Result<Token, DatabaseError> {
    Ok(Token {
        id: row.number("id")?,
        label: row.text("label")?,
        scopes: row.text("scopes")?,
        namespaces: row.text_or_null("namespaces")?,
        created_at: row.time("created_at")?,
        expires_at: row.time_or_null("expires_at")?,
        last_used_at: row.time_or_null("last_used_at")?,
        revoked_at: row.time_or_null("revoked_at")?,
        account_id: row.number("account_id")?,
        account: row.text("account")?,
        is_operator: row.flag("is_operator")?,
    })
}

/// Stores a token and gives its id.
pub async fn insert(connection: &mut AnyConnection, token: &NewToken<'_>) -> Result<i64, DatabaseError> {
    let id = sqlx::query_scalar(
        "INSERT INTO tokens (account_id, token_hash, label, scopes, namespaces, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         RETURNING id",
    )
    .bind(token.account_id)
    .bind(token.token_hash.as_bytes().as_slice())
    .bind(token.label)
    .bind(token.scopes)
    .bind(token.namespaces)
    .bind(token.created_at.as_micros())
    .bind(token.expires_at.map(Timestamp::as_micros))
    .fetch_one(connection)
    .await?;
    Ok(id)
}

/// The token whose text has this SHA-256, expired and revoked ones too.
pub async fn find_by_hash(
    connection: &mut AnyConnection,
    token_hash: Digest,
) -> Result<Option<Token>, DatabaseError> {
    let row = sqlx::query(
        "SELECT t.id, t.label, t.scopes, t.namespaces, t.created_at, t.expires_at, t.last_used_at,
                t.revoked_at, t.account_id, a.name AS account, a.is_operator
         FROM tokens t
         JOIN accounts a ON a.id = t.account_id
         WHERE t.token_hash = $1",
    )
    .bind(token_hash.as_bytes().as_slice())
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(read_token).transpose()
}

/// The tokens of an account that are not revoked, newest first.
pub async fn list_of_account(
    connection: &mut AnyConnection,
    account_id: i64,
) -> Result<Vec<Token>, DatabaseError> {
    let rows = sqlx::query(
        "SELECT t.id, t.label, t.scopes, t.namespaces, t.created_at, t.expires_at, t.last_used_at,
                t.revoked_at, t.account_id, a.name AS account, a.is_operator
         FROM tokens t
         JOIN accounts a ON a.id = t.account_id
         WHERE t.account_id = $1 AND t.revoked_at IS NULL
         ORDER BY t.id DESC",
    )
    .bind(account_id)
    .fetch_all(connection)
    .await?;
    rows.iter().map(read_token).collect()
}

/// How many tokens of an account work at `now`.
pub async fn count_of_account(
    connection: &mut AnyConnection,
    account_id: i64,
    now: Timestamp,
) -> Result<u64, DatabaseError> {
    let row = sqlx::query(
        "SELECT COUNT(*) AS tokens FROM tokens
         WHERE account_id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)",
    )
    .bind(account_id)
    .bind(now.as_micros())
    .fetch_one(connection)
    .await?;
    row.size("tokens")
}

/// Ends all but the newest tokens of an account that have this label.
pub async fn keep_newest(
    connection: &mut AnyConnection,
    account_id: i64,
    label: &str,
    kept: i64,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    sqlx::query(
        "UPDATE tokens SET revoked_at = $1
         WHERE account_id = $2 AND label = $3 AND revoked_at IS NULL AND id <= (
             SELECT id FROM tokens
             WHERE account_id = $4 AND label = $5 AND revoked_at IS NULL
             ORDER BY id DESC LIMIT 1 OFFSET $6)",
    )
    .bind(now.as_micros())
    .bind(account_id)
    .bind(label)
    .bind(account_id)
    .bind(label)
    .bind(kept)
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes that a token was used.
pub async fn touch(
    connection: &mut AnyConnection,
    token_id: i64,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    sqlx::query("UPDATE tokens SET last_used_at = $1 WHERE id = $2")
        .bind(now.as_micros())
        .bind(token_id)
        .execute(connection)
        .await?;
    Ok(())
}

/// Ends a token of this account; `false` when the account has no such working token.
pub async fn revoke(
    connection: &mut AnyConnection,
    account_id: i64,
    token_id: i64,
    now: Timestamp,
) -> Result<bool, DatabaseError> {
    let rows = sqlx::query(
        "UPDATE tokens SET revoked_at = $1 WHERE id = $2 AND account_id = $3 AND revoked_at IS NULL",
    )
    .bind(now.as_micros())
    .bind(token_id)
    .bind(account_id)
    .execute(connection)
    .await?
    .rows_affected();
    Ok(rows == 1)
}
