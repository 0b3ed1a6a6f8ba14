//! Resolving: the request at the solver, the answer under the signed checkpoint.

use std::net::IpAddr;

use super::{Registry, SolveError};
use crate::domain::{Refusal, Timestamp};
use crate::resolver::{Circumstances, Lock, ResolveFailure, ResolveRequest, resolve};

/// Why there is no lock.
#[derive(Debug, thiserror::Error)]
pub enum ResolvePluginsError {
    /// The solver says why.
    #[error(transparent)]
    Failure(#[from] ResolveFailure),
    /// The solver was not run, or not to its end.
    #[error(transparent)]
    Solve(#[from] SolveError),
}

impl Refusal for ResolvePluginsError {
    fn code(&self) -> &'static str {
        match self {
            Self::Failure(failure) => failure.code(),
            Self::Solve(error) => error.code(),
        }
    }

    fn mend(&self) -> Option<String> {
        match self {
            Self::Failure(failure) => failure.mend(),
            Self::Solve(error) => error.mend(),
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
    let known = registry.clone();
    let solved = registry.solve(client, move |should_stop| {
        let (snapshot, profiles) = (known.index_snapshot(), known.profiles());
        resolve(&snapshot, &request, &Circumstances { profiles: &profiles, now, should_stop })
    });
    let lock = solved.await??;
    // The log is signed before the projections tell of it, so this head is over all the solver saw.
    let note = registry.head().note.clone();
    Ok(Lock { checkpoint: Some(note).filter(|note| !note.is_empty()), ..lock })
}
