//! What a host embeds, and what the command line uses: talk to a registry, fetch, and check.
//!
//! A [`Client`] publishes, searches, resolves and fetches. Nothing it fetches is believed for coming
//! from the registry: [`Client::fetch`] checks digest, author signature and imports of every package
//! of a lock itself, in named [`Step`]s, before the first file appears; [`check_package`] does the same
//! for a file at hand, without network.
//!
//! No server code, no database and no engine may be imported here, and nothing is printed.

mod check;
mod connection;
mod error;
mod fetch;
mod monitor;
mod requests;
#[cfg(test)]
mod tests;
mod transport;

pub use crate::trust::{TrustError, TrustedKey, TrustedKeys};
pub use check::{Authority, Check, CheckedPackage, CheckedStep, check_package};
pub use connection::Client;
pub use error::{ClientError, Problem, Step, StepFailure, StepRefusal};
pub use fetch::{FetchOptions, FetchProgress, FetchedPackage};
pub use monitor::{Difference, Monitor, MonitorOptions, MonitorProgress, MonitorReport};
pub use requests::Publication;
