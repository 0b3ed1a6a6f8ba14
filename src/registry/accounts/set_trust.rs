//! Says how far the releases of a namespace are trusted.

use super::access::{AccessError, Caller, require_operator};
use crate::db::{Database, DatabaseError, audit, log, namespaces};
use crate::domain::{Namespace, Refusal, Timestamp, TrustLevel};
use crate::registry::append_statement::{AppendError, append_statement};
use crate::trust::{LogEvent, LogStatement, LogSubject, NamespaceTrust};

/// Why the level stayed as it is.
#[derive(Debug, thiserror::Error)]
pub enum SetTrustError {
    /// The caller may not.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// There is no such namespace.
    #[error("there is no namespace {0} here")]
    Unknown(Namespace),
    /// The log cannot hold what it would be told.
    #[error(transparent)]
    Log(#[from] AppendError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl Refusal for SetTrustError {
    fn code(&self) -> &'static str {
        match self {
            Self::Access(error) => error.code(),
            Self::Unknown(_) => "unknown-namespace",
            Self::Log(error) => error.code(),
            Self::Database(_) => "internal",
        }
    }

    fn mend(&self) -> Option<String> {
        match self {
            Self::Access(error) => error.mend(),
            Self::Unknown(_) => Some("Check the name; a namespace is there once somebody created it.".into()),
            Self::Log(error) => error.mend(),
            Self::Database(_) => None,
        }
    }
}

/// Gives a namespace a trust level; operators only. The same again changes nothing.
///
/// It holds from its place in the log on, which the sequencer gives it, for releases of before too.
pub async fn set_trust(
    database: &Database,
    caller: &Caller,
    namespace: &Namespace,
    level: TrustLevel,
    now: Timestamp,
) -> Result<(), SetTrustError> {
    require_operator(caller)?;
    let mut transaction = database.write().await?;
    log::lock_sequencer(&mut transaction, database.dialect()).await?;
    namespaces::lock(&mut transaction, namespace).await?;
    let namespace_id = namespaces::find(&mut transaction, namespace).await?;
    let namespace_id = namespace_id.ok_or_else(|| SetTrustError::Unknown(namespace.clone()))?;
    let before = namespaces::trust(&mut transaction, namespace_id).await?;
    if before == level && !log::is_in_outbox(&mut transaction, TRUST, namespace.as_str()).await? {
        return Ok(());
    }
    let event = LogEvent::Trust(NamespaceTrust { at: now, level, account: caller.account.clone() });
    let statement = LogStatement { subject: LogSubject::Namespace(namespace.clone()), event };
    append_statement(&mut transaction, &statement).await?;
    let detail = serde_json::json!({ "trust": level, "before": before }).to_string();
    audit::record(&mut transaction, Some(caller.account_id), "set-trust", namespace.as_str(), &detail, now)
        .await?;
    transaction.commit().await.map_err(DatabaseError::from)?;
    Ok(())
}

/// What the log calls it.
const TRUST: &str = "trust";
