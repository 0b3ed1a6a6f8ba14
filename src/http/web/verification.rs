//! `/plugins/{namespace}/{name}/{version}/verification`: what the release did when it was run.

use actix_web::{HttpResponse, web};
use askama::Template;

use super::filters;
use super::release_head::{ReleaseHead, not_shown, refuse_taken_down};
use super::respond;
use crate::domain::{Expectation, ObjectionKind, Timestamp, VerifyCase};
use crate::http::error::Problem;
use crate::http::extract::ReleasePath;
use crate::registry::{Registry, show_release};
use crate::runtime::{CaseReport, VerificationOutcome, VerificationReport};

/// A verification report as people read it.
#[derive(Template)]
#[template(path = "verification.html")]
pub struct VerificationPage {
    /// The moment relative times count from.
    pub now: Timestamp,
    /// Name, version, state.
    pub head: ReleaseHead,
    /// What the run found; absent: it has not ended.
    pub report: Option<VerificationReport>,
    /// The cases as the manifest gives them.
    pub cases: Vec<VerifyCase>,
}

impl VerificationPage {
    fn has_passed(&self) -> bool {
        self.report.as_ref().is_some_and(|report| report.outcome == VerificationOutcome::Passed)
    }

    /// What held the child, in words.
    fn isolation(&self) -> String {
        let Some(report) = &self.report else { return String::new() };
        let isolation = report.isolation;
        let held: Vec<_> = [
            (isolation.resource_limits, "bounded memory and time"),
            (isolation.landlock, "no file access"),
            (isolation.seccomp, "no sockets"),
        ]
        .into_iter()
        .filter_map(|(is_held, words)| is_held.then_some(words))
        .collect();
        if held.is_empty() { "the sandbox of the engine alone".into() } else { held.join(", ") }
    }

    fn case_of(&self, report: &CaseReport) -> Option<&VerifyCase> {
        self.cases.iter().find(|case| case.name == report.name)
    }

    fn input_of(&self, report: &CaseReport) -> Option<String> {
        self.case_of(report).map(|case| case.input.to_string())
    }

    fn expected_of(&self, report: &CaseReport) -> Option<String> {
        self.case_of(report).map(|case| match &case.expect {
            Expectation::Json(value) => value.to_string(),
            Expectation::Contains(text) => format!("an answer that contains {text}"),
            Expectation::Error(text) => format!("a refusal that says {text}"),
        })
    }
}

/// `GET /plugins/{namespace}/{name}/{version}/verification`.
pub async fn show_verification_page(
    registry: web::Data<Registry>,
    ReleasePath(release): ReleasePath,
) -> Result<HttpResponse, Problem> {
    let details =
        show_release(&registry, &release.plugin, Some(&release.version)).await.map_err(not_shown)?;
    refuse_taken_down(&details)?;
    let report = details.verification_report.as_deref().map(serde_json::from_str).transpose();
    respond(&VerificationPage {
        now: Timestamp::now(),
        head: ReleaseHead::new(&details),
        report: report.map_err(Problem::internal)?,
        cases: details.record.manifest.verify,
    })
}
