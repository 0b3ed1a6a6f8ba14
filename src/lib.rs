//! Pluginry: a self-hosted registry and marketplace for signed WebAssembly plugins.
//!
//! One package holds the registry server, the author's and host's command line, and the reference
//! runtime. Hosts that only fetch and verify embed the [`client`] module with
//! `default-features = false, features = ["client"]`.

#[cfg(all(feature = "server", feature = "runtime", feature = "client"))]
pub mod cli;
#[cfg(feature = "client")]
pub mod client;
#[cfg(feature = "server")]
pub mod config;
#[cfg(feature = "server")]
pub mod db;
pub mod domain;
#[cfg(feature = "server")]
pub mod http;
#[cfg(all(feature = "server", feature = "runtime"))]
pub mod jobs;
pub mod kill_points;
pub mod log;
#[cfg(feature = "server")]
pub mod registry;
pub mod resolver;
#[cfg(any(feature = "runtime", feature = "server"))]
pub mod runtime;
pub mod signing;
#[cfg(feature = "server")]
pub mod storage;
#[cfg(feature = "server")]
pub mod telemetry;
pub mod trust;
pub mod wasm;
