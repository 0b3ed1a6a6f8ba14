//! The integration tests: one binary, one file per concept.

#![expect(unreachable_pub, reason = "in a test binary `pub` only says that other files use it")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[cfg(feature = "server")]
mod accounts;
mod architecture;
#[cfg(all(feature = "server", feature = "runtime", feature = "client"))]
mod bad_input;
#[cfg(feature = "server")]
mod database;
#[cfg(all(feature = "server", feature = "runtime", feature = "client"))]
mod demo;
#[cfg(all(feature = "server", feature = "runtime", feature = "client"))]
mod evil_registry;
#[cfg(all(feature = "server", feature = "runtime", feature = "client"))]
mod examples;
#[cfg(all(feature = "server", feature = "runtime", feature = "client"))]
mod faulty_store;
#[cfg(feature = "server")]
mod graph;
mod harness;
#[cfg(all(feature = "server", feature = "runtime", feature = "client"))]
mod hostile_graphs;
mod inspection;
#[cfg(all(feature = "server", feature = "runtime", feature = "client"))]
mod interop;
#[cfg(all(feature = "server", feature = "runtime", feature = "client"))]
mod journey;
#[cfg(all(feature = "server", feature = "runtime", feature = "client"))]
mod kept_projections;
mod key_life;
mod kill_points;
#[cfg(all(feature = "server", feature = "runtime", feature = "client"))]
mod kills;
#[cfg(all(feature = "server", feature = "runtime", feature = "client"))]
mod locks;
mod log;
#[cfg(all(feature = "server", feature = "runtime", feature = "client"))]
mod manners;
#[cfg(feature = "server")]
mod migrations;
#[cfg(all(feature = "server", feature = "runtime", feature = "client"))]
mod monitor;
#[cfg(all(feature = "server", feature = "runtime", feature = "client"))]
mod namespace_trust;
mod offline;
#[cfg(all(feature = "server", feature = "runtime", feature = "client"))]
mod operator;
#[cfg(all(feature = "server", feature = "runtime", feature = "client"))]
mod own_host;
#[cfg(all(feature = "server", feature = "runtime", feature = "client"))]
mod publishing;
#[cfg(all(feature = "server", feature = "runtime", feature = "client"))]
mod real_plugins;
#[cfg(all(feature = "server", feature = "runtime", feature = "client"))]
mod registry_keys;
#[cfg(all(feature = "server", feature = "runtime", feature = "client"))]
mod resolving;
#[cfg(feature = "server")]
mod schema;
#[cfg(all(feature = "server", feature = "runtime", feature = "client"))]
mod serving;
#[cfg(all(feature = "server", feature = "client"))]
mod storage;
#[cfg(all(feature = "server", feature = "runtime", feature = "client"))]
mod surviving;
#[cfg(all(feature = "server", feature = "runtime", feature = "client"))]
mod trust;
mod trust_by_hand;
#[cfg(all(feature = "server", feature = "runtime", feature = "client"))]
mod verification;
mod wasm_cases;
#[cfg(all(feature = "server", feature = "runtime", feature = "client"))]
mod web;
#[cfg(all(feature = "server", feature = "runtime", feature = "client"))]
mod witnesses;
