//! Resolving: the request at the solver, the answer under the signed checkpoint.

use std::net::IpAddr;

use super::{Registry, SolveError};
use crate::domain::{Refusal, Timestamp};
use crate::resolver::{Circumstances, IndexSnapshot, Lock, ResolveFailure, ResolveRequest, resolve};

/// Why there is no lock.
#[derive(Debug, thiserror::Error)]
pub enum ResolvePluginsError {
    /// The solver says why.
    #[error(transparent)]
    Failure(#[from] ResolveFailure),
    /// The solver was not run, or not to its end.
    #[error(transparent)]
    Solve(#[from] SolveError),
    /// Asked about a lock, without one.
    #[error("the request holds no lock to start from")]
    NoLock,
}

impl Refusal for ResolvePluginsError {
    fn code(&self) -> &'static str {
        match self {
            Self::Failure(failure) => failure.code(),
            Self::Solve(error) => error.code(),
            Self::NoLock => "lock-missing",
        }
    }

    fn mend(&self) -> Option<String> {
        match self {
            Self::Failure(failure) => failure.mend(),
            Self::Solve(error) => error.mend(),
            Self::NoLock => Some("Send the lock that you have under `lock`.".into()),
        }
    }
}

/// Finds the releases that meet the request as of now, or says why there are none.
pub async fn resolve_plugins(
    registry: &Registry,
    client: IpAddr,
    request: ResolveRequest,
    now: Timestamp,
) -> Result<Lock, ResolvePluginsError> {
    let lock = registry
        .at_solver(client, now, move |snapshot, circumstances| resolve(snapshot, &request, circumstances))
        .await?;
    Ok(registry.under_checkpoint(lock))
}

impl Registry {
    /// Does what needs the solver over the index as it is, in its turn and within its time.
    pub(super) async fn at_solver<T: Send + 'static>(
        &self,
        client: IpAddr,
        now: Timestamp,
        work: impl Fn(&IndexSnapshot, &Circumstances<'_>) -> Result<T, ResolveFailure> + Send + 'static,
    ) -> Result<T, ResolvePluginsError> {
        let known = self.clone();
        let solved = self.solve(client, move |should_stop| {
            let (snapshot, profiles) = (known.index_snapshot(), known.profiles());
            work(&snapshot, &Circumstances { profiles: &profiles, now, should_stop })
        });
        Ok(solved.await??)
    }

    /// The lock under the signed head of the log. The log is signed before the projections tell of it, so this head is
    /// over all that the solver saw.
    pub(super) fn under_checkpoint(&self, lock: Lock) -> Lock {
        let note = self.head().note.clone();
        Lock { checkpoint: Some(note).filter(|note| !note.is_empty()), ..lock }
    }
}
