//! Choosing releases: an in-memory index, a request, and either a lock or an explanation in plain words.
//!
//! Everything is pure: the index is handed in, so are the time and the signal to stop. Reading
//! releases from the database or answering HTTP does not belong here. The request and the lock
//! always compile, for clients; the solver comes with the feature `server`.

#[cfg(feature = "server")]
mod candidate;
#[cfg(feature = "server")]
mod explain;
#[cfg(feature = "server")]
mod facts;
#[cfg(feature = "server")]
mod failure;
#[cfg(feature = "server")]
mod index;
#[cfg(feature = "server")]
mod interval;
#[cfg(feature = "server")]
mod load_order;
mod lock;
#[cfg(feature = "server")]
mod provider;
mod request;
#[cfg(feature = "server")]
mod solve;
#[cfg(feature = "server")]
mod version_bits;

#[cfg(feature = "server")]
pub use failure::{Explanation, ResolveFailure};
#[cfg(feature = "server")]
pub use index::{Index, IndexSize, IndexSnapshot};
pub use lock::{HeldBack, Lock, LockError, LockedRelease};
pub use request::{AsOf, HostRequest, Policy, ResolveRequest};
#[cfg(feature = "server")]
pub use solve::{Circumstances, resolve};
