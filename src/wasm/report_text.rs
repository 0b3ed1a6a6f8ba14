//! The report as text for a person at a terminal: powers first, then what was decided and why.

use std::fmt;

use super::report::{CapabilityFinding, Finding, ImportDecision, InspectionReport, NO_POWERS};

impl fmt::Display for InspectionReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_powers(f, self)?;
        let verdict = if self.is_accepted() { "accepted" } else { "refused" };
        writeln!(f, "\n{} against {}: {verdict}", capitalised(&self.kind.to_string()), self.profile)?;
        write_imports(f, self)?;
        write_exports(f, self)?;
        write_findings(f, "Refused", &self.refusals)?;
        write_findings(f, "Warnings", &self.warnings)
    }
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or(String::new(), |first| first.to_uppercase().chain(characters).collect())
}

fn write_powers(f: &mut fmt::Formatter<'_>, report: &InspectionReport) -> fmt::Result {
    writeln!(f, "Powers")?;
    if report.capabilities.is_empty() {
        return writeln!(f, "  {NO_POWERS}");
    }
    for capability in &report.capabilities {
        let CapabilityFinding { risk, sentence, reason, used_by, .. } = capability;
        writeln!(f, "  {:<6}  {sentence}", risk.to_string())?;
        if let Some(reason) = reason {
            writeln!(f, "          the author says: \"{reason}\"")?;
        }
        if used_by.is_empty() {
            writeln!(f, "          nothing it imports needs this")?;
        }
    }
    Ok(())
}

fn write_imports(f: &mut fmt::Formatter<'_>, report: &InspectionReport) -> fmt::Result {
    if report.imports.is_empty() {
        return writeln!(f, "\nImports\n  none");
    }
    writeln!(f, "\nImports")?;
    let labels: Vec<String> = report.imports.iter().map(|import| import.label()).collect();
    let width = labels.iter().map(|label| label.chars().count()).max().unwrap_or(0).min(60);
    for (import, label) in report.imports.iter().zip(labels) {
        writeln!(f, "  {label:<width$}  {}", decision_words(&import.decision))?;
    }
    Ok(())
}

fn decision_words(decision: &ImportDecision) -> String {
    let names = |capabilities: &[crate::domain::CapabilityName]| {
        capabilities.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ")
    };
    match decision {
        ImportDecision::AlwaysAllowed => "always allowed".to_owned(),
        ImportDecision::Declared { capabilities } => format!("declared: {}", names(capabilities)),
        ImportDecision::Undeclared { capabilities, .. } => {
            format!("REFUSED: needs {}, not declared", names(capabilities))
        }
        ImportDecision::Unknown { nearest: Some(nearest) } => {
            format!("REFUSED: not offered (nearest: {nearest})")
        }
        ImportDecision::Unknown { nearest: None } => "REFUSED: not offered".to_owned(),
        ImportDecision::TypeMismatch { .. } => "REFUSED: type differs".to_owned(),
    }
}

/// Extension points, and how many exports no extension point calls.
fn write_exports(f: &mut fmt::Formatter<'_>, report: &InspectionReport) -> fmt::Result {
    writeln!(f, "\nExtension points")?;
    if report.extension_points.is_empty() {
        writeln!(f, "  none")?;
    }
    for point in &report.extension_points {
        let state = match (point.is_declared, point.is_filled) {
            (true, true) => "filled",
            (true, false) => "REFUSED: not filled",
            (false, _) => "filled, but not declared",
        };
        writeln!(f, "  {}  {state}", point.name)?;
    }
    let others = report.exports.iter().filter(|export| export.extension_points.is_empty()).count();
    match others {
        0 => Ok(()),
        1 => writeln!(f, "  1 further export is called by none"),
        many => writeln!(f, "  {many} further exports are called by none"),
    }
}

fn write_findings(f: &mut fmt::Formatter<'_>, title: &str, findings: &[Finding]) -> fmt::Result {
    if findings.is_empty() {
        return Ok(());
    }
    writeln!(f, "\n{title}")?;
    for finding in findings {
        writeln!(f, "  {}: {}", finding.code, finding.message)?;
        if let Some(place) = &finding.place {
            writeln!(f, "    where: {place}")?;
        }
        if let Some(mend) = &finding.mend {
            writeln!(f, "    mend:  {mend}")?;
        }
    }
    Ok(())
}
