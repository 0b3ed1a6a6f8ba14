//! Listing what is outdated in a lock: how far each plugin could move, and why not to its newest release.

use std::net::IpAddr;

use super::{Registry, ResolvePluginsError};
use crate::domain::Timestamp;
use crate::resolver::{Outdated, ResolveRequest, resolve};

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
        Ok(Outdated::new(&locked, moved))
    });
    let outdated = outdated.await?;
    Ok(Outdated { lock: registry.under_checkpoint(outdated.lock), ..outdated })
}
