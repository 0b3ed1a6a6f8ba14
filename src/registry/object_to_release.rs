//! What operators do to releases: quarantine, takedown, recall, and lifting what can be lifted.

use futures::StreamExt as _;
use sqlx::AnyConnection;

use super::Registry;
use super::accounts::{AccessError, Caller, require_operator};
use super::commit::{Change, ChangeError, NotWritten, ReleaseChange};
use crate::db::objections;
use crate::db::releases::ReleaseRecord;
use crate::db::{DatabaseError, plugins, releases};
use crate::domain::{Digest, IndexRelease, ObjectionKind, Reason, Refusal, ReleaseId, Timestamp, Withheld};
use crate::kill_points;
use crate::storage::StorageError;
use crate::trust::{Advice, LogEvent};

/// How many packages are deleted at once when a start finishes takedowns.
const DELETIONS_AT_ONCE: usize = 8;

/// What an operator wants done to a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OperatorVerb {
    /// Hide it and withhold its package while it is looked at.
    Quarantine(Reason),
    /// Show it and hand it out again.
    LiftQuarantine,
    /// Delete its package for good.
    TakeDown(Reason),
    /// Tell hosts to stop running it.
    Recall(Reason),
    /// Tell hosts that they may run it again.
    LiftRecall,
}

impl OperatorVerb {
    /// What it is called in the audit trail.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Quarantine(_) => "quarantine",
            Self::LiftQuarantine => "lift-quarantine",
            Self::TakeDown(_) => "takedown",
            Self::Recall(_) => "recall",
            Self::LiftRecall => "lift-recall",
        }
    }

    /// Why; nothing for what lifts an objection.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Quarantine(reason) | Self::TakeDown(reason) | Self::Recall(reason) => Some(reason.as_str()),
            Self::LiftQuarantine | Self::LiftRecall => None,
        }
    }

    fn kind(&self) -> ObjectionKind {
        match self {
            Self::Quarantine(_) | Self::LiftQuarantine => ObjectionKind::Quarantined,
            Self::TakeDown(_) => ObjectionKind::TakenDown,
            Self::Recall(_) | Self::LiftRecall => ObjectionKind::Recalled,
        }
    }
}

/// Why an operator's wish was not fulfilled.
#[derive(Debug, thiserror::Error)]
pub enum ObjectToReleaseError {
    /// The caller may not.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// There is no such release.
    #[error("there is no release {0} here")]
    Unknown(ReleaseId),
    /// It is taken down, and that is final.
    #[error(transparent)]
    Withheld(#[from] Withheld),
    /// The database failed.
    #[error("the database failed")]
    Database(#[from] DatabaseError),
    /// The takedown is in the log and the bytes are withheld, but they could not be deleted yet.
    #[error("the package could not be deleted")]
    Storage(#[from] StorageError),
    /// The change is made, but nobody sees it yet.
    #[error("the change is made, but not shown yet: the log or an index file could not be written")]
    Unshown(#[source] NotWritten),
    /// The committer failed.
    #[error("the change failed")]
    Commit(#[source] ChangeError),
}

impl Refusal for ObjectToReleaseError {
    fn code(&self) -> &'static str {
        match self {
            Self::Access(error) => error.code(),
            Self::Unknown(_) => "unknown-release",
            Self::Withheld(withheld) => withheld.code(),
            Self::Unshown(_) => "not-shown-yet",
            Self::Commit(ChangeError::Stopping) => "shutting-down",
            Self::Database(_) | Self::Storage(_) | Self::Commit(_) => "internal",
        }
    }

    fn mend(&self) -> Option<String> {
        match self {
            Self::Access(error) => error.mend(),
            Self::Unknown(release) => {
                Some(format!("GET /api/v1/plugins/{}/versions lists its releases.", release.plugin.path()))
            }
            Self::Withheld(_) => {
                Some("A takedown is final; there is nothing left to hide or to show.".into())
            }
            Self::Unshown(_) => {
                Some("Send the same again in a moment: the answer is then the release.".into())
            }
            Self::Database(_) | Self::Storage(_) | Self::Commit(_) => None,
        }
    }
}

/// Does what an operator wants; gives the release as the index then tells it. The same again changes nothing.
///
/// When a takedown is answered, its entry is in the log and the bytes are gone.
pub async fn object_to_release(
    registry: &Registry,
    caller: &Caller,
    release: &ReleaseId,
    verb: OperatorVerb,
    now: Timestamp,
) -> Result<IndexRelease, ObjectToReleaseError> {
    require_operator(caller)?;
    let is_takedown = matches!(verb, OperatorVerb::TakeDown(_));
    let change = ReleaseChange::Object(verb);
    let change =
        Change::Release { release: release.clone(), account_id: Some(caller.account_id), change, now };
    let committed = registry.commit(change).await.map_err(|error| match error {
        ChangeError::Missing(release) => ObjectToReleaseError::Unknown(release),
        ChangeError::Withheld(withheld) => ObjectToReleaseError::Withheld(withheld),
        ChangeError::Unshown(problem) => ObjectToReleaseError::Unshown(problem),
        other => ObjectToReleaseError::Commit(other),
    })?;
    if is_takedown {
        registry.delete_package(committed.line.digest).await?;
    }
    Ok(committed.line)
}

/// The releases under an objection of this kind, or of any: at most `limit` behind the row `after`.
pub async fn list_objections(
    registry: &Registry,
    caller: &Caller,
    kind: Option<ObjectionKind>,
    after: i64,
    limit: i64,
) -> Result<Vec<ReleaseRecord>, ObjectToReleaseError> {
    require_operator(caller)?;
    let mut connection = registry.database().read().await?;
    Ok(objections::list(&mut connection, kind, after, limit).await?)
}

/// Writes the change into the rows; gives what the log is told, or nothing if all is so already.
pub(super) async fn apply_verb(
    connection: &mut AnyConnection,
    record: &ReleaseRecord,
    verb: &OperatorVerb,
    now: Timestamp,
) -> Result<Option<LogEvent>, ChangeError> {
    let (kind, reason) = (verb.kind(), verb.reason());
    let standing = match kind {
        ObjectionKind::Quarantined => &record.quarantined,
        ObjectionKind::TakenDown => &record.taken_down,
        ObjectionKind::Recalled => &record.recalled,
    };
    if standing.as_deref() == reason {
        return Ok(None);
    }
    if let (Some(reason), ObjectionKind::Quarantined) = (&record.taken_down, kind) {
        let (release, reason) = (record.release.clone(), reason.clone());
        return Err(Withheld::TakenDown { release, reason }.into());
    }
    objections::set(connection, record.id, kind, reason).await?;
    if kind == ObjectionKind::TakenDown {
        releases::forget_readme(connection, record.id).await?;
    }
    plugins::refresh_newest(connection, record.plugin_id).await?;
    let advice = Advice { at: now, reason: reason.map(str::to_owned) };
    Ok(Some(match kind {
        ObjectionKind::Quarantined => LogEvent::Quarantine(advice),
        ObjectionKind::TakenDown => LogEvent::Takedown(advice),
        ObjectionKind::Recalled => LogEvent::Recall(advice),
    }))
}

impl Registry {
    async fn delete_package(&self, digest: Digest) -> Result<(), StorageError> {
        kill_points::pass("takedown-before-delete");
        self.storage().delete_blob(digest).await?;
        self.shared.blobs.forget(digest);
        kill_points::pass("takedown-after-delete");
        Ok(())
    }

    /// Deletes the packages whose takedown is in the log: what a killed process had left to do.
    ///
    /// A store that fails keeps nobody from starting: the bytes are withheld, and the daily sweep tries again.
    pub(super) async fn finish_takedowns(&self) -> Result<(), DatabaseError> {
        let digests = objections::taken_down_digests(&mut *self.database().read().await?).await?;
        futures::stream::iter(digests)
            .for_each_concurrent(DELETIONS_AT_ONCE, async |digest| {
                if let Err(error) = self.delete_package(digest).await {
                    tracing::warn!(%digest, %error, "the package of a release that was taken down is still there");
                }
            })
            .await;
        Ok(())
    }
}
