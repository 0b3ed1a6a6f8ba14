//! The registry's verdict after a verification run: a SLSA Verification Summary Attestation, version 1
//! (<https://slsa.dev/spec/v1.1/verification_summary>).

use serde::{Deserialize, Serialize};

use super::statement::{Kind, ReleaseKind, StatementError, WireDigest};
use crate::domain::{Digest, ReleaseId, Timestamp, VerificationState};
use crate::signing::{Envelope, PublicKey, ReleaseStatement, SecretKey};

/// `predicateType` of a verdict.
pub const VERDICT_PREDICATE_TYPE: &str = "https://slsa.dev/verification_summary/v1";

/// The level a release reached that did what its manifest promises.
pub const RUNS_AS_DECLARED: &str = "PLUGINRY_RUNS_AS_DECLARED";

const KIND: ReleaseKind =
    ReleaseKind { kind: Kind::statement("verdict", 40 * 1024), predicate_type: VERDICT_PREDICATE_TYPE };

/// How a verification run ended, as the registry stands for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// The release.
    pub release: ReleaseId,
    /// SHA-256 of its package.
    pub digest: Digest,
    /// `verifier.id`: the address of the registry.
    pub verifier: String,
    /// The engine that ran it, such as `wasmtime 48.0.8`.
    pub runtime_version: String,
    /// Where the verification policy is read.
    pub policy_uri: String,
    /// SHA-256 of the policy's canonical JSON.
    pub policy_digest: Digest,
    /// SHA-256 of the author's envelope as logged.
    pub attestation_digest: Digest,
    /// Passed or failed.
    pub state: VerificationState,
    /// What the run found, for people and for later comparison.
    pub facts: serde_json::Value,
    /// When the run ended.
    pub verified_at: Timestamp,
}

/// Unknown fields are let be, as the specification asks of consumers.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Predicate {
    verifier: Verifier,
    time_verified: Timestamp,
    resource_uri: String,
    policy: Resource,
    input_attestations: Vec<InputAttestation>,
    verification_result: VerificationResult,
    verified_levels: Vec<String>,
    slsa_version: String,
    #[serde(rename = "https://pluginry.dev/verdict/facts/v1", default)]
    facts: serde_json::Value,
}

#[derive(Serialize, Deserialize)]
struct Verifier {
    id: String,
    version: VerifierVersion,
}

#[derive(Serialize, Deserialize)]
struct VerifierVersion {
    runtime: String,
}

#[derive(Serialize, Deserialize)]
struct Resource {
    uri: String,
    digest: WireDigest,
}

#[derive(Serialize, Deserialize)]
struct InputAttestation {
    digest: WireDigest,
}

#[derive(Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "UPPERCASE")]
enum VerificationResult {
    Passed,
    Failed,
}

impl Verdict {
    /// Refuses a verdict about another package.
    pub fn check_subject(&self, release: &ReleaseId, digest: Digest) -> Result<(), StatementError> {
        KIND.check_subject((&self.release, self.digest), (release, digest))
    }
}

/// Signs a verdict with the registry key. A run that did not pass is a failed one.
pub fn sign_verdict(verdict: &Verdict, key: &SecretKey) -> Envelope {
    let (verification_result, level) = match verdict.state {
        VerificationState::Passed => (VerificationResult::Passed, RUNS_AS_DECLARED),
        VerificationState::Failed | VerificationState::Pending => (VerificationResult::Failed, "FAILED"),
    };
    let predicate = Predicate {
        verifier: Verifier {
            id: verdict.verifier.clone(),
            version: VerifierVersion { runtime: verdict.runtime_version.clone() },
        },
        time_verified: verdict.verified_at,
        resource_uri: ReleaseStatement::subject_name(&verdict.release),
        policy: Resource { uri: verdict.policy_uri.clone(), digest: WireDigest::of(verdict.policy_digest) },
        input_attestations: vec![InputAttestation { digest: WireDigest::of(verdict.attestation_digest) }],
        verification_result,
        verified_levels: vec![level.to_owned()],
        slsa_version: "1.0".to_owned(),
        facts: verdict.facts.clone(),
    };
    KIND.sign(&verdict.release, verdict.digest, &predicate, key)
}

/// Reads a verdict that one of the registry's `keys` signed.
pub fn read_verdict(envelope: &Envelope, keys: &[PublicKey]) -> Result<Verdict, StatementError> {
    let (release, digest, predicate): (_, _, Predicate) = KIND.read(envelope, keys)?;
    let unreadable = |problem: String| KIND.kind.unreadable(problem);
    if predicate.resource_uri != ReleaseStatement::subject_name(&release) {
        return Err(unreadable("`resourceUri` names another release than the subject".into()));
    }
    let [input] = predicate.input_attestations.as_slice() else {
        let count = predicate.input_attestations.len();
        return Err(unreadable(format!("`inputAttestations` has {count} items, not one")));
    };
    let says_passed = predicate.verified_levels.iter().any(|level| level == RUNS_AS_DECLARED);
    let has_passed = predicate.verification_result == VerificationResult::Passed;
    if says_passed != has_passed {
        return Err(unreadable("`verificationResult` and `verifiedLevels` disagree".into()));
    }
    Ok(Verdict {
        release,
        digest,
        verifier: predicate.verifier.id,
        runtime_version: predicate.verifier.version.runtime,
        policy_uri: predicate.policy.uri,
        policy_digest: predicate.policy.digest.read("policy.digest").map_err(unreadable)?,
        attestation_digest: input.digest.read("inputAttestations[0].digest").map_err(unreadable)?,
        state: if has_passed { VerificationState::Passed } else { VerificationState::Failed },
        facts: predicate.facts,
        verified_at: predicate.time_verified,
    })
}
