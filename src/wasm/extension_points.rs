//! Exports against the extension points a profile has and a manifest declares.

use std::collections::BTreeMap;

use super::PackageKind;
use super::contract::{Contract, is_interface, nearest_of};
use super::printable::{printable, printable_message};
use super::report::{ExportFinding, ExtensionPointFinding, Finding, InspectionReport};
use super::surface::{Export, Shape, Surface};
use super::wit_text::WitInterface;
use crate::domain::{CoreType, ExtensionPoint, ExtensionPointExport, Manifest, Version};

/// Checks declared extension points and hooks, and lists every export with who calls it.
pub(super) fn check_exports(
    surface: &Surface,
    manifest: &Manifest,
    contract: &Contract<'_>,
    report: &mut InspectionReport,
) {
    report.exports = surface.exports.iter().map(export_finding).collect();
    let hooks = manifest.host.hooks.iter().map(|hook| ("host.hooks", &hook.point));
    let declared: BTreeMap<&str, &str> = hooks
        .chain(manifest.host.extension_points.iter().map(|point| ("host.extension-points", point)))
        .map(|(place, point)| (point.as_str(), place))
        .collect();
    for point in &contract.profile.extension_points {
        check_point(point, declared.get(point.name.as_str()).copied(), surface, contract, report);
    }
    for (point, place) in declared {
        if contract.profile.extension_point(point).is_none() {
            report.refusals.push(unknown_point(point, place, contract));
        }
    }
}

fn export_finding(export: &Export) -> ExportFinding {
    let ty = match &export.shape {
        Shape::Core(ty) | Shape::Function(ty) => printable_message(ty),
        Shape::Interface(_) => "interface".to_owned(),
        Shape::Other(what) => (*what).to_owned(),
    };
    ExportFinding { name: export_label(export), ty, extension_points: Vec::new() }
}

fn export_label(export: &Export) -> String {
    let name = printable(&export.name);
    export.version.as_ref().map_or(name.clone(), |version| format!("{name}@{version}"))
}

fn check_point(
    point: &ExtensionPoint,
    declared_at: Option<&str>,
    surface: &Surface,
    contract: &Contract<'_>,
    report: &mut InspectionReport,
) {
    let is_core = surface.kind == PackageKind::Core;
    let wanted: Vec<&ExtensionPointExport> =
        point.exports.iter().filter(|export| export.is_core() == is_core).collect();
    let mut problems = Vec::new();
    let mut fillers = Vec::new();
    for export in &wanted {
        match fill(export, surface, contract) {
            Ok(indices) => fillers.extend(indices),
            Err(problem) => problems.push((export.name.as_str(), problem)),
        }
    }
    let is_filled = !wanted.is_empty() && problems.is_empty();
    if is_filled || declared_at.is_some() {
        report.extension_points.push(ExtensionPointFinding {
            name: point.name.clone(),
            description: point.description.clone(),
            is_declared: declared_at.is_some(),
            is_filled,
        });
    }
    if is_filled {
        for index in fillers {
            report.exports[index].extension_points.push(point.name.clone());
        }
    }
    match declared_at {
        None if is_filled => report.warnings.push(undeclared_point(point)),
        Some(place) if wanted.is_empty() => report.refusals.push(Finding {
            code: "missing-export".into(),
            message: format!("the extension point `{}` cannot be filled by a {}", point.name, surface.kind),
            place: Some(place.to_owned()),
            mend: Some("Remove it from [host] in plugin.toml, or build the other kind of package.".into()),
        }),
        Some(_) => {
            report.refusals.extend(problems.into_iter().map(|(name, problem)| problem.finding(name, point)));
        }
        None => {}
    }
}

/// What is wrong with an export that an extension point calls.
enum ExportProblem {
    Missing { nearest: Option<String> },
    Different { expected: String, found: String },
}

impl ExportProblem {
    fn finding(self, name: &str, point: &ExtensionPoint) -> Finding {
        let (code, message, mend) = match self {
            Self::Missing { nearest } => {
                let hint = nearest.map_or(String::new(), |nearest| format!("; the nearest is `{nearest}`"));
                (
                    "missing-export",
                    format!(
                        "the manifest declares the extension point `{}`, but the package does not export `{name}`{hint}",
                        point.name
                    ),
                    format!("Export `{name}`, or remove `{}` from [host] in plugin.toml.", point.name),
                )
            }
            Self::Different { expected, found } => (
                "export-type-mismatch",
                format!(
                    "the package exports `{name}` as {found}, but the extension point `{}` calls {expected}",
                    point.name
                ),
                format!("Export `{name}` as {expected}."),
            ),
        };
        Finding { code: code.into(), message, place: Some(format!("export {name}")), mend: Some(mend) }
    }
}

/// The indices of the exports that an extension point's export stands for.
fn fill(
    wanted: &ExtensionPointExport,
    surface: &Surface,
    contract: &Contract<'_>,
) -> Result<Vec<usize>, ExportProblem> {
    if let Some(ty) = &wanted.ty {
        let expected = ty.parse::<CoreType>().map_or_else(|_| ty.clone(), |ty| ty.to_string());
        return fill_core(&wanted.name, &expected, surface);
    }
    let Some((index, export)) =
        surface.exports.iter().enumerate().find(|(_, export)| export.name == wanted.name)
    else {
        return Err(missing(&wanted.name, surface));
    };
    if let Some(requirement) = &wanted.version
        && !export.version.as_ref().is_some_and(|version| requirement.matches(version))
    {
        return Err(ExportProblem::Different {
            expected: format!("version {requirement}"),
            found: version_text(export.version.as_ref()),
        });
    }
    match &export.shape {
        Shape::Interface(functions) if is_interface(&wanted.name) => {
            if let Some(interface) = contract.wit.interfaces.get(&wanted.name) {
                check_interface(interface, export.version.as_ref(), functions)?;
            }
        }
        Shape::Function(found) if !is_interface(&wanted.name) => {
            if let Some(expected) = contract.wit.world_exports.get(&wanted.name).filter(|ty| *ty != found) {
                return Err(ExportProblem::Different {
                    expected: expected.clone(),
                    found: printable_message(found),
                });
            }
        }
        other => {
            return Err(ExportProblem::Different {
                expected: if is_interface(&wanted.name) { "an interface" } else { "a function" }.into(),
                found: what_text(other),
            });
        }
    }
    Ok(vec![index])
}

fn what_text(shape: &Shape) -> String {
    match shape {
        Shape::Other(what) => format!("a {what}"),
        Shape::Core(ty) | Shape::Function(ty) => printable_message(ty),
        Shape::Interface(_) => "an interface".to_owned(),
    }
}

fn fill_core(name: &str, expected: &str, surface: &Surface) -> Result<Vec<usize>, ExportProblem> {
    let is_of_type = |export: &Export| matches!(&export.shape, Shape::Core(ty) if ty == expected);
    if name == "*" {
        let indices: Vec<usize> = (0..surface.exports.len())
            .filter(|index| {
                is_of_type(&surface.exports[*index]) && !surface.exports[*index].name.starts_with('_')
            })
            .collect();
        return if indices.is_empty() { Err(ExportProblem::Missing { nearest: None }) } else { Ok(indices) };
    }
    match surface.exports.iter().position(|export| export.name == name) {
        None => Err(missing(name, surface)),
        Some(index) if is_of_type(&surface.exports[index]) => Ok(vec![index]),
        Some(index) => Err(ExportProblem::Different {
            expected: expected.to_owned(),
            found: what_text(&surface.exports[index].shape),
        }),
    }
}

fn missing(name: &str, surface: &Surface) -> ExportProblem {
    const COMPARED_MAX: usize = 500;
    let candidates = surface
        .exports
        .iter()
        .filter(|export| export.name.len() < 200)
        .take(COMPARED_MAX)
        .map(|export| (("", export.name.as_str()), printable(&export.name)));
    ExportProblem::Missing { nearest: nearest_of(("", name), candidates) }
}

/// An exported interface must have every function of the contract with its type; it may have more.
fn check_interface(
    contract: &WitInterface,
    version: Option<&Version>,
    functions: &BTreeMap<String, String>,
) -> Result<(), ExportProblem> {
    if let Some(expected) = &contract.version
        && !version.is_some_and(|version| is_compatible(expected, version))
    {
        return Err(ExportProblem::Different {
            expected: format!("version {expected}"),
            found: version_text(version),
        });
    }
    for (name, expected) in &contract.functions {
        match functions.get(name) {
            Some(found) if found == expected => {}
            Some(found) => {
                return Err(ExportProblem::Different {
                    expected: format!("{name}: {expected}"),
                    found: printable_message(&format!("{name}: {found}")),
                });
            }
            None => {
                return Err(ExportProblem::Different {
                    expected: format!("{name}: {expected}"),
                    found: format!("an interface without {name}"),
                });
            }
        }
    }
    Ok(())
}

fn version_text(version: Option<&Version>) -> String {
    version.map_or("no version".to_owned(), |version| format!("version {version}"))
}

/// Whether one could stand for the other: the same major, or below 1.0 the same minor version.
fn is_compatible(a: &Version, b: &Version) -> bool {
    let (a, b) = (a.as_semver(), b.as_semver());
    a.major == b.major && (a.major > 0 || a.minor == b.minor)
}

fn undeclared_point(point: &ExtensionPoint) -> Finding {
    Finding {
        code: "undeclared-extension-point".into(),
        message: format!(
            "the package exports everything that the extension point `{}` calls, but does not declare it: hosts will not call it",
            point.name
        ),
        place: Some("host.extension-points".into()),
        mend: Some(format!("Add \"{}\" to extension-points in [host].", point.name)),
    }
}

fn unknown_point(point: &str, place: &str, contract: &Contract<'_>) -> Finding {
    let known: Vec<&str> =
        contract.profile.extension_points.iter().map(|point| point.name.as_str()).collect();
    let point = printable(point);
    Finding {
        code: "unknown-extension-point".into(),
        message: format!(
            "the manifest declares `{point}`, which is no extension point of {}",
            contract.profile.id()
        ),
        place: Some(place.to_owned()),
        mend: Some(if known.is_empty() {
            "Remove it; this profile has no extension points.".to_owned()
        } else {
            format!("Remove it or use one of: {}.", known.join(", "))
        }),
    }
}
