//! What a verification run demands, as one document: whoever reads a verdict can look up what it was measured by.
//!
//! The engine's version is not part of it; a verdict names that beside the policy.

use serde_json::{Value, json};

use super::VerificationLimits;
use crate::wasm::PreflightLimits;

/// The verification policy of this program, as canonical JSON. Its digest is in every verdict.
pub fn verification_policy() -> Vec<u8> {
    let mut preflight = serde_json::to_value(PreflightLimits::default()).expect("limits are numbers");
    // These two are the limits of the run, below.
    if let Value::Object(limits) = &mut preflight {
        limits.retain(|name, _| name != "memory_bytes" && name != "table_elements");
    }
    let policy = json!({
        "policy": "https://pluginry.dev/verification-policy/v1",
        "preflight": preflight,
        "limits": {
            "memory_bytes": "the manifest's, at most the host profile's",
            "table_elements": VerificationLimits::TABLE_ELEMENTS,
            "stack_bytes": "the host profile's",
            "call_ms": "the manifest's, at most the host profile's",
            "fuel_per_call_ms": VerificationLimits::FUEL_PER_MS,
            "wall_ms_per_call_ms": VerificationLimits::WALL_MS_PER_CALL_MS,
            "wall_ms_per_call_at_least": VerificationLimits::CALL_WALL_MS_LEAST,
            "host_calls_per_call": VerificationLimits::HOST_CALLS,
            "cpu_seconds": VerificationLimits::CPU_SECONDS,
            "wall_seconds": VerificationLimits::WALL_SECONDS,
            "address_space_bytes": VerificationLimits::ADDRESS_SPACE_BYTES,
        },
        "isolation": "a child process without network and files; the capabilities the manifest declares and no others",
        "cases": {
            "required": "every case of the manifest gives what it promises; without cases: it starts and stops",
            "rounds": 2,
            "determinism": "result and fuel of both rounds are compared; a difference is recorded and does not fail the run",
        },
    });
    serde_json_canonicalizer::to_vec(&policy).expect("a policy holds texts and numbers")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When this changes, verdicts name another policy: releases are measured by other rules from then on.
    #[test]
    fn the_policy_is_one_canonical_document() {
        let policy: Value = serde_json::from_slice(&verification_policy()).unwrap();

        insta::assert_json_snapshot!(policy);
    }
}
