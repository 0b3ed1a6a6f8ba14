//! Planning an upgrade: what a resolve would change of a lock, told before it is done.

use std::net::IpAddr;

use super::{Registry, ResolvePluginsError};
use crate::domain::Timestamp;
use crate::resolver::{ResolveRequest, UpgradePlan, resolve};

/// What the request would change of the lock it holds, and the lock it would write.
pub async fn plan_upgrade(
    registry: &Registry,
    client: IpAddr,
    request: ResolveRequest,
    now: Timestamp,
) -> Result<UpgradePlan, ResolvePluginsError> {
    if request.lock.is_none() {
        return Err(ResolvePluginsError::NoLock);
    }
    let plan = registry.at_solver(client, now, move |snapshot, circumstances| {
        let lock = resolve(snapshot, &request, circumstances)?;
        let before = request.lock.as_ref().expect("looked at above");
        Ok(UpgradePlan::new(before, lock))
    });
    let plan = plan.await?;
    Ok(UpgradePlan { lock: registry.under_checkpoint(plan.lock), ..plan })
}
