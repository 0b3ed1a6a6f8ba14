//! What a namespace published and the keys it signs with.

use super::Registry;
use super::accounts::{StoredKeyError, enrolled_keys};
use crate::db::plugins::{self, PluginRecord};
use crate::db::{DatabaseError, namespaces};
use crate::domain::api::EnrolledKey;
use crate::domain::{Namespace, Refusal, Timestamp, TrustLevel};

/// How many plugins are listed.
const PLUGINS_MAX: i64 = 100;

/// Why a namespace is not shown.
#[derive(Debug, thiserror::Error)]
pub enum NamespaceError {
    /// There is none of this name, or nothing in it.
    #[error("there is no namespace {0} here")]
    Unknown(Namespace),
    /// A stored key is none.
    #[error(transparent)]
    Stored(#[from] StoredKeyError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl Refusal for NamespaceError {
    fn code(&self) -> &'static str {
        match self {
            Self::Unknown(_) => "unknown-namespace",
            Self::Stored(_) | Self::Database(_) => "internal",
        }
    }
}

/// A namespace as anybody may see it.
#[derive(Debug, Clone)]
pub struct NamespaceDetails {
    /// Its plugins by name.
    pub plugins: Vec<PluginRecord>,
    /// Whether there are more.
    pub has_more: bool,
    /// How far the operator trusts it.
    pub trust: TrustLevel,
    /// Its author keys, revoked ones too.
    pub keys: Vec<EnrolledKey>,
}

/// A namespace with its plugins and keys.
pub async fn show_namespace(
    registry: &Registry,
    namespace: &Namespace,
    now: Timestamp,
) -> Result<NamespaceDetails, NamespaceError> {
    let mut connection = registry.database().read().await?;
    let Some(id) = namespaces::find(&mut connection, namespace).await? else {
        return Err(NamespaceError::Unknown(namespace.clone()));
    };
    let mut plugins =
        plugins::list_of_namespace(&mut connection, namespace.as_str(), PLUGINS_MAX + 1).await?;
    let keys = enrolled_keys(&mut connection, id, now).await?;
    let trust = namespaces::trust(&mut connection, id).await?;
    let has_more = plugins.len() > usize::try_from(PLUGINS_MAX).unwrap_or_default();
    plugins.truncate(usize::try_from(PLUGINS_MAX).unwrap_or_default());
    Ok(NamespaceDetails { plugins, has_more, trust, keys })
}
