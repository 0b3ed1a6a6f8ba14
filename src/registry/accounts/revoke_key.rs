//! Revokes an author key of a namespace.

use super::access::{AccessError, Caller, require_member};
use crate::db::{Database, DatabaseError, audit, keys, namespaces};
use crate::domain::api::TokenScope;
use crate::domain::{Namespace, Refusal, Timestamp};
use crate::kill_points;
use crate::registry::append_statement::{AppendError, append_statement};
use crate::signing::KeyId;
use crate::trust::{KeyRevocation, LogEvent, LogStatement};

/// Why a key was not revoked.
#[derive(Debug, thiserror::Error)]
pub enum RevokeKeyError {
    /// The caller may not.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The namespace has no such key that still counts.
    #[error("the namespace {namespace} has no key {key_id} that still counts")]
    Unknown {
        /// The namespace.
        namespace: Namespace,
        /// The key.
        key_id: KeyId,
    },
    /// The log cannot hold what it would be told.
    #[error(transparent)]
    Log(#[from] AppendError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl Refusal for RevokeKeyError {
    fn code(&self) -> &'static str {
        match self {
            Self::Access(error) => error.code(),
            Self::Unknown { .. } => "key-not-found",
            Self::Log(error) => error.code(),
            Self::Database(_) => "internal",
        }
    }

    fn mend(&self) -> Option<String> {
        match self {
            Self::Access(error) => error.mend(),
            Self::Unknown { namespace, .. } => {
                Some(format!("GET /api/v1/namespaces/{namespace}/keys lists its keys."))
            }
            Self::Log(error) => error.mend(),
            Self::Database(_) => None,
        }
    }
}

/// Revokes a key; any member may. It counts for nothing that the log holds behind the revocation; what stands
/// before it stays.
pub async fn revoke_key(
    database: &Database,
    caller: &Caller,
    namespace: &Namespace,
    key_id: &KeyId,
    now: Timestamp,
) -> Result<(), RevokeKeyError> {
    let mut transaction = database.write().await?;
    namespaces::lock(&mut transaction, namespace).await?;
    let namespace_id = require_member(&mut transaction, caller, namespace, TokenScope::Publish).await?;
    if !keys::revoke(&mut transaction, namespace_id, &key_id.to_hex(), now).await? {
        return Err(RevokeKeyError::Unknown { namespace: namespace.clone(), key_id: *key_id });
    }
    let revocation = KeyRevocation { at: now, from_index: None, account: caller.account.clone() };
    let statement = LogStatement::of_key(namespace, *key_id, LogEvent::KeyRevoke(revocation));
    append_statement(&mut transaction, &statement).await?;
    let fact = serde_json::json!({
        "namespace": namespace, "key_id": key_id.to_hex(), "account": caller.account,
    })
    .to_string();
    let subject = statement.subject.to_key();
    audit::record(&mut transaction, Some(caller.account_id), "revoke-key", &subject, &fact, now).await?;
    kill_points::pass("revoke-before-commit");
    transaction.commit().await.map_err(DatabaseError::from)?;
    kill_points::pass("revoke-after-commit");
    Ok(())
}
