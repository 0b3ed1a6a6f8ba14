//! Choosing releases: an in-memory index, a request, and either a lock or an explanation in plain words.
//!
//! Everything is pure: the index is handed in, so are the time and the signal to stop. Reading
//! releases from the database or answering HTTP does not belong here. The request and the lock
//! always compile, for clients; the solver comes with the feature `server`.

#[cfg(feature = "server")]
mod explain;
#[cfg(feature = "server")]
mod index;
mod lock;
mod request;
#[cfg(feature = "server")]
mod solve;

#[cfg(feature = "server")]
pub use explain::ResolveFailure;
#[cfg(feature = "server")]
pub use index::{Index, IndexSnapshot};
pub use lock::{HeldBack, Lock, LockError, LockedRelease};
pub use request::{AsOf, HostRequest, Policy, ResolveRequest};
#[cfg(feature = "server")]
pub use solve::{Circumstances, resolve};
