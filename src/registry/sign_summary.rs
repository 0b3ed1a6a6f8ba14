//! The registry's signature under what a verification run found.

use super::Registry;
use crate::db::releases::ReleaseRecord;
use crate::domain::{Timestamp, VerificationState};
use crate::signing::{Envelope, PAYLOAD_TYPE};

/// Signs the summary of a verification run.
pub(super) fn sign_summary(
    registry: &Registry,
    record: &ReleaseRecord,
    state: VerificationState,
    runtime_version: &str,
    now: Timestamp,
) -> Envelope {
    let summary = serde_json::json!({
        "release": record.release, "digest": record.digest, "state": state, "runtime": runtime_version, "at": now,
    });
    let payload = serde_json_canonicalizer::to_vec(&summary).expect("a summary has text keys only");
    Envelope::sign(PAYLOAD_TYPE, payload, registry.keys().registry())
}
