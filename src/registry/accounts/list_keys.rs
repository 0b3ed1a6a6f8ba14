//! Lists the author keys of a namespace; they are public.

use crate::db::{Database, DatabaseError, keys, namespaces};
use crate::domain::api::{EnrolledKey, KeyList};
use crate::domain::{Namespace, Refusal};
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
    #[error("a stored key cannot be read: {0}")]
    Stored(#[from] KeyError),
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

/// Every key of a namespace in the order of enrolment, revoked ones too.
pub async fn list_keys(database: &Database, namespace: &Namespace) -> Result<KeyList, ListKeysError> {
    let mut connection = database.read().await?;
    let namespace_id = namespaces::find(&mut connection, namespace)
        .await?
        .ok_or_else(|| ListKeysError::UnknownNamespace { namespace: namespace.clone() })?;
    let rows = keys::list(&mut connection, namespace_id).await?;
    let keys = rows
        .into_iter()
        .map(|key| {
            Ok(EnrolledKey {
                public_key: PublicKey::from_bytes(&key.public_key)?.to_string(),
                key_id: key.key_id,
                label: key.label,
                enrolled_at: key.enrolled_at,
                revoked_at: key.revoked_at,
            })
        })
        .collect::<Result<_, KeyError>>()?;
    Ok(KeyList { keys })
}
