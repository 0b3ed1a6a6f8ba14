//! Inspection: a package's bytes and manifest against a host profile.
//!
//! The same code runs when an author inspects, when the registry publishes and when a host is about to
//! load. What the manifest says about itself is checked in `declared`, exports in `extension_points`.

use std::collections::BTreeMap;

use super::contract::{Contract, Judgement, label};
use super::declared::{capability_findings, capability_line, check_declared};
use super::extension_points::check_exports;
use super::preflight::{PreflightError, PreflightLimits, preflight};
use super::printable::{printable, printable_message};
use super::report::{Finding, ImportDecision, ImportFinding, InspectionReport};
use super::surface::{Import, Shape, Surface, SurfaceError, read_surface};
use super::{Package, PackageKind};
use crate::domain::{CapabilityName, HostProfile, Manifest, Refusal};

/// Refusals of one kind are listed one by one up to this number, the rest as a count.
const LISTED_MAX: usize = 20;

/// Reads a package against a profile: what it imports and exports, whether the manifest declares what
/// that needs, and whether the work it would make is bounded. Compiles and runs nothing.
pub fn inspect(package: &Package<'_>, profile: &HostProfile) -> InspectionReport {
    let manifest = &package.manifest;
    let mut report = InspectionReport::empty(package.kind, profile.id());
    check_declared(manifest, profile, &mut report);
    let is_valid = run_preflight(package, profile, &mut report);
    let contract = match Contract::new(profile) {
        Ok(contract) => contract,
        Err(problem) => {
            report.refusals.push(Finding {
                code: "profile-wit-invalid".into(),
                message: format!(
                    "the WIT of {} cannot be read: {}",
                    profile.id(),
                    printable_message(&problem)
                ),
                place: Some("profile".into()),
                mend: Some("Ask the owner of the profile to correct it.".into()),
            });
            return report;
        }
    };
    if !contract.loads(package.kind) {
        report.refusals.push(abi_mismatch(package.kind, profile));
        report.capabilities = capability_findings(manifest, profile, &BTreeMap::new());
        return report;
    }
    match read_surface(package.bytes) {
        Ok(surface) => check_surface(&surface, manifest, &contract, &mut report),
        Err(error) => {
            report.capabilities = capability_findings(manifest, profile, &BTreeMap::new());
            if is_valid {
                report.refusals.push(unreadable(&error));
            }
        }
    }
    report
}

fn check_surface(
    surface: &Surface,
    manifest: &Manifest,
    contract: &Contract<'_>,
    report: &mut InspectionReport,
) {
    let used_by = check_imports(surface, manifest, contract, report);
    check_exports(surface, manifest, contract, report);
    report.capabilities = capability_findings(manifest, contract.profile, &used_by);
    for capability in report.capabilities.iter().filter(|capability| capability.used_by.is_empty()) {
        if contract.profile.capability(&capability.name).is_some() {
            report.warnings.push(Finding {
                code: "unused-capability".into(),
                message: format!(
                    "the manifest declares `{}`, but nothing the package imports needs it: it asks for more than it uses",
                    capability.name
                ),
                place: Some(format!("capabilities.{}", capability.name)),
                mend: Some(format!("Remove `{}` from [capabilities] in plugin.toml.", capability.name)),
            });
        }
    }
}

/// Whether the bytes are valid; the report gets the facts or the refusal.
fn run_preflight(package: &Package<'_>, profile: &HostProfile, report: &mut InspectionReport) -> bool {
    let most = profile.limits.memory_mib;
    let memory_mib = package.manifest.limits.memory_mib.unwrap_or(most).min(most);
    match preflight(package.bytes, &PreflightLimits::with_memory_mib(memory_mib)) {
        Ok(facts) => {
            report.preflight = Some(facts);
            true
        }
        Err(error) => {
            report.refusals.push(Finding {
                code: error.code().to_owned(),
                message: printable_message(&error.to_string()),
                place: None,
                mend: error.mend(),
            });
            !matches!(error, PreflightError::Invalid { .. })
        }
    }
}

fn abi_mismatch(kind: PackageKind, profile: &HostProfile) -> Finding {
    let wanted = match kind {
        PackageKind::Core => PackageKind::Component,
        PackageKind::Component => PackageKind::Core,
    };
    let how = match wanted {
        PackageKind::Component => {
            "Build for the target wasm32-wasip2, or run `pluginry pack` on a core module that carries WIT."
        }
        PackageKind::Core => "Build a core module (target wasm32-unknown-unknown or wasm32-wasip1).",
    };
    Finding {
        code: "abi-mismatch".into(),
        message: format!("the package is a {kind}; {} loads a {wanted} only", profile.id()),
        place: Some("host.profile".into()),
        mend: Some(format!("{how} Or choose another profile in [host].")),
    }
}

fn unreadable(error: &SurfaceError) -> Finding {
    let (code, mend) = match error {
        SurfaceError::Invalid { .. } => ("wasm-invalid", "Build the .wasm again with a current toolchain."),
        SurfaceError::TooMany { what: "imports" } => {
            ("too-many-imports", "Import fewer functions; a profile offers far fewer.")
        }
        SurfaceError::TooMany { .. } => {
            ("too-many-exports", "Export what the extension points call and let the linker drop the rest.")
        }
    };
    Finding { code: code.into(), message: error.to_string(), place: None, mend: Some(mend.into()) }
}

/// Decides on every import; returns which imports need each capability.
fn check_imports(
    surface: &Surface,
    manifest: &Manifest,
    contract: &Contract<'_>,
    report: &mut InspectionReport,
) -> BTreeMap<CapabilityName, Vec<String>> {
    let mut used_by: BTreeMap<CapabilityName, Vec<String>> = BTreeMap::new();
    let mut bad = 0;
    for import in &surface.imports {
        let decision = match contract.judge(import) {
            Judgement::Offered { needs } => {
                for capability in &needs {
                    used_by.entry(capability.clone()).or_default().push(label(import));
                }
                decide_offered(needs, manifest, contract.profile)
            }
            Judgement::Different { expected, found } => ImportDecision::TypeMismatch { expected, found },
            // Looking for the nearest costs; nobody reads the hundredth.
            Judgement::Unknown if bad >= LISTED_MAX => ImportDecision::Unknown { nearest: None },
            Judgement::Unknown => ImportDecision::Unknown { nearest: contract.nearest(import) },
        };
        if let Some(refusal) = import_refusal(import, &decision, contract.profile) {
            bad += 1;
            if bad <= LISTED_MAX {
                report.refusals.push(refusal);
            }
        }
        report.imports.push(import_finding(import, decision));
    }
    if bad > LISTED_MAX {
        report.refusals.push(Finding {
            code: "more-refused-imports".into(),
            message: format!("{} further imports are refused too", bad - LISTED_MAX),
            place: None,
            mend: Some("Check that [host] names the profile the package was built for.".into()),
        });
    }
    report.refusals.extend(undeclared_refusals(&used_by, manifest, contract.profile));
    used_by
}

fn decide_offered(needs: Vec<CapabilityName>, manifest: &Manifest, profile: &HostProfile) -> ImportDecision {
    if needs.is_empty() {
        return ImportDecision::AlwaysAllowed;
    }
    let lacking: Vec<CapabilityName> =
        needs.iter().filter(|name| !manifest.capabilities.contains_key(*name)).cloned().collect();
    if lacking.is_empty() {
        return ImportDecision::Declared { capabilities: needs };
    }
    let line = lacking.iter().map(|name| capability_line(name, profile)).collect::<Vec<_>>().join("\n");
    ImportDecision::Undeclared { capabilities: lacking, line }
}

fn import_finding(import: &Import, decision: ImportDecision) -> ImportFinding {
    let (ty, functions) = match &import.shape {
        Shape::Core(ty) | Shape::Function(ty) => (Some(printable_message(ty)), Vec::new()),
        Shape::Interface(functions) => (None, functions.keys().map(|name| printable(name)).collect()),
        Shape::Other(what) => (Some((*what).to_owned()), Vec::new()),
    };
    ImportFinding {
        module: printable(&import.module),
        name: import.name.as_deref().map(printable),
        version: import.version.clone(),
        ty,
        functions,
        decision,
    }
}

/// The refusal of an import that no declaration could allow.
fn import_refusal(import: &Import, decision: &ImportDecision, profile: &HostProfile) -> Option<Finding> {
    let import = label(import);
    let (code, message, mend) = match decision {
        ImportDecision::Unknown { nearest } => (
            "unknown-import",
            format!("the package imports `{import}`, which {} does not offer", profile.id()),
            match nearest {
                Some(nearest) => {
                    format!(
                        "Did you mean `{nearest}`? Use it, or name the profile the package is built for in [host]."
                    )
                }
                None => {
                    "Remove the import, or name the profile the package is built for in [host].".to_owned()
                }
            },
        ),
        ImportDecision::TypeMismatch { expected, found } => (
            "import-type-mismatch",
            format!("the package imports `{import}` as {found}, but {} offers {expected}", profile.id()),
            format!("Build against the interface of {}.", profile.id()),
        ),
        _ => return None,
    };
    Some(Finding { code: code.into(), message, place: Some(format!("import {import}")), mend: Some(mend) })
}

/// One refusal per capability that is needed and not declared, naming the imports.
fn undeclared_refusals<'a>(
    used_by: &'a BTreeMap<CapabilityName, Vec<String>>,
    manifest: &'a Manifest,
    profile: &'a HostProfile,
) -> impl Iterator<Item = Finding> + 'a {
    const NAMED_MAX: usize = 5;
    used_by.iter().filter(|(name, _)| !manifest.capabilities.contains_key(*name)).map(move |(name, imports)| {
        let mut named: Vec<String> = imports.iter().take(NAMED_MAX).map(|import| format!("`{import}`")).collect();
        if imports.len() > NAMED_MAX {
            named.push(format!("{} more", imports.len() - NAMED_MAX));
        }
        Finding {
            code: "undeclared-import".into(),
            message: format!(
                "the package imports {}; that needs the capability `{name}`, which the manifest does not declare",
                named.join(", ")
            ),
            place: imports.first().map(|import| format!("import {import}")),
            mend: Some(format!(
                "Add to [capabilities] in plugin.toml: {} (or remove the code that needs it).",
                capability_line(name, profile)
            )),
        }
    })
}
