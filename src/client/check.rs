//! What a host checks of a package before it loads it: the steps, without network.

use serde::Serialize;

use super::TrustedKeys;
use super::error::{Step, StepFailure, StepRefusal};
use crate::domain::{Capabilities, CapabilityName, Digest, Grants, HostProfile, Manifest, ReleaseId};
use crate::signing::{Bundle, KeyId, PublicKey, verify_release};
use crate::wasm::{Package, PackageLimits, built_in_profiles, derive_capabilities, read_package};

/// What a package is checked against.
#[derive(Debug, Clone, Copy)]
pub struct Check<'a> {
    /// The release it must be.
    pub release: &'a ReleaseId,
    /// The digest it must have.
    pub digest: Digest,
    /// The key the lock pins; absent: no lock.
    pub signer: Option<&'a str>,
    /// The keys the host trusts; absent: not told.
    pub trusted: Option<&'a TrustedKeys>,
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
}

/// What makes the signer's key count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Authority {
    /// The host's trust file names it.
    Trusted,
    /// The lock pins it.
    Locked,
    /// The bundle alone names it: this shows that the package is whole, not who made it.
    BundleOnly,
}

/// A step that passed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckedStep {
    /// Its name.
    pub step: &'static str,
    /// What was found.
    pub finding: String,
}

/// A package that passed every step that needs no place on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckedPackage {
    /// The release.
    pub release: String,
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size_bytes: u64,
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
    /// What was not told and therefore not checked.
    pub remarks: Vec<String>,
}

/// Checks a package: digest, manifest, author signature, imports within grants.
pub fn check_package(
    bytes: &[u8],
    bundle: &Bundle,
    check: &Check<'_>,
) -> Result<CheckedPackage, StepFailure> {
    let at = |step: Step| move |refusal: StepRefusal| refusal.at(step, check.release);
    let digest = check_digest(bytes, check).map_err(at(Step::Digest))?;
    let package = check_manifest(bytes, bundle, check).map_err(at(Step::Manifest))?;
    let (signer, authority) = check_signature(&package, bundle, check).map_err(at(Step::Signature))?;
    let judged = check_imports(&package, bundle, check).map_err(at(Step::Imports))?;
    let step = |step: Step, finding: String| CheckedStep { step: step.name(), finding };
    let steps = vec![
        step(Step::Digest, digest.to_string()),
        step(Step::Manifest, format!("{}, {}", check.release, package.kind)),
        step(Step::Signature, format!("key {}, {}", signer.short(), authority.sentence())),
        step(Step::Imports, judged.finding(&package.manifest.capabilities)),
    ];
    Ok(CheckedPackage {
        release: check.release.to_string(),
        digest,
        size_bytes: bytes.len() as u64,
        signer,
        authority,
        profile: judged.profile.to_string(),
        capabilities: package.manifest.capabilities,
        steps,
        remarks: remarks(check, authority, judged.by_bundle),
    })
}

fn check_digest(bytes: &[u8], check: &Check<'_>) -> Result<Digest, StepRefusal> {
    let found = Digest::of(bytes);
    if found != check.digest {
        return Err(StepRefusal::DigestDiffers { expected: check.digest, found });
    }
    Ok(found)
}

fn check_manifest<'a>(
    bytes: &'a [u8],
    bundle: &Bundle,
    check: &Check<'_>,
) -> Result<Package<'a>, StepRefusal> {
    let package = read_package(bytes, check.limits)?;
    for found in [package.manifest.release_id(), bundle.release_id()] {
        if found != *check.release {
            return Err(StepRefusal::AnotherRelease { found });
        }
    }
    if bundle.digest != check.digest {
        return Err(StepRefusal::BundleDiffers { what: "digest" });
    }
    if bundle.manifest_digest != package.manifest_digest {
        return Err(StepRefusal::BundleDiffers { what: "manifest digest" });
    }
    Ok(package)
}

fn check_signature(
    package: &Package<'_>,
    bundle: &Bundle,
    check: &Check<'_>,
) -> Result<(KeyId, Authority), StepRefusal> {
    let key = bundle.public_key;
    if bundle.key_id != key.id() {
        return Err(StepRefusal::BundleDiffers { what: "key id" });
    }
    let authority = authority_of(&key, check)?;
    let (statement, signer) = verify_release(&bundle.attestation, &[key], check.release, check.digest)?;
    if statement.manifest_digest != package.manifest_digest {
        return Err(StepRefusal::StatementDiffers { what: "a manifest digest" });
    }
    if statement.capabilities != package.manifest.capabilities {
        return Err(StepRefusal::StatementDiffers { what: "capabilities" });
    }
    Ok((signer, authority))
}

/// The lock's pin and the trust file are both binding when given.
fn authority_of(key: &PublicKey, check: &Check<'_>) -> Result<Authority, StepRefusal> {
    if let Some(pinned) = check.signer
        && pinned != key.id().to_hex()
    {
        let (expected, found) = (pinned.chars().take(12).collect(), key.id().short());
        return Err(StepRefusal::SignerDiffers { expected, found });
    }
    if let Some(trusted) = check.trusted {
        if !trusted.for_namespace(check.release.plugin.namespace()).contains(key) {
            return Err(StepRefusal::SignerNotTrusted { found: key.id() });
        }
        return Ok(Authority::Trusted);
    }
    Ok(if check.signer.is_some() { Authority::Locked } else { Authority::BundleOnly })
}

/// How the imports were judged.
struct Judged {
    profile: ReleaseId,
    by_bundle: bool,
    needed: Vec<CapabilityName>,
}

impl Judged {
    fn finding(&self, requested: &Capabilities) -> String {
        let used = match self.needed.as_slice() {
            [] => "imports no power".to_owned(),
            needed => format!("imports {}", join(needed)),
        };
        let unused: Vec<_> = requested.keys().filter(|name| !self.needed.contains(name)).collect();
        let asked =
            if unused.is_empty() { String::new() } else { format!(", asks also for {}", join(&unused)) };
        format!("{used}{asked}, by {}", self.profile)
    }
}

fn join(names: &[impl ToString]) -> String {
    names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn check_imports(package: &Package<'_>, bundle: &Bundle, check: &Check<'_>) -> Result<Judged, StepRefusal> {
    let manifest = &package.manifest;
    let (profile, by_bundle) = choose_profile(manifest, bundle, check)?;
    let derived = derive_capabilities(package.bytes, profile)?;
    for (capability, imports) in &derived {
        let (capability, imports) = (capability.clone(), imports.join(", "));
        if check.grants.is_some_and(|grants| !grants.contains_key(&capability)) {
            return Err(StepRefusal::NotGranted { capability, because: format!(" for {imports}") });
        }
        if !manifest.capabilities.contains_key(&capability) {
            return Err(StepRefusal::NotDeclared { capability, imports });
        }
    }
    if let Some(grants) = check.grants {
        check_requests(manifest, grants)?;
    }
    let profile = ReleaseId::new(profile.name.clone(), profile.version.clone());
    Ok(Judged { profile, by_bundle, needed: derived.into_keys().collect() })
}

fn check_requests(manifest: &Manifest, grants: &Grants) -> Result<(), StepRefusal> {
    for (capability, request) in &manifest.capabilities {
        let capability = capability.clone();
        let Some(granted) = grants.get(&capability) else {
            return Err(StepRefusal::NotGranted { capability, because: String::new() });
        };
        if !request.scope.is_within(granted) {
            let (asked, granted) = (request.scope.clone(), granted.clone());
            return Err(StepRefusal::ScopeNotGranted { capability, asked, granted });
        }
    }
    Ok(())
}

/// The host's own contract judges; a registry's copy only where the caller accepts that.
fn choose_profile<'a>(
    manifest: &Manifest,
    bundle: &'a Bundle,
    check: &Check<'a>,
) -> Result<(&'a HostProfile, bool), StepRefusal> {
    let wanted = |profile: &&HostProfile| match check.host {
        Some(host) => profile.name == host.plugin && profile.version == host.version,
        None => profile.name == manifest.host.profile && manifest.host.version.matches(&profile.version),
    };
    let known = check.profiles.iter().chain(built_in_profiles()).filter(wanted);
    if let Some(profile) = known.max_by(|a, b| a.version.cmp(&b.version)) {
        return Ok((profile, false));
    }
    if check.believe_bundle_profile && wanted(&&bundle.profile) {
        return Ok((&bundle.profile, true));
    }
    let of_bundle = || ReleaseId::new(bundle.profile.name.clone(), bundle.profile.version.clone());
    Err(StepRefusal::UnknownProfile { profile: check.host.cloned().unwrap_or_else(of_bundle) })
}

impl Authority {
    /// The authority as the end of a sentence.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Trusted => "named in your trust file",
            Self::Locked => "pinned by the lock",
            Self::BundleOnly => "named by the bundle alone",
        }
    }
}

fn remarks(check: &Check<'_>, authority: Authority, profile_by_bundle: bool) -> Vec<String> {
    let mut remarks = Vec::new();
    if authority == Authority::BundleOnly {
        remarks.push(
            "The author's key was taken from the bundle itself: the package is whole, but who made it was not checked. Give --trust or --lock."
                .into(),
        );
    }
    if check.grants.is_none() {
        remarks.push("No grants were given: the imports were checked against what the package declares itself. Give --lock.".into());
    }
    if profile_by_bundle {
        remarks.push("The host profile was taken from the bundle: whoever wrote the bundle decided which imports need a capability. Give --profile-file.".into());
    }
    remarks
}
