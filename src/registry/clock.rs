//! The clock that use cases of this process are given the moment from.

use std::sync::atomic::{AtomicI64, Ordering};

use super::Registry;
use crate::domain::Timestamp;

/// How far the registry's clock is put forward. It stands at the system's time but in tests, which do not wait.
#[derive(Debug, Default)]
pub(super) struct Clock(AtomicI64);

impl Registry {
    /// The moment by the registry's clock.
    pub fn now(&self) -> Timestamp {
        Timestamp::now().plus_seconds(self.shared.clock.0.load(Ordering::Relaxed))
    }

    /// Puts the registry's clock forward: what takes days needs no days in a test.
    pub fn put_clock_forward(&self, seconds: i64) {
        self.shared.clock.0.fetch_add(seconds, Ordering::Relaxed);
    }
}
