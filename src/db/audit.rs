//! Audit events: who did what to what, and when.

use sqlx::AnyConnection;

use super::DatabaseError;
use super::row::Columns;
use crate::domain::Timestamp;

/// An audit event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEvent {
    /// Row id.
    pub id: i64,
    /// Who did it; absent: the server itself.
    pub account_id: Option<i64>,
    /// What was done, such as `publish`.
    pub action: String,
    /// To what.
    pub subject: String,
    /// Details, JSON.
    pub detail: String,
    /// When.
    pub created_at: Timestamp,
}

/// Records an event, in the transaction of what it tells of.
pub async fn record(
    connection: &mut AnyConnection,
    account_id: Option<i64>,
    action: &str,
    subject: &str,
    detail: &str,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    sqlx::query(
        "INSERT INTO audit_events (account_id, action, subject, detail, created_at) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(account_id)
    .bind(action)
    .bind(subject)
    .bind(detail)
    .bind(now.as_micros())
    .execute(connection)
    .await?;
    Ok(())
}

/// The newest events before `before_id`.
pub async fn list(
    connection: &mut AnyConnection,
    before_id: i64,
    limit: i64,
) -> Result<Vec<AuditEvent>, DatabaseError> {
    let rows = sqlx::query(
        "SELECT id, account_id, action, subject, detail, created_at FROM audit_events WHERE id < $1 ORDER BY id DESC LIMIT $2",
    )
    .bind(before_id)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(AuditEvent {
                id: row.number("id")?,
                account_id: row.number_or_null("account_id")?,
                action: row.text("action")?,
                subject: row.text("subject")?,
                detail: row.text("detail")?,
                created_at: row.time("created_at")?,
            })
        })
        .collect()
}
