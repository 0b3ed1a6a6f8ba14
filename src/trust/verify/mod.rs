//! How a host that knows nothing but a registry's keys decides by itself: seven steps, always in the same order,
//! each with the evidence it rests on.
//!
//! Pure: the package, the bundle and the time come from the caller. Fetching and remembering belong to the client.

mod imports;
mod logged;
mod package;
mod refusal;
mod standing;
mod step;
#[cfg(test)]
mod tests;
mod verdict;
mod words;

use serde::Serialize;

pub use logged::{ProvenRelease, Witnesses, check_log, read_checkpoint};
pub use refusal::StepRefusal;
pub use step::{CheckedStep, Step, StepFailure};

use super::{Bundle, RecallFeed, TrustDocument, TrustedKeys};
use crate::domain::{Capabilities, Digest, Grants, HostProfile, ReleaseId, Timestamp, VerificationState};
use crate::log::Checkpoint;
use crate::signing::KeyId;
use crate::wasm::PackageLimits;

/// What a release is checked against.
#[derive(Debug, Clone, Copy)]
pub struct Check<'a> {
    /// The release it must be.
    pub release: &'a ReleaseId,
    /// The keys of the registry, as the host pinned them.
    pub trust: &'a TrustDocument,
    /// The log as the host knows it; a bundle of a smaller tree is refused.
    pub known_log: Option<&'a Checkpoint>,
    /// The recall feed; its signature was checked when it was read. Absent: not told.
    pub recalls: Option<&'a RecallFeed>,
    /// What a lock pins; absent: no lock.
    pub pinned: Option<Pinned<'a>>,
    /// The author keys the host trusts; absent: not told, so the keys the log enrolled count.
    pub authors: Option<&'a TrustedKeys>,
    /// What the host asks for beyond what every release must have.
    pub demands: &'a Demands,
    /// What the host grants; absent: not told, so the manifest's own requests are the bound.
    pub grants: Option<&'a Grants>,
    /// The host's own contract; absent: not told, so the one the manifest asks for.
    pub host: Option<&'a ReleaseId>,
    /// Contracts the caller knows, beside the built-in ones.
    pub profiles: &'a [HostProfile],
    /// Whether the bundle's copy of a contract is good enough. A hacked registry could have changed it.
    pub believe_bundle_profile: bool,
    /// Bounds on the package.
    pub limits: &'a PackageLimits,
    /// The time.
    pub now: Timestamp,
}

/// What a lock pins of a release.
#[derive(Debug, Clone, Copy)]
pub struct Pinned<'a> {
    /// SHA-256 of the package.
    pub digest: Digest,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// Id of the key that signed it.
    pub signer: &'a str,
    /// Where its verification stood.
    pub verification: VerificationState,
}

/// What a host asks for beyond what every release must have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Demands {
    /// Only what passed its verification.
    pub verified: bool,
    /// Only what was verified by one of these policies; empty: any.
    pub policies: Vec<Digest>,
    /// Only what has been in the log for so long.
    pub min_age_hours: Option<u32>,
    /// Take a yanked release although no lock pins it.
    pub accept_yanked: bool,
}

/// What makes the signer's key count, beside its enrolment in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Authority {
    /// The host's trust file names it.
    Trusted,
    /// The lock pins it.
    Locked,
    /// The log alone: the registry says whose key it is.
    Logged,
}

impl Authority {
    /// The authority as the end of a sentence.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Trusted => "named in your trust file",
            Self::Locked => "pinned by the lock",
            Self::Logged => "vouched for by the registry alone",
        }
    }
}

/// A release that passed every step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckedPackage {
    /// The release.
    pub release: String,
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// The log it was found in.
    pub origin: String,
    /// The size of that log.
    pub tree_size: u64,
    /// Its place there.
    pub log_index: u64,
    /// When it came there.
    pub published_at: Timestamp,
    /// How its verification ended.
    pub verification: VerificationState,
    /// The policy it was verified by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_digest: Option<Digest>,
    /// The key that signed it.
    pub signer: KeyId,
    /// What makes that key count.
    pub authority: Authority,
    /// The contract its imports were judged by.
    pub profile: String,
    /// What it asks for.
    pub capabilities: Capabilities,
    /// What was checked, in order.
    pub steps: Vec<CheckedStep>,
    /// What a person should know besides, and what was not told and therefore not checked.
    pub remarks: Vec<String>,
}

/// Checks a package by its bundle, step by step.
pub fn check_package(
    bytes: &[u8],
    bundle: &Bundle,
    check: &Check<'_>,
) -> Result<CheckedPackage, StepFailure> {
    check_log(bundle, check)?.check_package(bytes)
}

/// What the log and the registry say of a release whose package is not there yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claims {
    /// Whether its author withdrew it from new resolves.
    pub yanked: bool,
}

impl ProvenRelease<'_> {
    /// What can be checked of the later steps without the bytes: verdict, key, age and standing. For a choice, not
    /// for loading.
    pub fn check_claims(&self) -> Result<Claims, StepFailure> {
        let release = self.check.release;
        let at = |step: Step| move |refusal: StepRefusal| refusal.at(step, release);
        self.check_verdict().map_err(at(Step::Verdict))?;
        self.check_key_counts().map_err(at(Step::Signature))?;
        let standing = self.check_standing().map_err(at(Step::Standing))?;
        Ok(Claims { yanked: standing.yanked })
    }

    /// The steps that need the bytes.
    pub fn check_package(self, bytes: &[u8]) -> Result<CheckedPackage, StepFailure> {
        let check = self.check;
        let at = |step: Step| move |refusal: StepRefusal| refusal.at(step, check.release);
        let (package, digest) = self.check_bytes(bytes).map_err(at(Step::Digest))?;
        let verdict = self.check_verdict().map_err(at(Step::Verdict))?;
        let signed = self.check_signature(&package).map_err(at(Step::Signature))?;
        let judged = self.check_imports(&package).map_err(at(Step::Imports))?;
        let standing = self.check_standing().map_err(at(Step::Standing))?;

        let mut steps = self.steps.clone();
        steps.extend([
            CheckedStep { step: Step::Digest, evidence: digest },
            CheckedStep { step: Step::Verdict, evidence: verdict.evidence },
            CheckedStep { step: Step::Signature, evidence: signed.evidence },
            CheckedStep { step: Step::Imports, evidence: judged.evidence(&package.manifest.capabilities) },
            CheckedStep { step: Step::Standing, evidence: standing.evidence },
        ]);
        let mut remarks = standing.remarks;
        remarks.extend(signed.remark);
        remarks.extend(self.untold(signed.authority, judged.by_bundle));
        Ok(CheckedPackage {
            release: check.release.to_string(),
            digest: self.bundle.digest,
            size_bytes: bytes.len() as u64,
            origin: self.checkpoint.origin,
            tree_size: self.checkpoint.tree_size,
            log_index: self.publish.index,
            published_at: self.publish.entry.at,
            verification: verdict.state,
            policy_digest: verdict.policy_digest,
            signer: self.bundle.key_id,
            authority: signed.authority,
            profile: judged.profile.to_string(),
            capabilities: package.manifest.capabilities,
            steps,
            remarks,
        })
    }

    /// What was not told, and what that means.
    fn untold(&self, authority: Authority, profile_by_bundle: bool) -> Vec<String> {
        let namespace = self.check.release.plugin.namespace();
        let mut remarks = Vec::new();
        if authority == Authority::Logged {
            remarks.push(format!(
                "That the author's key belongs to {namespace} is the registry's word alone. Name the keys you trust in the trust file, or give --lock."
            ));
        }
        if self.check.grants.is_none() {
            remarks.push("No grants were given: the imports were checked against what the package declares itself. Give --lock.".into());
        }
        if profile_by_bundle {
            remarks.push("The host profile was taken from the bundle: whoever wrote the bundle decided which imports need a capability. Give --profile-file.".into());
        }
        remarks
    }
}
