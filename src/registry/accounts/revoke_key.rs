//! Revokes an author key of a namespace, or turns one down that waits.

use super::access::{AccessError, Caller, require_member};
use super::list_keys::{StoredKeyError, find_key};
use crate::db::keys::AuthorKey;
use crate::db::{Database, DatabaseError, audit, keys, log, namespaces};
use crate::domain::api::{EnrolledKey, KeyState, RevokeKeyRequest, TokenScope};
use crate::domain::{Namespace, Refusal, Timestamp};
use crate::kill_points;
use crate::registry::append_statement::{AppendError, append_statement};
use crate::signing::KeyId;
use crate::trust::{KeyRevocation, LogEvent, LogStatement};

/// The longest a reason may be, in characters.
const REASON_MAX: usize = 500;

/// Why a key was not revoked.
#[derive(Debug, thiserror::Error)]
pub enum RevokeKeyError {
    /// The caller may not.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The namespace has no such key.
    #[error("the namespace {namespace} has no key {key_id}")]
    Unknown {
        /// The namespace.
        namespace: Namespace,
        /// The key.
        key_id: KeyId,
    },
    /// The index lies ahead.
    #[error("the log has {tree_size} entries; a key cannot be revoked from index {from_index} on")]
    IndexAhead {
        /// As asked for.
        from_index: u64,
        /// How many entries there are.
        tree_size: u64,
    },
    /// The reason cannot be shown.
    #[error("the reason of a revocation is one line of at most {REASON_MAX} characters")]
    Reason,
    /// A key that waits for an approval is somebody else's.
    #[error(
        "the key {key_id} waits for an approval; {account} neither asked for it nor owns the namespace {namespace}"
    )]
    NotYours {
        /// The key.
        key_id: KeyId,
        /// The account.
        account: String,
        /// The namespace.
        namespace: Namespace,
    },
    /// The log cannot be told.
    #[error(transparent)]
    Log(#[from] AppendError),
    /// A stored key is none.
    #[error(transparent)]
    Stored(#[from] StoredKeyError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl Refusal for RevokeKeyError {
    fn code(&self) -> &'static str {
        match self {
            Self::Access(error) => error.code(),
            Self::Unknown { .. } => "key-not-found",
            Self::IndexAhead { .. } => "revocation-index-ahead",
            Self::Reason => "invalid-reason",
            Self::NotYours { .. } => "not-an-owner",
            Self::Log(error) => error.code(),
            Self::Stored(_) | Self::Database(_) => "internal",
        }
    }

    fn mend(&self) -> Option<String> {
        match self {
            Self::Access(error) => error.mend(),
            Self::Unknown { namespace, .. } => {
                Some(format!("GET /api/v1/namespaces/{namespace}/keys lists its keys."))
            }
            Self::IndexAhead { .. } => Some(
                "Leave the index out to revoke it from now on, or name that of the first entry it must not count for."
                    .into(),
            ),
            Self::Reason => Some("Shorten it to one sentence.".into()),
            Self::NotYours { namespace, .. } => Some(format!("Ask an owner of {namespace} to turn it down.")),
            Self::Log(error) => error.mend(),
            Self::Stored(_) | Self::Database(_) => None,
        }
    }
}

/// Revokes a key; any member may.
///
/// It counts for nothing that the log holds behind the revocation, or from the earlier index that the request
/// names; what stands before it stays. Revoking it again moves that index back, never on. A key that waits for an
/// approval was never in the log and is forgotten; its requester and the owners may do that.
pub async fn revoke_key(
    database: &Database,
    caller: &Caller,
    namespace: &Namespace,
    key_id: &KeyId,
    request: &RevokeKeyRequest,
    now: Timestamp,
) -> Result<EnrolledKey, RevokeKeyError> {
    let is_plain = |reason: &String| {
        !reason.trim().is_empty()
            && reason.chars().count() <= REASON_MAX
            && !reason.chars().any(char::is_control)
    };
    if !request.reason.as_ref().is_none_or(is_plain) {
        return Err(RevokeKeyError::Reason);
    }
    let mut transaction = database.write().await?;
    log::lock_sequencer(&mut transaction, database.dialect()).await?;
    namespaces::lock(&mut transaction, namespace).await?;
    let namespace_id = require_member(&mut transaction, caller, namespace, TokenScope::Keys).await?;
    let hex = key_id.to_hex();
    let key = keys::find(&mut transaction, namespace_id, &hex).await?;
    let key = key.ok_or_else(|| RevokeKeyError::Unknown { namespace: namespace.clone(), key_id: *key_id })?;
    let tree_size = log::last_sequence(&mut transaction).await?;
    if let Some(from_index) = request.from_index.filter(|index| *index > tree_size) {
        return Err(RevokeKeyError::IndexAhead { from_index, tree_size });
    }
    let subject = format!("{namespace}/{hex}");

    if key.state(now) == KeyState::NeedsApproval {
        let is_owner =
            namespaces::owner_since(&mut transaction, namespace_id, caller.account_id).await?.is_some();
        if !is_owner && key.enrolled_by != caller.account_id {
            let (account, namespace) = (caller.account.clone(), namespace.clone());
            return Err(RevokeKeyError::NotYours { key_id: *key_id, account, namespace });
        }
        let answer = find_key(&mut transaction, namespace_id, &hex, now).await?;
        keys::remove(&mut transaction, key.id).await?;
        let fact = serde_json::json!({ "asked_by": key.account, "reason": request.reason }).to_string();
        audit::record(&mut transaction, Some(caller.account_id), "turn-key-down", &subject, &fact, now)
            .await?;
        transaction.commit().await.map_err(DatabaseError::from)?;
        return Ok(EnrolledKey { state: KeyState::Revoked, revoked_at: Some(now), ..answer });
    }
    if !reaches_further(&key, request.from_index) {
        return Ok(find_key(&mut transaction, namespace_id, &hex, now).await?);
    }
    keys::revoke(&mut transaction, key.id, request.from_index, now).await?;
    let revocation = KeyRevocation {
        at: now,
        from_index: request.from_index,
        account: caller.account.clone(),
        reason: request.reason.clone(),
    };
    let statement = LogStatement::of_key(namespace, *key_id, LogEvent::KeyRevoke(revocation));
    append_statement(&mut transaction, &statement).await?;
    let fact = serde_json::json!({
        "namespace": namespace, "key_id": hex, "account": caller.account, "from_index": request.from_index,
        "reason": request.reason,
    });
    audit::record(&mut transaction, Some(caller.account_id), "revoke-key", &subject, &fact.to_string(), now)
        .await?;
    let answer = find_key(&mut transaction, namespace_id, &hex, now).await?;
    kill_points::pass("revoke-before-commit");
    transaction.commit().await.map_err(DatabaseError::from)?;
    kill_points::pass("revoke-after-commit");
    Ok(answer)
}

/// Whether a revocation says more than the one before it, if there is one.
fn reaches_further(key: &AuthorKey, from_index: Option<u64>) -> bool {
    match (key.revoked_at, from_index) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(_), Some(index)) => key.revoked_from.is_none_or(|before| index < before),
    }
}
