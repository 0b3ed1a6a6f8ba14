//! What heads every page about one release: name, version, state and the way to its other pages.

use super::release::changes_of;
use crate::domain::{Objection, ObjectionKind, ReleaseId, Timestamp, TrustLevel, Version, Withheld};
use crate::http::error::Problem;
use crate::registry::{ReleaseDetails, ShowError};

/// The head of a release's pages.
#[derive(Debug, Clone)]
pub struct ReleaseHead {
    /// The release.
    pub release: ReleaseId,
    /// What it says about itself.
    pub description: String,
    /// SPDX expression.
    pub license: String,
    /// When it was published.
    pub published_at: Timestamp,
    /// Whether its author withdrew it.
    pub yanked: bool,
    /// Whether its signer is revoked from its place in the log or before.
    pub signer_revoked: bool,
    /// How far the operator trusts its namespace.
    pub trust: TrustLevel,
    /// The author's advice against it.
    pub deprecated: Option<String>,
    /// What the operator holds against it, the gravest first.
    pub objection: Option<Objection>,
    /// The newest release of the plugin, if it is another one.
    pub newer: Option<Version>,
    /// The release before it.
    pub before: Option<Version>,
    /// What it asks for beyond the release before it; empty: not widening.
    pub adds: Vec<String>,
    /// How many releases the plugin has.
    pub versions: u64,
    /// How many plugins it depends on.
    pub dependencies: u64,
}

/// A link to one of a release's pages or sections.
#[derive(Debug, Clone)]
pub struct Tab {
    /// What it is called.
    pub label: &'static str,
    /// Where it leads.
    pub url: String,
    /// How many things are there.
    pub count: Option<u64>,
    /// Whether it is the page shown.
    pub chosen: bool,
}

impl ReleaseHead {
    /// The head of a release's pages.
    pub(super) fn new(details: &ReleaseDetails) -> Self {
        let record = &details.record;
        let newest = &details.newest().release.version;
        Self {
            release: record.release.clone(),
            description: record.manifest.plugin.description.clone(),
            license: record.manifest.plugin.license.clone(),
            published_at: record.published_at,
            yanked: record.yanked_at.is_some(),
            signer_revoked: record.signer_revoked,
            trust: record.trust,
            deprecated: record.deprecated.clone(),
            objection: record.objection(),
            newer: (*newest != record.release.version).then(|| newest.clone()),
            before: details.before(&record.release.version).map(|before| before.release.version.clone()),
            adds: changes_of(record),
            versions: details.releases.len() as u64,
            dependencies: record.manifest.dependencies.len() as u64,
        }
    }

    /// Path of the plugin's page.
    pub fn plugin_path(&self) -> String {
        super::passport::plugin_path(&self.release.plugin)
    }

    /// Path of the release's page.
    pub fn release_path(&self) -> String {
        super::passport::release_path(&self.release)
    }

    /// Whether its package is handed out and may be put into locks.
    pub fn is_on_offer(&self) -> bool {
        !self.yanked && self.objection.is_none()
    }

    /// Whether its package and its author's words are kept back.
    pub fn is_withheld(&self) -> bool {
        self.objection.as_ref().is_some_and(|objection| objection.kind != ObjectionKind::Recalled)
    }

    /// The way around, with the page named `current` marked.
    pub fn tabs(&self, current: &str) -> Vec<Tab> {
        let path = self.release_path();
        let tab = |key: &str, label, url, count| Tab { label, url, count, chosen: key == current };
        vec![
            tab("overview", "Overview", path.clone(), None),
            tab("inspection", "Inspection", format!("{path}/inspection"), None),
            tab("verification", "Verification", format!("{path}/verification"), None),
            tab("versions", "Versions", format!("{path}#versions"), Some(self.versions)),
            tab("dependencies", "Dependencies", format!("{path}#dependencies"), Some(self.dependencies)),
        ]
    }
}

/// Of a release that was taken down, no page but the tombstone is shown.
pub(super) fn refuse_taken_down(details: &ReleaseDetails) -> Result<(), Problem> {
    match details.record.taken_down.clone() {
        Some(reason) => Err(Withheld::TakenDown { release: details.record.release.clone(), reason }.into()),
        None => Ok(()),
    }
}

/// A release that is not there, with a way out: near names, and the search box filled in.
pub(super) fn not_shown(error: ShowError) -> Problem {
    let (asked, nearest) = match &error {
        ShowError::UnknownPlugin { plugin, nearest } => (Some(plugin.name().to_owned()), nearest.clone()),
        ShowError::UnknownRelease { release, .. } => (None, vec![release.plugin.clone()]),
        ShowError::Withheld(_) | ShowError::Database(_) => (None, Vec::new()),
    };
    let problem = Problem::from(error);
    let problem = if nearest.is_empty() { problem } else { problem.extra("nearest", nearest) };
    match asked {
        Some(asked) => problem.extra("asked", asked),
        None => problem,
    }
}
