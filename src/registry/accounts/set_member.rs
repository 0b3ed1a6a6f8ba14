//! Adds, changes and removes members of a namespace.

use sqlx::AnyConnection;

use super::access::{AccessError, Caller, require_owner};
use crate::db::{Database, DatabaseError, accounts, audit, namespaces};
use crate::domain::api::MemberRole;
use crate::domain::{Namespace, Refusal, Timestamp};
use crate::registry::append_statement::{AppendError, append_statement};
use crate::trust::{LogEvent, LogStatement, LogSubject, Owners};

/// Why the members stayed as they are.
#[derive(Debug, thiserror::Error)]
pub enum SetMemberError {
    /// The caller may not.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// There is no such account.
    #[error("there is no account {account:?}")]
    UnknownAccount {
        /// The account, cut to a bounded length.
        account: String,
    },
    /// Nobody would own the namespace.
    #[error("the account {account} is the last owner of the namespace {namespace}")]
    LastOwner {
        /// The account.
        account: String,
        /// The namespace.
        namespace: Namespace,
    },
    /// The log cannot hold what it would be told.
    #[error(transparent)]
    Log(#[from] AppendError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl Refusal for SetMemberError {
    fn code(&self) -> &'static str {
        match self {
            Self::Access(error) => error.code(),
            Self::UnknownAccount { .. } => "unknown-account",
            Self::LastOwner { .. } => "last-owner",
            Self::Log(error) => error.code(),
            Self::Database(_) => "internal",
        }
    }

    fn mend(&self) -> Option<String> {
        match self {
            Self::Access(error) => error.mend(),
            Self::UnknownAccount { .. } => {
                Some("Check the name; the account must be registered first.".into())
            }
            Self::LastOwner { .. } => Some("Make another account an owner first.".into()),
            Self::Log(error) => error.mend(),
            Self::Database(_) => None,
        }
    }
}

/// Gives `account` a role in the namespace; without a role it is no member any more. Owners only.
pub async fn set_member(
    database: &Database,
    caller: &Caller,
    namespace: &Namespace,
    account: &str,
    role: Option<MemberRole>,
    now: Timestamp,
) -> Result<(), SetMemberError> {
    let mut transaction = database.write().await?;
    namespaces::lock(&mut transaction, namespace).await?;
    let namespace_id = require_owner(&mut transaction, caller, namespace).await?;
    let member = accounts::find_by_name(&mut transaction, account)
        .await?
        .ok_or_else(|| SetMemberError::UnknownAccount { account: account.chars().take(80).collect() })?;

    let owners_before = owners(&mut transaction, namespace_id).await?;
    match role {
        Some(role) => {
            namespaces::set_member(&mut transaction, namespace_id, member.id, role, now).await?;
        }
        None => {
            namespaces::remove_member(&mut transaction, namespace_id, member.id).await?;
        }
    }
    let owners = owners(&mut transaction, namespace_id).await?;
    if owners.is_empty() {
        return Err(SetMemberError::LastOwner { account: member.name, namespace: namespace.clone() });
    }

    if owners != owners_before {
        let event = LogEvent::OwnerChange(Owners { at: now, owners });
        let statement = LogStatement { subject: LogSubject::Namespace(namespace.clone()), event };
        append_statement(&mut transaction, &statement).await?;
    }
    let detail = serde_json::json!({ "account": member.name, "role": role }).to_string();
    audit::record(&mut transaction, Some(caller.account_id), "set-member", namespace.as_str(), &detail, now)
        .await?;
    transaction.commit().await.map_err(DatabaseError::from)?;
    Ok(())
}

async fn owners(connection: &mut AnyConnection, namespace_id: i64) -> Result<Vec<String>, DatabaseError> {
    let members = namespaces::members(connection, namespace_id).await?;
    let mut owners: Vec<String> = members
        .into_iter()
        .filter(|member| member.role == MemberRole::Owner)
        .map(|member| member.account)
        .collect();
    // By bytes, whatever the database's collation thinks.
    owners.sort_unstable();
    Ok(owners)
}
