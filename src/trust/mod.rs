//! What ties keys, the log and releases together: log entries, the trust document, verdicts, standings, the recall
//! feed and the bundles that let anybody check them without a network.
//!
//! Everything here is pure: bytes in, value or refusal out. The tree itself belongs to `log`, keys to `signing`,
//! fetching to `client`, deciding to `registry`.

mod bundle;
mod document;
mod entry;
mod recalls;
mod replay;
mod standing;
mod statement;
#[cfg(test)]
mod tests;
mod verdict;

pub use bundle::{
    BUNDLE_EVENTS_MAX, BUNDLE_FORMAT, BUNDLE_MAX_BYTES, Bundle, BundleError, LOCK_BUNDLE_MAX_BYTES,
    LOCK_BUNDLE_RELEASES_MAX, LockBundle, LoggedEntry,
};
pub use document::{
    DatedKey, TRUST_PAYLOAD_TYPE, TRUST_VERSIONS_MAX, TrustChain, TrustChainError, TrustDocument,
};
pub use entry::{
    Advice, ENTRY_MAX_BYTES, EntryError, KeyEnrollment, KeyRevocation, LogEvent, LogStatement, LogSubject,
    Moment, Owners, PublishEntry, VerdictEntry,
};
pub use recalls::{
    RECALLS_LIFE_SECONDS, RECALLS_PAYLOAD_TYPE, RecallFeed, RecallItem, RecallKind, RevokedKey, read_recalls,
    sign_recalls,
};
pub use replay::{BrokenRule, LoggedRelease, LoggedRevocation, Replay, Warned};
pub use standing::{STANDING_PREDICATE_TYPE, Standing, read_standing, sign_standing};
pub use statement::StatementError;
pub use verdict::{RUNS_AS_DECLARED, VERDICT_PREDICATE_TYPE, Verdict, read_verdict, sign_verdict};
