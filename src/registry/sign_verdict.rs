//! The registry's signature under what a verification run found.

use serde::Serialize as _;
use serde_json::{Value, json};

use super::verify_release::VerifyReleaseError;
use super::{Registry, policy_uri};
use crate::db::releases::{self, ReleaseRecord};
use crate::domain::{Digest, Timestamp};
use crate::runtime::{VerificationReport, verification_policy};
use crate::signing::Envelope;
use crate::trust::{self, Verdict};

/// Signs the verdict of a run, passed or failed.
pub(super) async fn sign_verdict(
    registry: &Registry,
    record: &ReleaseRecord,
    report: &VerificationReport,
    now: Timestamp,
) -> Result<Envelope, VerifyReleaseError> {
    let policy_digest = Digest::of(&verification_policy());
    let verdict = Verdict {
        release: record.release.clone(),
        digest: record.digest,
        verifier: verifier_id(registry),
        runtime_version: report.runtime_version.clone(),
        policy_uri: policy_uri(registry, policy_digest),
        policy_digest,
        attestation_digest: attestation_digest(registry, record).await?,
        state: report.state(),
        facts: facts_of(report),
        verified_at: now,
    };
    Ok(trust::sign_verdict(&verdict, registry.keys().registry()))
}

/// The address the operator gave the registry; without one, the name of its log.
fn verifier_id(registry: &Registry) -> String {
    match registry.configuration().public_url.trim_end_matches('/') {
        "" => format!("urn:pluginry:{}", registry.keys().origin()),
        url => url.to_owned(),
    }
}

async fn attestation_digest(
    registry: &Registry,
    record: &ReleaseRecord,
) -> Result<Digest, VerifyReleaseError> {
    let missing = || VerifyReleaseError::PackageMissing(record.release.to_string());
    let mut connection = registry.database().read().await?;
    let texts = releases::find_texts(&mut connection, record.id).await?.ok_or_else(missing)?;
    let envelope = Envelope::from_json(texts.attestation.as_bytes())
        .map_err(|source| VerifyReleaseError::Attestation { release: record.release.to_string(), source })?;
    Ok(Digest::of(&envelope.to_json()))
}

/// What fits into a log entry; the report itself is bound by its digest.
fn facts_of(report: &VerificationReport) -> Value {
    let canonical = serde_json_canonicalizer::to_vec(report).expect("a report has text keys only");
    let outcome = report.outcome.serialize(serde_json::value::Serializer).unwrap_or_default();
    json!({
        "outcome": outcome["kind"],
        "cases": report.cases.len(),
        "cases_passed": report.cases.iter().filter(|case| case.passed).count(),
        "deterministic": report.deterministic,
        "fuel": report.fuel,
        "peak_memory_bytes": report.peak_memory_bytes,
        "compile_ms": report.compile_ms,
        "instantiate_us": report.instantiate_us,
        "report_digest": Digest::of(&canonical),
    })
}
