//! Work behind the requests: the queue's workers and what runs by the clock.
//!
//! A job says when and how often; what is done is a use case of `registry`. Every job may be run twice.

mod queue;

use std::time::Duration;

use crate::domain::Timestamp;
use crate::kill_points;
use crate::registry::{Registry, sweep_blobs};

/// How often packages that no release holds are looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(6 * 3_600);

/// Starts every background task of this replica; they end when the registry stops.
pub fn start(registry: &Registry) {
    for _ in 0..registry.configuration().verification.children {
        registry.start(queue::work(registry.clone()));
    }
    registry.start(keep_sweeping(registry.clone()));
}

async fn keep_sweeping(registry: Registry) {
    let stop = registry.stopping();
    let pause = kill_points::period(SWEEP_EVERY);
    while stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_some() {
        match sweep_blobs(&registry, Timestamp::now()).await {
            Ok(0) => {}
            Ok(removed) => tracing::info!(removed, "swept packages that no release holds"),
            Err(error) => tracing::warn!(%error, "the sweep broke off"),
        }
    }
}
