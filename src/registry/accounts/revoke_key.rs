//! Revokes an author key of a namespace.

use super::access::{AccessError, Caller, require_member};
use super::log_kinds;
use crate::db::{Database, DatabaseError, audit, keys, log, namespaces};
use crate::domain::api::TokenScope;
use crate::domain::{Namespace, Refusal, Timestamp};
use crate::signing::KeyId;

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
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl Refusal for RevokeKeyError {
    fn code(&self) -> &'static str {
        match self {
            Self::Access(error) => error.code(),
            Self::Unknown { .. } => "key-not-found",
            Self::Database(_) => "internal",
        }
    }

    fn mend(&self) -> Option<String> {
        match self {
            Self::Access(error) => error.mend(),
            Self::Unknown { namespace, .. } => {
                Some(format!("GET /api/v1/namespaces/{namespace}/keys lists its keys."))
            }
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
    let fact = serde_json::json!({
        "namespace": namespace, "key_id": key_id.to_hex(), "account": caller.account,
    })
    .to_string();
    let subject = format!("{namespace}/{key_id}");
    log::append_to_outbox(&mut transaction, log_kinds::KEY_REVOKE, &subject, &fact, now).await?;
    audit::record(&mut transaction, Some(caller.account_id), "revoke-key", &subject, &fact, now).await?;
    transaction.commit().await.map_err(DatabaseError::from)?;
    Ok(())
}
