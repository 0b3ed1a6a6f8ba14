//! Lists the author keys of a namespace with their state; they are public.

use sqlx::AnyConnection;

use crate::db::keys::{Approval, AuthorKey};
use crate::db::{Database, DatabaseError, keys, namespaces};
use crate::domain::api::{EnrolledKey, KeyList};
use crate::domain::{Namespace, Refusal, Timestamp};
use crate::signing::{KeyError, PublicKey};

/// Why keys were not listed.
#[derive(Debug, thiserror::Error)]
pub enum ListKeysError {
    /// There is no such namespace.
    #[error("there is no namespace {namespace}")]
    UnknownNamespace {
        /// The namespace.
        namespace: Namespace,
    },
    /// A stored key is none.
    #[error(transparent)]
    Stored(#[from] StoredKeyError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl Refusal for ListKeysError {
    fn code(&self) -> &'static str {
        match self {
            Self::UnknownNamespace { .. } => "unknown-namespace",
            Self::Stored(_) | Self::Database(_) => "internal",
        }
    }

    fn mend(&self) -> Option<String> {
        match self {
            Self::UnknownNamespace { .. } => Some("Check the name.".into()),
            Self::Stored(_) | Self::Database(_) => None,
        }
    }
}

/// What the database holds as a key is none.
#[derive(Debug, thiserror::Error)]
pub enum StoredKeyError {
    /// The bytes are no key.
    #[error("a stored key cannot be read: {0}")]
    Key(#[from] KeyError),
    /// The row is gone.
    #[error("the stored key {0} is gone")]
    Gone(String),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

/// Every key of a namespace in the order of enrolment, revoked ones too.
pub async fn list_keys(
    database: &Database,
    namespace: &Namespace,
    now: Timestamp,
) -> Result<KeyList, ListKeysError> {
    let mut connection = database.read().await?;
    let namespace_id = namespaces::find(&mut connection, namespace)
        .await?
        .ok_or_else(|| ListKeysError::UnknownNamespace { namespace: namespace.clone() })?;
    Ok(KeyList { keys: enrolled_keys(&mut connection, namespace_id, now).await? })
}

/// The keys of a namespace as the API tells them.
pub(in crate::registry) async fn enrolled_keys(
    connection: &mut AnyConnection,
    namespace_id: i64,
    now: Timestamp,
) -> Result<Vec<EnrolledKey>, StoredKeyError> {
    let rows = keys::list(connection, namespace_id).await?;
    let approvals = keys::approvals(connection, namespace_id).await?;
    rows.into_iter().map(|key| describe(key, &approvals, now)).collect()
}

/// One key of a namespace as the API tells it.
pub(super) async fn find_key(
    connection: &mut AnyConnection,
    namespace_id: i64,
    key_id: &str,
    now: Timestamp,
) -> Result<EnrolledKey, StoredKeyError> {
    let key = keys::find(connection, namespace_id, key_id).await?;
    let key = key.ok_or_else(|| StoredKeyError::Gone(key_id.to_owned()))?;
    describe(key, &keys::approvals(connection, namespace_id).await?, now)
}

fn describe(key: AuthorKey, approvals: &[Approval], now: Timestamp) -> Result<EnrolledKey, StoredKeyError> {
    let approved_by = approvals.iter().filter(|approval| approval.author_key_id == key.id);
    Ok(EnrolledKey {
        public_key: PublicKey::from_bytes(&key.public_key)?.to_string(),
        state: key.state(now),
        enrolled_index: key.enrolled_index(),
        approved_by: approved_by.map(|approval| approval.account.clone()).collect(),
        key_id: key.key_id,
        label: key.label,
        enrolled_by: key.account,
        enrolled_at: key.enrolled_at,
        counts_from: key.counts_from,
        endorsed_by: key.endorsed_by,
        revoked_at: key.revoked_at,
        revoked_from_index: key.revoked_sequence.and(key.revoked_from),
    })
}
