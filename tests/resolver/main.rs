//! The resolver's tests: a binary of its own, since they need neither server nor database and compute much.
//!
//! `*.toml` beside it are scenarios: a small universe, a request and what must come of it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod brute_force;
mod case;
mod checker;
mod checker_finds;
mod derivations;
mod determinism;
mod differential;
mod documentation;
mod explanations;
mod graph;
mod hard;
#[expect(dead_code, reason = "what the server's tests and the example use besides")]
mod hostile;
mod hostile_graphs;
mod index;
mod plain;
mod plain_resolvo;
mod policy;
mod scenarios;
mod universe;
