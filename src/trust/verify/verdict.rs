//! Step 4: what the registry's verification run found, and by which policy.

use super::words::{minute_of, state_word};
use super::{ProvenRelease, StepRefusal};
use crate::domain::{Digest, VerificationState};
use crate::trust::{VerdictEntry, read_verdict};

/// A verdict that will do.
pub(super) struct CheckedVerdict {
    pub(super) state: VerificationState,
    pub(super) policy_digest: Option<Digest>,
    pub(super) evidence: String,
}

impl ProvenRelease<'_> {
    /// The registry's verdict about these bytes, if one is there or asked for.
    pub(super) fn check_verdict(&self) -> Result<CheckedVerdict, StepRefusal> {
        let why = self.why_a_verdict_is_needed();
        let Some(placed) = &self.verdict else {
            if let Some(why) = why {
                return Err(StepRefusal::VerdictMissing { why });
            }
            let evidence = "not verified yet, and you do not ask for it".to_owned();
            return Ok(CheckedVerdict { state: VerificationState::Pending, policy_digest: None, evidence });
        };
        let verdict = self.read_verdict(placed.index, &placed.entry)?;
        if verdict.state != VerificationState::Passed
            && let Some(why) = why
        {
            return Err(StepRefusal::VerdictNotPassed { state: verdict.state, why });
        }
        let accepted = &self.check.demands.policies;
        if !accepted.is_empty() && !accepted.contains(&verdict.policy_digest) {
            return Err(StepRefusal::PolicyDiffers { found: verdict.policy_digest });
        }
        let evidence = format!(
            "{} on {}, by {} with {}, policy {}",
            state_word(verdict.state),
            minute_of(verdict.verified_at),
            verdict.verifier,
            verdict.runtime_version,
            verdict.policy_digest,
        );
        Ok(CheckedVerdict { state: verdict.state, policy_digest: Some(verdict.policy_digest), evidence })
    }

    fn why_a_verdict_is_needed(&self) -> Option<&'static str> {
        let demands = &self.check.demands;
        let pinned = self.check.pinned.map(|pinned| pinned.verification);
        if demands.verified {
            Some("you ask for releases that passed verification")
        } else if !demands.policies.is_empty() {
            Some("you ask for releases that passed under your policies")
        } else if pinned == Some(VerificationState::Passed) {
            Some("the lock pins a release that passed verification")
        } else {
            None
        }
    }

    fn read_verdict(&self, index: u64, entry: &VerdictEntry) -> Result<crate::trust::Verdict, StepRefusal> {
        let keys = self.check.trust.registry_keys_at(index + 1);
        let verdict = read_verdict(&entry.summary, &keys)?;
        verdict.check_subject(self.check.release, self.bundle.digest)?;
        if verdict.state != entry.state {
            return Err(StepRefusal::VerdictDiffers { what: "result" });
        }
        if verdict.attestation_digest != Digest::of(&self.publish.entry.attestation.to_json()) {
            return Err(StepRefusal::VerdictDiffers { what: "attestation" });
        }
        Ok(verdict)
    }
}
