//! Step 6: what the package imports, re-derived from its bytes, is within what the host grants.

use super::{Check, ProvenRelease, StepRefusal};
use crate::domain::{Capabilities, CapabilityName, Grants, HostProfile, Manifest, ReleaseId};
use crate::trust::Bundle;
use crate::wasm::{Package, built_in_profiles, derive_capabilities};

/// How the imports were judged.
pub(super) struct Judged {
    pub(super) profile: ReleaseId,
    pub(super) by_bundle: bool,
    needed: Vec<CapabilityName>,
}

impl Judged {
    pub(super) fn evidence(&self, requested: &Capabilities) -> String {
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

impl ProvenRelease<'_> {
    /// The imports need nothing that was not declared and granted.
    pub(super) fn check_imports(&self, package: &Package<'_>) -> Result<Judged, StepRefusal> {
        let (manifest, check) = (&package.manifest, self.check);
        let (profile, by_bundle) = choose_profile(manifest, self.bundle, check)?;
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
