//! `/plugins/{namespace}/{name}/{version}/inspection`: every import, why it is allowed, and what it can do.

use actix_web::{HttpResponse, web};
use askama::Template;

use super::filters;
use super::release_head::{ReleaseHead, not_shown, refuse_taken_down};
use super::respond;
use crate::domain::{CapabilityName, ObjectionKind, ReleaseId, Risk, Timestamp};
use crate::http::error::Problem;
use crate::http::extract::ReleasePath;
use crate::registry::{Registry, show_release};
use crate::wasm::{
    ExportFinding, Finding, ImportDecision, ImportFinding, InspectionReport, PreflightFacts, PreflightLimits,
};

/// An inspection as people read it.
#[derive(Template)]
#[template(path = "inspection.html")]
pub struct InspectionPage {
    /// The moment relative times count from.
    pub now: Timestamp,
    /// Name, version, state.
    pub head: ReleaseHead,
    /// `core module` or `component`.
    pub kind: String,
    /// The profile it was read against.
    pub profile: ReleaseId,
    /// What it imports.
    pub imports: Vec<ImportRow>,
    /// What it exports.
    pub exports: Vec<ExportRow>,
    /// Declared against used.
    pub capabilities: Vec<CapabilityRow>,
    /// Work for a compiler.
    pub preflight: Vec<CountRow>,
    /// Advice.
    pub warnings: Vec<FindingRow>,
    /// Why it would be refused today; a published release has none unless its profile changed.
    pub refusals: Vec<FindingRow>,
}

/// One import.
#[derive(Debug, Clone)]
pub struct ImportRow {
    /// Module and name, or the interface.
    pub name: String,
    /// Its type.
    pub signature: Option<String>,
    /// Why it is allowed, as a sentence.
    pub why: String,
    /// Component: the functions of the interface that it uses.
    pub functions: Vec<String>,
    /// The capabilities it needs, as text.
    pub capability: Option<String>,
    /// The highest risk among them.
    pub risk: Option<Risk>,
}

/// One export.
#[derive(Debug, Clone)]
pub struct ExportRow {
    /// Its name, or the interface.
    pub name: String,
    /// Its type.
    pub signature: Option<String>,
    /// What calls it, as a sentence.
    pub role: String,
}

/// One capability, declared against used.
#[derive(Debug, Clone)]
pub struct CapabilityRow {
    /// Its name.
    pub name: String,
    /// Its risk.
    pub risk: Option<Risk>,
    /// Its scope as text.
    pub scope: String,
    /// The imports that need it; empty: asks for more than it uses.
    pub used_by: Vec<String>,
}

/// One count of the preflight.
#[derive(Debug, Clone)]
pub struct CountRow {
    /// What was counted.
    pub label: &'static str,
    /// How many there are.
    pub value: u64,
    /// How many there may be.
    pub bound: Option<u64>,
}

/// One warning or refusal.
#[derive(Debug, Clone)]
pub struct FindingRow {
    /// What was found, and where.
    pub message: String,
    /// What to do about it.
    pub mend: Option<String>,
}

impl InspectionPage {
    fn new(head: ReleaseHead, report: InspectionReport, now: Timestamp) -> Self {
        Self {
            now,
            head,
            kind: report.kind.to_string(),
            imports: report.imports.iter().map(|import| ImportRow::new(import, &report)).collect(),
            exports: report.exports.into_iter().map(ExportRow::from).collect(),
            capabilities: report
                .capabilities
                .into_iter()
                .map(|found| CapabilityRow {
                    name: found.name.to_string(),
                    risk: Some(found.risk),
                    scope: found.scope.to_string(),
                    used_by: found.used_by,
                })
                .collect(),
            preflight: report
                .preflight
                .map(|facts| count_rows(&facts, &PreflightLimits::default()))
                .unwrap_or_default(),
            warnings: report.warnings.into_iter().map(FindingRow::from).collect(),
            refusals: report.refusals.into_iter().map(FindingRow::from).collect(),
            profile: report.profile,
        }
    }
}

impl ImportRow {
    fn new(import: &ImportFinding, report: &InspectionReport) -> Self {
        let names = |names: &[CapabilityName]| {
            names.iter().map(CapabilityName::as_str).collect::<Vec<_>>().join(", ")
        };
        let risk_of = |wanted: &CapabilityName| {
            report.capabilities.iter().find(|found| found.name == *wanted).map(|found| found.risk)
        };
        let (why, needs): (String, &[CapabilityName]) = match &import.decision {
            ImportDecision::AlwaysAllowed => ("The profile offers it to every plugin".into(), &[]),
            ImportDecision::Declared { capabilities } => {
                (format!("The manifest declares {}", names(capabilities)), capabilities)
            }
            ImportDecision::Undeclared { capabilities, .. } => {
                (format!("Refused: the manifest does not declare {}", names(capabilities)), capabilities)
            }
            ImportDecision::Unknown { nearest: None } => {
                ("Refused: the profile does not offer it".into(), &[])
            }
            ImportDecision::Unknown { nearest: Some(near) } => {
                (format!("Refused: the profile does not offer it; the nearest is {near}"), &[])
            }
            ImportDecision::TypeMismatch { expected, .. } => {
                (format!("Refused: the profile offers it as {expected}"), &[])
            }
        };
        Self {
            name: import.label(),
            signature: import.ty.clone(),
            why,
            functions: import.functions.clone(),
            capability: (!needs.is_empty()).then(|| names(needs)),
            risk: needs.iter().filter_map(risk_of).max(),
        }
    }
}

impl From<ExportFinding> for ExportRow {
    fn from(export: ExportFinding) -> Self {
        let role = match export.extension_points.as_slice() {
            [] => "Nothing in the profile calls it".to_owned(),
            [one] => format!("Fills the extension point {one}"),
            many => format!("Fills the extension points {}", many.join(", ")),
        };
        Self { name: export.name, signature: Some(export.ty).filter(|ty| !ty.is_empty()), role }
    }
}

impl From<Finding> for FindingRow {
    fn from(finding: Finding) -> Self {
        Self { message: finding.message, mend: finding.mend }
    }
}

fn count_rows(facts: &PreflightFacts, limits: &PreflightLimits) -> Vec<CountRow> {
    let row = |label, value, bound| CountRow { label, value, bound: Some(bound) };
    vec![
        row("Functions", facts.functions, limits.functions),
        row("Locals in all functions", facts.locals, limits.locals),
        row("Most locals in one function", facts.most_locals, limits.locals_per_function),
        row("Deepest nesting of blocks", facts.deepest_nesting, limits.nesting),
        row("Most locals × loop depth", facts.most_locals_by_loop_depth, limits.locals_by_loop_depth),
        row("Bytes of the largest function", facts.largest_body_bytes, limits.body_bytes),
        CountRow { label: "Bytes of all functions", value: facts.code_bytes, bound: None },
        row("Data segments", facts.data_segments, limits.data_segments),
        row("Types", facts.types, limits.types),
        row("Imports, exports and other items", facts.items, limits.items),
        row("Bytes of memory at the start", facts.memory_min_bytes, limits.memory_bytes),
        row("Table elements at the start", facts.table_min_elements, limits.table_elements),
    ]
}

/// `GET /plugins/{namespace}/{name}/{version}/inspection`.
pub async fn show_inspection_page(
    registry: web::Data<Registry>,
    ReleasePath(release): ReleasePath,
) -> Result<HttpResponse, Problem> {
    let details =
        show_release(&registry, &release.plugin, Some(&release.version)).await.map_err(not_shown)?;
    refuse_taken_down(&details)?;
    let report: InspectionReport =
        serde_json::from_str(&details.texts.inspection).map_err(Problem::internal)?;
    respond(&InspectionPage::new(ReleaseHead::new(&details), report, Timestamp::now()))
}
