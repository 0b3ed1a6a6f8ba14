//! Choosing releases: an in-memory index, a request, and either a lock or an explanation in plain words.
//!
//! Everything is pure: the index is handed in, so are the time and the signal to stop. Reading
//! releases from the database or answering HTTP does not belong here. The request and the lock
//! always compile, for clients; the solver comes with the feature `solver`.

#[cfg(feature = "solver")]
mod answer;
#[cfg(feature = "solver")]
mod bounds;
#[cfg(feature = "solver")]
mod candidate;
#[cfg(feature = "solver")]
mod choices;
#[cfg(feature = "solver")]
mod explain;
#[cfg(feature = "solver")]
mod held_back;
#[cfg(feature = "solver")]
mod hindrance;
#[cfg(feature = "solver")]
mod host;
#[cfg(feature = "solver")]
mod index;
#[cfg(feature = "solver")]
mod interval;
#[cfg(feature = "solver")]
mod kept;
mod load_order;
mod lock;
mod mend;
pub mod picture;
#[cfg(feature = "solver")]
mod proof;
#[cfg(feature = "solver")]
mod provider;
mod request;
#[cfg(feature = "solver")]
mod solve;
#[cfg(feature = "solver")]
mod version_bits;

#[cfg(feature = "solver")]
pub use explain::{Explanation, ResolveFailure};
#[cfg(feature = "solver")]
pub use index::{Index, IndexSize, IndexSnapshot, NotAnIndex};
pub use lock::{
    AskedChange, Asker, CapabilityChange, Chain, Chains, Comparison, Facts, HeldBack, KeyFigures, LetGo,
    Link, Lock, LockError, LockProblem, LockedDependency, LockedRelease, Outdated, OutdatedPlugin,
    ReleaseChange, ReleaseChangeKind, TreeLine, TreeView, UpgradePlan,
};
pub use mend::{Change, Mend};
pub use request::{AsOf, HostRequest, LockedHost, Policy, ResolveRequest};
#[cfg(feature = "solver")]
pub use solve::{Circumstances, Unexplained, decide, resolve};
