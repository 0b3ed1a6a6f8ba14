//! Approves a key that was asked for where no key counts any more: two owners, or an operator.

use sqlx::AnyConnection;

use super::access::{AccessError, Caller, require_operator, require_owner_for};
use super::list_keys::{StoredKeyError, find_key};
use crate::config::KeySettings;
use crate::db::keys::{Approval, AuthorKey};
use crate::db::{Database, DatabaseError, audit, keys, log, namespaces};
use crate::domain::api::{EnrolledKey, KeyState, TokenScope};
use crate::domain::{Namespace, Refusal, Timestamp};
use crate::registry::append_statement::{AppendError, append_statement};
use crate::signing::{KeyError, KeyId, PublicKey};
use crate::trust::{KeyEnrollment, LogEvent, LogStatement};

/// How many owners have to want a recovery, who asks for it included.
const OWNERS_NEEDED: usize = 2;

/// Why a key was not approved.
#[derive(Debug, thiserror::Error)]
pub enum ApproveKeyError {
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
    /// It waits for no approval.
    #[error("the key {key_id} of the namespace {namespace} waits for no approval")]
    NotNeeded {
        /// The key.
        key_id: KeyId,
        /// The namespace.
        namespace: Namespace,
    },
    /// Who asked approves.
    #[error("the account {account} asked for the key {key_id} itself; its own approval does not count")]
    Own {
        /// The account.
        account: String,
        /// The key.
        key_id: KeyId,
    },
    /// The owner was made one too recently: whoever holds one account could make a second owner of another.
    #[error(
        "the account {account} owns the namespace {namespace} since {since}; it may approve keys from {from} on"
    )]
    OwnerTooNew {
        /// The account.
        account: String,
        /// The namespace.
        namespace: Namespace,
        /// Since when it is a member.
        since: Timestamp,
        /// From when on it may.
        from: Timestamp,
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

impl Refusal for ApproveKeyError {
    fn code(&self) -> &'static str {
        match self {
            Self::Access(error) => error.code(),
            Self::Unknown { .. } => "key-not-found",
            Self::NotNeeded { .. } => "key-needs-no-approval",
            Self::Own { .. } => "own-approval",
            Self::OwnerTooNew { .. } => "owner-too-new",
            Self::Log(error) => error.code(),
            Self::Stored(_) | Self::Database(_) => "internal",
        }
    }

    fn mend(&self) -> Option<String> {
        match self {
            Self::Access(error) => error.mend(),
            Self::Unknown { namespace, .. } | Self::NotNeeded { namespace, .. } => {
                Some(format!("GET /api/v1/namespaces/{namespace}/keys lists its keys."))
            }
            Self::Own { .. } => Some("Ask another owner of the namespace, or an operator.".into()),
            Self::OwnerTooNew { .. } => {
                Some("Ask an owner of longer standing or an operator, or approve it then.".into())
            }
            Self::Log(error) => error.mend(),
            Self::Stored(_) | Self::Database(_) => None,
        }
    }
}

/// Approves a key. When two owners want it, or an operator does, it counts after the wait of a recovery, and the
/// log tells who let it in. Approving it again changes nothing.
pub async fn approve_key(
    database: &Database,
    settings: &KeySettings,
    caller: &Caller,
    namespace: &Namespace,
    key_id: &KeyId,
    now: Timestamp,
) -> Result<EnrolledKey, ApproveKeyError> {
    let mut transaction = database.write().await?;
    log::lock_sequencer(&mut transaction, database.dialect()).await?;
    namespaces::lock(&mut transaction, namespace).await?;
    let is_operator = require_operator(caller).is_ok();
    let namespace_id = if is_operator {
        let found = namespaces::find(&mut transaction, namespace).await?;
        found.ok_or_else(|| AccessError::UnknownNamespace { namespace: namespace.clone() })?
    } else {
        require_owner_for(&mut transaction, caller, namespace, TokenScope::Keys).await?
    };
    let hex = key_id.to_hex();
    let key = keys::find(&mut transaction, namespace_id, &hex).await?;
    let key =
        key.ok_or_else(|| ApproveKeyError::Unknown { namespace: namespace.clone(), key_id: *key_id })?;
    let before = approvals_of(&mut transaction, namespace_id, &key).await?;
    if before.iter().any(|approval| approval.account_id == caller.account_id) {
        return Ok(find_key(&mut transaction, namespace_id, &hex, now).await?);
    }
    if key.state(now) != KeyState::NeedsApproval {
        return Err(ApproveKeyError::NotNeeded { key_id: *key_id, namespace: namespace.clone() });
    }
    if key.enrolled_by == caller.account_id {
        return Err(ApproveKeyError::Own { account: caller.account.clone(), key_id: *key_id });
    }
    if !is_operator {
        check_standing(&mut transaction, settings, namespace_id, namespace, caller, now).await?;
    }

    keys::approve(&mut transaction, key.id, caller.account_id, now).await?;
    let subject = format!("{namespace}/{hex}");
    let fact = serde_json::json!({ "asked_by": key.account, "as_operator": is_operator }).to_string();
    audit::record(&mut transaction, Some(caller.account_id), "approve-key", &subject, &fact, now).await?;
    let approvals = approvals_of(&mut transaction, namespace_id, &key).await?;
    if is_operator || owners_for(&mut transaction, namespace_id, &key, &approvals).await? >= OWNERS_NEEDED {
        let counts_from = settings.after_recovery(now);
        keys::set_counts_from(&mut transaction, key.id, counts_from, None).await?;
        let enrollment = KeyEnrollment {
            at: now,
            public_key: PublicKey::from_bytes(&key.public_key).map_err(stored)?,
            counts_from,
            endorsement: None,
            account: key.account.clone(),
            approved_by: approvals.into_iter().map(|approval| approval.account).collect(),
        };
        let statement = LogStatement::of_key(namespace, *key_id, LogEvent::KeyEnroll(enrollment));
        append_statement(&mut transaction, &statement).await?;
    }
    let answer = find_key(&mut transaction, namespace_id, &hex, now).await?;
    transaction.commit().await.map_err(DatabaseError::from)?;
    Ok(answer)
}

fn stored(error: KeyError) -> StoredKeyError {
    error.into()
}

async fn approvals_of(
    connection: &mut AnyConnection,
    namespace_id: i64,
    key: &AuthorKey,
) -> Result<Vec<Approval>, DatabaseError> {
    let mut approvals = keys::approvals(connection, namespace_id).await?;
    approvals.retain(|approval| approval.author_key_id == key.id);
    Ok(approvals)
}

/// How many accounts that own the namespace now want the key: who asked for it and who approved it.
async fn owners_for(
    connection: &mut AnyConnection,
    namespace_id: i64,
    key: &AuthorKey,
    approvals: &[Approval],
) -> Result<usize, DatabaseError> {
    let mut owners = 0;
    for account_id in approvals.iter().map(|approval| approval.account_id).chain([key.enrolled_by]) {
        owners += usize::from(namespaces::owner_since(connection, namespace_id, account_id).await?.is_some());
    }
    Ok(owners)
}

/// An owner counts who has been a member for the time that a recovery waits: that leaves the others time to see it.
async fn check_standing(
    connection: &mut AnyConnection,
    settings: &KeySettings,
    namespace_id: i64,
    namespace: &Namespace,
    caller: &Caller,
    now: Timestamp,
) -> Result<(), ApproveKeyError> {
    let since = namespaces::owner_since(connection, namespace_id, caller.account_id).await?.unwrap_or(now);
    let from = settings.after_recovery(since);
    if from <= now {
        return Ok(());
    }
    let (account, namespace) = (caller.account.clone(), namespace.clone());
    Err(ApproveKeyError::OwnerTooNew { account, namespace, since, from })
}
