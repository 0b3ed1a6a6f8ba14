//! Yanking a release, advising against it, and taking either back.

use super::Registry;
use super::accounts::{AccessError, Caller, require_member};
use super::commit::{Change, ChangeError, NotWritten, ReleaseChange};
use crate::db::DatabaseError;
use crate::domain::api::{ChangeReleaseRequest, TokenScope};
use crate::domain::{IndexRelease, Refusal, ReleaseId, Timestamp};

/// The longest an advice may be, in characters.
const ADVICE_MAX: usize = 500;

/// Why a release was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeReleaseError {
    /// The caller may not.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// There is no such release.
    #[error("there is no release {0} here")]
    Unknown(ReleaseId),
    /// Nothing was asked for.
    #[error("the request changes nothing")]
    Nothing,
    /// The advice cannot be shown.
    #[error("the advice is {length} characters long; at most {ADVICE_MAX} are allowed")]
    AdviceTooLong {
        /// Its length.
        length: usize,
    },
    /// The database failed.
    #[error("the database failed")]
    Database(#[from] DatabaseError),
    /// The change is made, but nobody sees it yet.
    #[error("the change is made, but not shown yet: the log or an index file could not be written")]
    Unshown(#[source] NotWritten),
    /// The committer failed.
    #[error("the change failed")]
    Commit(#[source] ChangeError),
}

impl Refusal for ChangeReleaseError {
    fn code(&self) -> &'static str {
        match self {
            Self::Access(error) => error.code(),
            Self::Unknown(_) => "unknown-release",
            Self::Nothing => "nothing-to-change",
            Self::AdviceTooLong { .. } => "advice-too-long",
            Self::Unshown(_) => "not-shown-yet",
            Self::Commit(ChangeError::Stopping) => "shutting-down",
            Self::Database(_) | Self::Commit(_) => "internal",
        }
    }

    fn mend(&self) -> Option<String> {
        match self {
            Self::Access(error) => error.mend(),
            Self::Unknown(release) => {
                Some(format!("GET /api/v1/plugins/{}/versions lists its releases.", release.plugin.path()))
            }
            Self::Nothing => Some("Send {\"yanked\": true} or {\"deprecated\": \"use acme:other\"}.".into()),
            Self::AdviceTooLong { .. } => Some("Shorten it to one or two sentences.".into()),
            Self::Unshown(_) => {
                Some("Send the same again in a moment: the answer is then the release.".into())
            }
            Self::Database(_) | Self::Commit(_) => None,
        }
    }
}

/// Makes the changes asked for; gives the release as the index then tells it.
pub async fn change_release(
    registry: &Registry,
    caller: &Caller,
    release: &ReleaseId,
    request: ChangeReleaseRequest,
    now: Timestamp,
) -> Result<IndexRelease, ChangeReleaseError> {
    {
        let mut connection = registry.database().read().await?;
        require_member(&mut connection, caller, release.plugin.namespace(), TokenScope::Yank).await?;
    }
    let mut changes = Vec::new();
    if let Some(yanked) = request.yanked {
        changes.push(ReleaseChange::Yank(yanked));
    }
    if let Some(advice) = request.deprecated {
        let length = advice.as_deref().map_or(0, |text| text.chars().count());
        if length > ADVICE_MAX {
            return Err(ChangeReleaseError::AdviceTooLong { length });
        }
        changes.push(ReleaseChange::Deprecate(advice));
    }
    let mut line = None;
    for change in changes {
        let change =
            Change::Release { release: release.clone(), account_id: Some(caller.account_id), change, now };
        line = Some(registry.commit(change).await.map_err(|error| match error {
            ChangeError::Missing(release) => ChangeReleaseError::Unknown(release),
            ChangeError::Unshown(problem) => ChangeReleaseError::Unshown(problem),
            other => ChangeReleaseError::Commit(other),
        })?);
    }
    line.map(|committed| committed.line).ok_or(ChangeReleaseError::Nothing)
}
