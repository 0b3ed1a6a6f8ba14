//! Accounts: who is known to the registry.

use sqlx::AnyConnection;

use super::DatabaseError;
use crate::domain::Timestamp;

/// An account as stored.
#[derive(Clone)]
pub struct Account {
    /// Its row.
    pub id: i64,
    /// Its name, written like a namespace.
    pub name: String,
    /// PHC string of the password; text that is none matches no password.
    pub password_hash: String,
    /// Whether it operates the registry.
    pub is_operator: bool,
}

/// An account to be stored.
pub struct NewAccount<'a> {
    /// Its name.
    pub name: &'a str,
    /// Address for notices.
    pub email: &'a str,
    /// PHC string of the password.
    pub password_hash: &'a str,
    /// Whether it operates the registry.
    pub is_operator: bool,
    /// When it is made.
    pub created_at: Timestamp,
}

type AccountRow = (i64, String, String, i64);

impl From<AccountRow> for Account {
    fn from((id, name, password_hash, is_operator): AccountRow) -> Self {
        Self { id, name, password_hash, is_operator: is_operator != 0 }
    }
}

/// Stores an account and gives its id. Breaks `accounts_name_unique` or `accounts_email_unique` when taken.
pub async fn insert(connection: &mut AnyConnection, account: &NewAccount<'_>) -> Result<i64, DatabaseError> {
    let id = sqlx::query_scalar(
        "INSERT INTO accounts (name, email, password_hash, is_operator, created_at)
         VALUES ($1, $2, $3, $4, $5)
         RETURNING id",
    )
    .bind(account.name)
    .bind(account.email)
    .bind(account.password_hash)
    .bind(i64::from(account.is_operator))
    .bind(account.created_at.as_micros())
    .fetch_one(connection)
    .await?;
    Ok(id)
}

/// The account with this name.
pub async fn find_by_name(
    connection: &mut AnyConnection,
    name: &str,
) -> Result<Option<Account>, DatabaseError> {
    let row: Option<AccountRow> =
        sqlx::query_as("SELECT id, name, password_hash, is_operator FROM accounts WHERE name = $1")
            .bind(name)
            .fetch_optional(connection)
            .await?;
    Ok(row.map(Account::from))
}

/// Whether any account operates the registry.
pub async fn has_operator(connection: &mut AnyConnection) -> Result<bool, DatabaseError> {
    let found: Option<i64> = sqlx::query_scalar("SELECT id FROM accounts WHERE is_operator = 1 LIMIT 1")
        .fetch_optional(connection)
        .await?;
    Ok(found.is_some())
}

/// Replaces an account's password.
pub async fn set_password_hash(
    connection: &mut AnyConnection,
    account_id: i64,
    password_hash: &str,
) -> Result<(), DatabaseError> {
    let rows = sqlx::query("UPDATE accounts SET password_hash = $1 WHERE id = $2")
        .bind(password_hash)
        .bind(account_id)
        .execute(connection)
        .await?
        .rows_affected();
    super::expect_rows("accounts::set_password_hash", rows, 1)
}
