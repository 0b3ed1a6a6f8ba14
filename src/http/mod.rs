//! The web server: URL table, extractors, handlers, and how errors leave the house.
//!
//! Handlers extract, call one use case and render. Rules belong to `registry`, SQL to `db`.

pub mod api;
mod caching;
pub mod error;
pub mod extract;
mod manners;
pub mod rate_limit;
pub mod routes;
mod startup;
pub mod web;
mod witness;

pub use startup::{Application, StartError};
pub use witness::WitnessApplication;
