//! Listing what is outdated in a lock: how far each plugin could move, and why not to its newest release.

use std::net::IpAddr;

use super::{Registry, ResolvePluginsError};
use crate::domain::Timestamp;
use crate::resolver::{Lock, Outdated, ResolveRequest, resolve};

/// What speaks against the releases of the lock that the request holds. What it asks to upgrade does not count:
/// everything may move.
pub async fn list_outdated(
    registry: &Registry,
    client: IpAddr,
    request: ResolveRequest,
    now: Timestamp,
) -> Result<Outdated, ResolvePluginsError> {
    let Some(locked) = request.lock.clone() else { return Err(ResolvePluginsError::NoLock) };
    let upgrade = locked.releases.iter().map(|release| release.name.clone()).collect();
    let moving = ResolveRequest { upgrade, ..request };
    let outdated = registry.at_solver(client, now, move |snapshot, circumstances| {
        let moved = resolve(snapshot, &moving, circumstances)?;
        // What had to be let go is only told where it would have been kept.
        let keeping = ResolveRequest { upgrade: Default::default(), ..moving.clone() };
        let let_go = resolve(snapshot, &keeping, circumstances).map(|kept| kept.let_go).unwrap_or_default();
        Ok(Outdated::new(&locked, Lock { let_go, ..moved }))
    });
    let outdated = outdated.await?;
    Ok(Outdated { lock: registry.under_checkpoint(outdated.lock), ..outdated })
}
