//! Namespaces and who is a member of them.

use sqlx::AnyConnection;

use super::DatabaseError;
use super::releases::trust_from_text;
use super::row::corrupt;
use crate::domain::api::MemberRole;
use crate::domain::{Namespace, Timestamp, TrustLevel};

fn role_text(role: MemberRole) -> &'static str {
    match role {
        MemberRole::Owner => "owner",
        MemberRole::Member => "member",
    }
}

fn read_role(text: &str) -> Result<MemberRole, DatabaseError> {
    match text {
        "owner" => Ok(MemberRole::Owner),
        "member" => Ok(MemberRole::Member),
        other => Err(corrupt("role", other)),
    }
}

/// Stores a namespace and gives its id. Breaks `namespaces_name_unique` when taken.
pub async fn insert(
    connection: &mut AnyConnection,
    name: &Namespace,
    now: Timestamp,
) -> Result<i64, DatabaseError> {
    let id = sqlx::query_scalar("INSERT INTO namespaces (name, created_at) VALUES ($1, $2) RETURNING id")
        .bind(name.as_str())
        .bind(now.as_micros())
        .fetch_one(connection)
        .await?;
    Ok(id)
}

/// The id of a namespace.
pub async fn find(connection: &mut AnyConnection, name: &Namespace) -> Result<Option<i64>, DatabaseError> {
    let id = sqlx::query_scalar("SELECT id FROM namespaces WHERE name = $1")
        .bind(name.as_str())
        .fetch_optional(connection)
        .await?;
    Ok(id)
}

/// How far the releases of a namespace are trusted, by the log so far.
pub async fn trust(connection: &mut AnyConnection, namespace_id: i64) -> Result<TrustLevel, DatabaseError> {
    let trust: String = sqlx::query_scalar("SELECT trust FROM namespaces WHERE id = $1")
        .bind(namespace_id)
        .fetch_one(connection)
        .await?;
    trust_from_text(&trust)
}

/// Writes down how far the releases of a namespace are trusted; the sequencer does so.
pub async fn set_trust(
    connection: &mut AnyConnection,
    name: &str,
    level: TrustLevel,
) -> Result<(), DatabaseError> {
    sqlx::query("UPDATE namespaces SET trust = $1 WHERE name = $2")
        .bind(level.to_string())
        .bind(name)
        .execute(connection)
        .await?;
    Ok(())
}

/// A namespace as one account sees it.
#[derive(Debug, Clone, Copy)]
pub struct Membership {
    /// The namespace's row.
    pub namespace_id: i64,
    /// What the account may do there; absent: nothing.
    pub role: Option<MemberRole>,
}

/// The namespace and what this account may do there; `None` when there is no such namespace.
pub async fn membership(
    connection: &mut AnyConnection,
    name: &Namespace,
    account_id: i64,
) -> Result<Option<Membership>, DatabaseError> {
    let row: Option<(i64, Option<String>)> = sqlx::query_as(
        "SELECT n.id, m.role
         FROM namespaces n
         LEFT JOIN namespace_members m ON m.namespace_id = n.id AND m.account_id = $2
         WHERE n.name = $1",
    )
    .bind(name.as_str())
    .bind(account_id)
    .fetch_optional(connection)
    .await?;
    match row {
        Some((namespace_id, role)) => {
            Ok(Some(Membership { namespace_id, role: role.as_deref().map(read_role).transpose()? }))
        }
        None => Ok(None),
    }
}

/// Whether a release was ever published in the namespace.
pub async fn has_releases(connection: &mut AnyConnection, namespace_id: i64) -> Result<bool, DatabaseError> {
    let found: Option<i64> = sqlx::query_scalar(
        "SELECT r.id FROM plugins p JOIN releases r ON r.plugin_id = p.id WHERE p.namespace_id = $1 LIMIT 1",
    )
    .bind(namespace_id)
    .fetch_optional(connection)
    .await?;
    Ok(found.is_some())
}

/// Since when an account owns the namespace, without having left in between; `None`: it does not.
pub async fn owner_since(
    connection: &mut AnyConnection,
    namespace_id: i64,
    account_id: i64,
) -> Result<Option<Timestamp>, DatabaseError> {
    let added_at: Option<i64> = sqlx::query_scalar(
        "SELECT added_at FROM namespace_members WHERE namespace_id = $1 AND account_id = $2 AND role = 'owner'",
    )
    .bind(namespace_id)
    .bind(account_id)
    .fetch_optional(connection)
    .await?;
    Ok(added_at.map(Timestamp::from_micros))
}

/// Makes an account a member, or changes what it may do.
pub async fn set_member(
    connection: &mut AnyConnection,
    namespace_id: i64,
    account_id: i64,
    role: MemberRole,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    sqlx::query(
        "INSERT INTO namespace_members (namespace_id, account_id, role, added_at)
         VALUES ($1, $2, $3, $4)
         ON CONFLICT (namespace_id, account_id) DO UPDATE SET role = excluded.role",
    )
    .bind(namespace_id)
    .bind(account_id)
    .bind(role_text(role))
    .bind(now.as_micros())
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes an account out; `false` when it was no member.
pub async fn remove_member(
    connection: &mut AnyConnection,
    namespace_id: i64,
    account_id: i64,
) -> Result<bool, DatabaseError> {
    let rows = sqlx::query("DELETE FROM namespace_members WHERE namespace_id = $1 AND account_id = $2")
        .bind(namespace_id)
        .bind(account_id)
        .execute(connection)
        .await?
        .rows_affected();
    Ok(rows == 1)
}

/// Holds the members and keys of a namespace still until the transaction ends.
///
/// The lock is the namespace's row, written to: two owners who leave at once cannot each be the last but one.
pub async fn lock(connection: &mut AnyConnection, name: &Namespace) -> Result<(), DatabaseError> {
    sqlx::query("UPDATE namespaces SET created_at = created_at WHERE name = $1")
        .bind(name.as_str())
        .execute(connection)
        .await?;
    Ok(())
}

/// A member by name.
#[derive(Debug, Clone)]
pub struct Member {
    /// The account's name.
    pub account: String,
    /// What it may do.
    pub role: MemberRole,
}

/// The members of a namespace by name.
pub async fn members(
    connection: &mut AnyConnection,
    namespace_id: i64,
) -> Result<Vec<Member>, DatabaseError> {
    let rows: Vec<(String, String)> = sqlx::query_as(
        "SELECT a.name, m.role
         FROM namespace_members m
         JOIN accounts a ON a.id = m.account_id
         WHERE m.namespace_id = $1
         ORDER BY a.name",
    )
    .bind(namespace_id)
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(|(account, role)| Ok(Member { account, role: read_role(&role)? })).collect()
}

/// The namespaces an account is a member of, by name.
pub async fn list_of_account(
    connection: &mut AnyConnection,
    account_id: i64,
) -> Result<Vec<(String, MemberRole)>, DatabaseError> {
    let rows: Vec<(String, String)> = sqlx::query_as(
        "SELECT n.name, m.role
         FROM namespace_members m
         JOIN namespaces n ON n.id = m.namespace_id
         WHERE m.account_id = $1
         ORDER BY n.name",
    )
    .bind(account_id)
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(|(name, role)| Ok((name, read_role(&role)?))).collect()
}
