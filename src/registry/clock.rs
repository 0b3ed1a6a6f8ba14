//! The clock of a registry: the system's, but in tests, which put it forward where others would wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use super::Registry;
use crate::domain::Timestamp;

/// The system's clock and how many seconds it is put forward.
#[derive(Debug, Default)]
pub struct Clock(AtomicI64);

impl Clock {
    /// The moment by this clock.
    pub fn now(&self) -> Timestamp {
        Timestamp::now().plus_seconds(self.seconds_ahead())
    }

    /// How far it is put forward.
    pub fn seconds_ahead(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Puts it forward: what takes days needs no days in a test.
    pub fn put_forward(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }
}

impl Registry {
    /// The moment by the registry's clock.
    pub fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    /// The registry's clock.
    pub fn clock(&self) -> Arc<Clock> {
        Arc::clone(&self.shared.clock)
    }
}
