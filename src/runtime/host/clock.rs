//! `pluginry:plugin/clock`: time, real or standing still.

use std::time::Instant;

use super::HostState;
use super::bindings::pluginry::plugin::clock;
use crate::domain::Timestamp;

/// What time it is for a plugin.
#[derive(Debug, Clone, Copy)]
pub enum ClockSource {
    /// Always the same moment: verification runs are repeatable.
    Fixed(Timestamp),
    /// The wall clock, and the time since a moment.
    Real {
        /// Reads the wall clock.
        now: fn() -> Timestamp,
        /// Where the monotonic clock begins.
        started: Instant,
    },
}

impl ClockSource {
    /// 2026-01-01T00:00:00Z, the moment of every verification run.
    pub const VERIFICATION: Self = Self::Fixed(Timestamp::from_micros(1_767_225_600_000_000));
}

impl Default for ClockSource {
    fn default() -> Self {
        Self::VERIFICATION
    }
}

impl clock::Host for HostState {
    fn now(&mut self) -> wasmtime::Result<u64> {
        self.count("clock.now")?;
        let now = match self.services.clock {
            ClockSource::Fixed(moment) => moment,
            ClockSource::Real { now, .. } => now(),
        };
        Ok(u64::try_from(now.as_micros()).unwrap_or_default())
    }

    fn monotonic(&mut self) -> wasmtime::Result<u64> {
        self.count("clock.monotonic")?;
        Ok(match self.services.clock {
            ClockSource::Fixed(_) => 0,
            ClockSource::Real { started, .. } => {
                u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX)
            }
        })
    }
}
