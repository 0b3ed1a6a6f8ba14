//! Resolving: the solver on its own threads, a bounded number at once, each with a deadline.

use std::time::{Duration, Instant};

use super::Registry;
use crate::domain::{Refusal, Timestamp};
use crate::resolver::{Circumstances, Lock, ResolveFailure, ResolveRequest, resolve};

/// Why there is no lock.
#[derive(Debug, thiserror::Error)]
pub enum ResolvePluginsError {
    /// The solver says why.
    #[error(transparent)]
    Failure(#[from] ResolveFailure),
    /// Too many others are being answered.
    #[error("too many resolves are running; this one waited {waited_ms} ms")]
    Busy {
        /// How long it waited.
        waited_ms: u64,
    },
    /// The thread died.
    #[error("{0}")]
    Broken(String),
}

impl Refusal for ResolvePluginsError {
    fn code(&self) -> &'static str {
        match self {
            Self::Failure(failure) => failure.code(),
            Self::Busy { .. } => "busy",
            Self::Broken(_) => "internal",
        }
    }

    fn mend(&self) -> Option<String> {
        match self {
            Self::Failure(failure) => failure.mend(),
            Self::Busy { .. } => Some("Send it again in a moment.".into()),
            Self::Broken(_) => None,
        }
    }
}

/// Finds the releases that meet the request as of now, or says why there are none.
pub async fn resolve_plugins(
    registry: &Registry,
    request: ResolveRequest,
    now: Timestamp,
) -> Result<Lock, ResolvePluginsError> {
    let allowed = Duration::from_millis(registry.configuration().limits.resolve_ms);
    let waiting = registry.resolve_turn();
    let Ok(Ok(permit)) = tokio::time::timeout(allowed, waiting).await else {
        let waited_ms = u64::try_from(allowed.as_millis()).unwrap_or(u64::MAX);
        return Err(ResolvePluginsError::Busy { waited_ms });
    };
    let (snapshot, profiles) = (registry.index_snapshot(), registry.profiles());
    let solved = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        let deadline = Instant::now() + allowed;
        let should_stop = || Instant::now() >= deadline;
        resolve(&snapshot, &request, &Circumstances { profiles: &profiles, now, should_stop: &should_stop })
    });
    let lock = solved.await.map_err(|error| ResolvePluginsError::Broken(error.to_string()))??;
    // The log is signed before the projections tell of it, so this head is over all the solver saw.
    let note = registry.head().note.clone();
    Ok(Lock { checkpoint: Some(note).filter(|note| !note.is_empty()), ..lock })
}
