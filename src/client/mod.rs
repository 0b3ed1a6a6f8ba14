//! What a host embeds, and what the command line uses: talk to a registry, fetch, and check.
//!
//! A [`Client`] publishes, searches, resolves and fetches. A [`Contact`] comes first: it pins the registry's keys,
//! checks that its log continues the one remembered in the [`Memory`], and reads the recall feed. Nothing that is
//! fetched is believed for coming from the registry: [`Client::fetch`] takes the steps of [`crate::trust`] for every
//! package of a lock before the first file appears.
//!
//! No server code, no database and no engine may be imported here, and nothing is printed.

mod connection;
mod contact;
mod contact_refusal;
mod error;
mod fetch;
mod lock_answers;
mod memory;
mod monitor;
mod requests;
mod resolve;
#[cfg(test)]
mod tests;
mod transport;

pub use connection::Client;
pub use contact::{Contact, Pinning};
pub use contact_refusal::ContactRefusal;
pub use error::{ClientError, Problem};
pub use fetch::{FetchOptions, FetchProgress, Fetched, FetchedPackage, place_of};
pub use memory::{Memory, MemoryError, OpenMemory, Remembered};
pub use monitor::{Difference, Monitor, MonitorOptions, MonitorProgress, MonitorReport};
pub use requests::Publication;
