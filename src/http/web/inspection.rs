//! `/plugins/{namespace}/{name}/{version}/inspection`: every import, why it is allowed, and what it can do.

use askama::Template;

use super::filters;
use super::release_head::ReleaseHead;
use crate::domain::{ReleaseId, Risk, Timestamp};

/// An inspection as people read it.
#[derive(Template)]
#[template(path = "inspection.html")]
pub struct InspectionPage {
    /// The moment relative times count from.
    pub now: Timestamp,
    /// Name, version, state.
    pub head: ReleaseHead,
    /// `core module` or `component`.
    pub kind: &'static str,
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
    /// The capability it needs.
    pub capability: Option<String>,
    /// That capability's risk.
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
