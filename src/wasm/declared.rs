//! What the manifest declares, against the profile: the host it names, limits, capabilities, scopes.

use std::collections::BTreeMap;

use super::printable::{printable, printable_message};
use super::report::{CapabilityFinding, Finding, InspectionReport};
use crate::domain::{
    CapabilityDefinition, CapabilityName, CapabilityRequest, HostProfile, Manifest, Risk, Scope,
};

/// Checks everything that needs no look at the bytes.
pub(super) fn check_declared(manifest: &Manifest, profile: &HostProfile, report: &mut InspectionReport) {
    check_host(manifest, profile, report);
    check_limits(manifest, profile, report);
    for (name, request) in &manifest.capabilities {
        match profile.capability(name) {
            None => report.refusals.push(unknown_capability(name, profile)),
            Some(definition) => {
                report.refusals.extend(
                    request
                        .scope
                        .0
                        .keys()
                        .filter(|kind| !definition.scopes.contains(kind))
                        .map(|kind| unknown_scope(definition, kind)),
                );
            }
        }
    }
}

fn check_host(manifest: &Manifest, profile: &HostProfile, report: &mut InspectionReport) {
    if manifest.host.profile != profile.name {
        report.refusals.push(Finding {
            code: "wrong-profile".into(),
            message: format!(
                "the manifest is made for `{}`, but is read against `{}`",
                manifest.host.profile, profile.name
            ),
            place: Some("host.profile".into()),
            mend: Some(format!(
                "Read it against `{}`, or set profile = \"{}\" in [host].",
                manifest.host.profile, profile.name
            )),
        });
    } else if !manifest.host.version.matches(&profile.version) {
        report.refusals.push(Finding {
            code: "profile-version-mismatch".into(),
            message: format!(
                "the manifest asks for `{}` version {}, which {} does not meet",
                profile.name, manifest.host.version, profile.version
            ),
            place: Some("host.version".into()),
            mend: Some(format!(
                "Set version = \"^{}\" in [host], or choose a version of the profile that fits.",
                profile.version
            )),
        });
    }
}

fn check_limits(manifest: &Manifest, profile: &HostProfile, report: &mut InspectionReport) {
    let dependencies = u32::try_from(manifest.dependencies.len()).unwrap_or(u32::MAX);
    let asked = [
        ("limits.memory-mib", manifest.limits.memory_mib, profile.limits.memory_mib, "MiB of memory"),
        ("limits.call-ms", manifest.limits.call_ms, profile.limits.call_ms, "ms a call"),
        ("dependencies", Some(dependencies), profile.limits.dependencies, "dependencies"),
    ];
    for (place, value, most, unit) in asked {
        if let Some(value) = value.filter(|value| *value > most) {
            report.refusals.push(Finding {
                code: "limit-above-profile".into(),
                message: format!("the manifest asks for {value} {unit}; {} allows {most}", profile.id()),
                place: Some(place.into()),
                mend: Some(format!("Lower `{place}` in plugin.toml to at most {most}.")),
            });
        }
    }
}

fn unknown_capability(name: &CapabilityName, profile: &HostProfile) -> Finding {
    let known: Vec<&str> = profile.capabilities.iter().map(|definition| definition.name.as_str()).collect();
    let mend = if known.is_empty() {
        format!("Remove it: {} has no capabilities.", profile.id())
    } else {
        format!("Remove it or use one of: {}.", known.join(", "))
    };
    Finding {
        code: "unknown-capability".into(),
        message: format!("the manifest declares `{name}`, which is no capability of {}", profile.id()),
        place: Some(format!("capabilities.{name}")),
        mend: Some(mend),
    }
}

fn unknown_scope(definition: &CapabilityDefinition, kind: &str) -> Finding {
    let mend = if definition.scopes.is_empty() {
        "Remove it; this capability has no scopes.".to_owned()
    } else {
        format!("Use one of: {}.", definition.scopes.join(", "))
    };
    let kind = printable(kind);
    Finding {
        code: "unknown-scope".into(),
        message: format!("`{kind}` is not a scope of the capability `{}`", definition.name),
        place: Some(format!("capabilities.{}.{kind}", definition.name)),
        mend: Some(mend),
    }
}

/// The line that declares a capability in `plugin.toml`, with an example for each scope.
pub(super) fn capability_line(name: &CapabilityName, profile: &HostProfile) -> String {
    let scopes = profile.capability(name).map_or(&[][..], |definition| &definition.scopes);
    let mut line = format!("{name} = {{ ");
    for kind in scopes {
        let example = match kind.as_str() {
            "hosts" => "example.com:443",
            "paths" => "/data",
            _ => "NAME",
        };
        line.push_str(&format!("{kind} = [\"{example}\"], "));
    }
    line.push_str("reason = \"why the plugin needs it\" }");
    line
}

/// The declared capabilities, worst first, each with the imports that need it.
pub(super) fn capability_findings(
    manifest: &Manifest,
    profile: &HostProfile,
    used_by: &BTreeMap<CapabilityName, Vec<String>>,
) -> Vec<CapabilityFinding> {
    let mut findings: Vec<CapabilityFinding> = manifest
        .capabilities
        .iter()
        .map(|(name, request)| {
            let definition = profile.capability(name);
            CapabilityFinding {
                name: name.clone(),
                risk: definition.map_or(Risk::High, |definition| definition.risk),
                sentence: sentence(name, request, definition),
                scope: request.scope.clone(),
                reason: request.reason.as_deref().map(printable_message),
                used_by: used_by.get(name).cloned().unwrap_or_default(),
            }
        })
        .collect();
    findings.sort_by(|a, b| b.risk.cmp(&a.risk).then_with(|| a.name.cmp(&b.name)));
    findings
}

/// What the plugin can do, with the scope it asks for: `Can exchange data with servers (hosts: a:443)`.
fn sentence(
    name: &CapabilityName,
    request: &CapabilityRequest,
    definition: Option<&CapabilityDefinition>,
) -> String {
    let Some(definition) = definition else {
        return format!("Can do `{name}`, which the host profile does not describe");
    };
    let limits: Vec<String> =
        definition.scopes.iter().map(|kind| scope_words(kind, &request.scope)).collect();
    if limits.is_empty() {
        definition.description.clone()
    } else {
        format!("{} ({})", definition.description, limits.join("; "))
    }
}

fn scope_words(kind: &str, scope: &Scope) -> String {
    const VALUES_MAX: usize = 10;
    match scope.0.get(kind) {
        None => format!("any {kind}"),
        Some(values) if values.iter().any(|value| value == "*") => format!("any {kind}"),
        Some(values) if values.is_empty() => format!("no {kind}"),
        Some(values) => {
            let mut shown: Vec<String> =
                values.iter().take(VALUES_MAX).map(|value| printable(value)).collect();
            if values.len() > VALUES_MAX {
                shown.push(format!("{} more", values.len() - VALUES_MAX));
            }
            format!("{kind}: {}", shown.join(", "))
        }
    }
}
