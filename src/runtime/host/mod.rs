//! What the reference host offers to plugins: one file per interface of `plugins/wit`.
//!
//! Every call is counted by name and against the call's limit before it does anything.

mod clock;
mod config;
mod kv;
mod log;
mod random;

use std::collections::BTreeMap;

pub use clock::ClockSource;
pub use kv::KeyValueStore;
pub use log::{LogBook, LogLevel, LogLine};
pub use random::RandomSource;

use super::LimitKind;
use super::limits::{Limiter, PluginLimits};

mod bindings {
    wasmtime::component::bindgen!({
        path: "plugins/wit",
        world: "pluginry:plugin/imports",
        imports: { default: trappable },
    });
}

/// What stands behind the host interfaces of one plugin.
#[derive(Debug, Default)]
pub struct HostServices {
    /// The operator's settings for the plugin.
    pub config: BTreeMap<String, String>,
    /// What time it is.
    pub clock: ClockSource,
    /// Where random numbers come from.
    pub random: RandomSource,
    /// What the plugin stored.
    pub store: KeyValueStore,
    /// What the plugin logged.
    pub log: LogBook,
}

/// Everything a store knows about its plugin.
pub(super) struct HostState {
    pub(super) limiter: Limiter,
    pub(super) services: HostServices,
    calls: BTreeMap<&'static str, u64>,
    calls_left: u64,
    calls_allowed: u64,
}

/// A plugin called host functions more often than it may.
#[derive(Debug, thiserror::Error)]
#[error("it called host functions more than {allowed} times in one call, last {function}")]
pub(super) struct TooManyHostCalls {
    allowed: u64,
    function: &'static str,
}

impl HostState {
    pub(super) fn new(limits: PluginLimits, services: HostServices) -> Self {
        Self {
            limiter: Limiter::new(limits),
            services,
            calls: BTreeMap::new(),
            calls_left: limits.host_calls,
            calls_allowed: limits.host_calls,
        }
    }

    /// Begins a new call of the plugin: its budget of host calls is full again.
    pub(super) fn begin_call(&mut self) {
        self.calls_left = self.calls_allowed;
        self.limiter.forget_refusals();
    }

    /// Calls of host functions so far, by name.
    pub(super) fn host_calls(&self) -> BTreeMap<String, u64> {
        self.calls.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
    }

    fn count(&mut self, function: &'static str) -> wasmtime::Result<()> {
        self.calls_left = self
            .calls_left
            .checked_sub(1)
            .ok_or(TooManyHostCalls { allowed: self.calls_allowed, function })?;
        *self.calls.entry(function).or_default() += 1;
        Ok(())
    }
}

/// One interface of the reference host.
pub(super) struct HostInterface {
    /// Its name without version.
    pub(super) name: &'static str,
    /// The capability it needs; none: always allowed.
    pub(super) capability: Option<&'static str>,
    /// Puts its functions into a linker.
    pub(super) link: fn(&mut wasmtime::component::Linker<HostState>) -> wasmtime::Result<()>,
}

type Whole = wasmtime::component::HasSelf<HostState>;

/// Every interface this runtime binds.
pub(super) const INTERFACES: [HostInterface; 5] = [
    HostInterface {
        name: "pluginry:plugin/log",
        capability: None,
        link: |linker| bindings::pluginry::plugin::log::add_to_linker::<_, Whole>(linker, |state| state),
    },
    HostInterface {
        name: "pluginry:plugin/config",
        capability: None,
        link: |linker| bindings::pluginry::plugin::config::add_to_linker::<_, Whole>(linker, |state| state),
    },
    HostInterface {
        name: "pluginry:plugin/clock",
        capability: None,
        link: |linker| bindings::pluginry::plugin::clock::add_to_linker::<_, Whole>(linker, |state| state),
    },
    HostInterface {
        name: "pluginry:plugin/random",
        capability: None,
        link: |linker| bindings::pluginry::plugin::random::add_to_linker::<_, Whole>(linker, |state| state),
    },
    HostInterface {
        name: "pluginry:plugin/kv",
        capability: Some("storage"),
        link: |linker| bindings::pluginry::plugin::kv::add_to_linker::<_, Whole>(linker, |state| state),
    },
];

/// The limit a host function's error stands for, if it is one.
pub(super) fn limit_of(error: &wasmtime::Error) -> Option<(LimitKind, String)> {
    error.downcast_ref::<TooManyHostCalls>().map(|error| (LimitKind::HostCalls, error.to_string()))
}
