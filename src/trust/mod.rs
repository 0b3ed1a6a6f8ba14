//! What ties keys, the log and releases together: log entries, the trust document, verdicts, standings, the recall
//! feed and the bundles that let anybody check them without a network.
//!
//! Everything here is pure: bytes in, value or refusal out. The tree itself belongs to `log`, keys to `signing`,
//! fetching to `client`, deciding to `registry`.

mod authors;
mod bundle;
mod document;
mod entry;
mod recalls;
mod replay;
mod standing;
mod statement;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod trust_file;
mod verdict;
mod verify;

pub use authors::{TrustError, TrustedKey, TrustedKeys};
pub use bundle::{
    BUNDLE_EVENTS_MAX, BUNDLE_FORMAT, BUNDLE_MAX_BYTES, Bundle, BundleError, LOCK_BUNDLE_MAX_BYTES,
    LOCK_BUNDLE_RELEASES_MAX, LockBundle, LoggedEntry,
};
pub use document::{
    DatedKey, TRUST_PAYLOAD_TYPE, TRUST_VERSIONS_MAX, TrustChain, TrustChainError, TrustDocument,
};
pub use entry::{
    Advice, ENTRY_MAX_BYTES, EntryError, KeyEnrollment, KeyRevocation, LogEvent, LogStatement, LogSubject,
    Moment, NamespaceTrust, Owners, PublishEntry, VerdictEntry,
};
pub use recalls::{
    RECALLS_LIFE_SECONDS, RECALLS_PAYLOAD_TYPE, RecallFeed, RecallItem, RecallKind, RevokedKey, read_recalls,
    sign_recalls,
};
pub use replay::{BrokenRule, LoggedRelease, LoggedRevocation, Replay, Warned};
pub use standing::{STANDING_PREDICATE_TYPE, Standing, read_standing, sign_standing};
pub use statement::StatementError;
pub use trust_file::TrustFile;
pub use verdict::{RUNS_AS_DECLARED, VERDICT_PREDICATE_TYPE, Verdict, read_verdict, sign_verdict};
pub use verify::{
    Authority, Check, CheckedPackage, CheckedStep, Claims, Demands, Pinned, ProvenRelease, Step, StepFailure,
    StepRefusal, Witnesses, check_log, check_package, read_checkpoint,
};
