//! What ties keys, the log and releases together: log entries, the trust document, verdicts, standings, the recall
//! feed and the bundles that let anybody check them without a network.
//!
//! Everything here is pure: bytes in, value or refusal out. The tree itself belongs to `log`, keys to `signing`,
//! fetching to `client`, deciding to `registry`.

mod bundle;
mod entry;
mod replay;

pub use bundle::{
    BUNDLE_EVENTS_MAX, BUNDLE_FORMAT, BUNDLE_MAX_BYTES, Bundle, BundleError, LOCK_BUNDLE_MAX_BYTES,
    LOCK_BUNDLE_RELEASES_MAX, LockBundle, LoggedEntry,
};
pub use entry::{
    Advice, ENTRY_MAX_BYTES, EntryError, KeyEnrollment, KeyRevocation, LogEvent, LogStatement, LogSubject,
    Moment, Owners, PublishEntry, VerdictEntry,
};
pub use replay::{BrokenRule, LoggedRelease, LoggedRevocation, Replay, Warned};
