//! `/plugins/{namespace}/{name}` and `/plugins/{namespace}/{name}/{version}`: the passport, then everything else.

use std::net::IpAddr;

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::filters;
use super::graph::{GraphPart, Shown};
use super::markdown::{self, CleanHtml};
use super::passport::{Passport, plugin_path, release_path};
use super::release_head::{ReleaseHead, not_shown};
use super::respond;
use super::tombstone::tombstone_of;
use crate::db::releases::ReleaseRecord;
use crate::domain::{ObjectionKind, PluginName, Requirement, Timestamp, VerificationState, Version};
use crate::http::error::Problem;
use crate::http::extract::{PluginPath, ReleasePath};
use crate::http::rate_limit::RateLimits;
use crate::registry::{Registry, ReleaseDetails, show_release};
use crate::wasm::{InspectionReport, WideningChange, widening};

/// How many versions the page lists.
pub(super) const VERSIONS_SHOWN: usize = 12;

/// A release as people read it; of a plugin's page it is the newest one.
#[derive(Template)]
#[template(path = "release.html")]
pub struct ReleasePage {
    /// The moment relative times count from.
    pub now: Timestamp,
    /// Name, version, state.
    pub head: ReleaseHead,
    /// Powers, signer, verification, host, weight.
    pub passport: Passport,
    /// Whether it is the plugin's newest release.
    pub is_newest: bool,
    /// The README, rendered.
    pub readme: Option<CleanHtml>,
    /// The plugin's releases, newest first, at most [`VERSIONS_SHOWN`].
    pub versions: Vec<VersionRow>,
    /// How many releases the list leaves out.
    pub more_versions: u64,
    /// The plugins it needs.
    pub dependencies: Vec<DependencyRow>,
    /// What that makes a host load; absent: nothing, or the release is not on offer.
    pub graph: Option<GraphPart>,
    /// Virtual packages it provides, as text.
    pub provides: Vec<String>,
    /// Plugins it cannot be loaded beside, as text.
    pub conflicts: Vec<String>,
    /// Who wrote it.
    pub authors: Vec<String>,
    /// Its web page.
    pub homepage: Option<OutsideLink>,
    /// Its source.
    pub repository: Option<OutsideLink>,
    /// Words for search.
    pub keywords: Vec<String>,
    /// Its place in the log, counted from 1.
    pub sequence: u64,
    /// How many entries the log has.
    pub tree_size: u64,
}

impl ReleasePage {
    fn new(registry: &Registry, details: &ReleaseDetails, graph: Option<GraphPart>, now: Timestamp) -> Self {
        let record = &details.record;
        let manifest = &record.manifest;
        let rows = details.releases.iter().take(VERSIONS_SHOWN);
        let link = |url: &Option<String>| url.as_deref().map(OutsideLink::new);
        Self {
            now,
            head: ReleaseHead::new(details),
            passport: passport(registry, details),
            is_newest: details.newest().id == record.id,
            readme: (details.texts.readme.as_deref())
                // What is being looked at is not spread further.
                .filter(|_| record.quarantined.is_none())
                .map(|readme| markdown::render_once(record.digest, readme)),
            versions: rows.map(|row| VersionRow::new(row, details)).collect(),
            more_versions: details.releases.len().saturating_sub(VERSIONS_SHOWN) as u64,
            dependencies: manifest
                .dependencies
                .iter()
                .map(|(name, spec)| DependencyRow {
                    name: name.clone(),
                    path: plugin_path(name),
                    requirement: spec.version.clone(),
                    optional: spec.optional,
                })
                .collect(),
            graph,
            provides: manifest.provides.iter().map(|(name, version)| format!("{name} {version}")).collect(),
            conflicts: manifest.conflicts.iter().map(|(name, range)| format!("{name} {range}")).collect(),
            authors: manifest.plugin.authors.clone(),
            homepage: link(&manifest.plugin.homepage),
            repository: link(&manifest.plugin.repository),
            keywords: manifest.plugin.keywords.clone(),
            sequence: record.sequence.unwrap_or_default(),
            tree_size: registry.head().tree_size,
        }
    }

    /// The command that puts it in a lock: a range for the newest release, exactly this one otherwise.
    pub fn resolve_command(&self) -> String {
        let release = &self.head.release;
        let version = release.version.as_semver();
        let requirement = match (self.is_newest && !release.version.is_pre_release(), version.major) {
            (true, 0) => format!("^0.{}", version.minor),
            (true, major) => format!("^{major}.{}", version.minor),
            (false, _) => format!("={version}"),
        };
        format!("pluginry resolve {}@{requirement} -o pluginry.lock", release.plugin)
    }

    /// The command that checks the package as it was downloaded.
    pub fn verify_command(&self) -> String {
        let file = self.file_name();
        format!("pluginry verify {file}.wasm --bundle {file}.bundle.json --trust trust.json")
    }

    /// What its files are called, without an ending.
    fn file_name(&self) -> String {
        format!("{}-{}", self.head.release.plugin.name(), self.head.release.version)
    }

    /// Its index in the log.
    fn log_index(&self) -> u64 {
        self.sequence.saturating_sub(1)
    }

    fn keyword_url(&self, keyword: &str) -> String {
        format!("/search?q={}", filters::percent(keyword))
    }
}

/// One release in the list of versions.
#[derive(Debug, Clone)]
pub struct VersionRow {
    /// Its version.
    pub version: Version,
    /// Path of its page.
    pub path: String,
    /// Whether it is the release of this page.
    pub is_this: bool,
    /// When it was published.
    pub published_at: Timestamp,
    /// Where its verification run stands.
    pub verification: VerificationState,
    /// Whether its author withdrew it.
    pub yanked: bool,
    /// What the operator did to it.
    pub objection: Option<ObjectionKind>,
    /// Whether its signer is revoked from its place in the log or before.
    pub signer_revoked: bool,
    /// Powers it has beyond the release before it.
    pub adds: Vec<String>,
    /// Powers it no longer has.
    pub drops: Vec<String>,
}

impl VersionRow {
    fn new(record: &ReleaseRecord, details: &ReleaseDetails) -> Self {
        let before = details.before(&record.release.version);
        let dropped = before
            .map(|before| widening(&record.manifest.capabilities, &before.manifest.capabilities))
            .unwrap_or_default();
        Self {
            version: record.release.version.clone(),
            path: release_path(&record.release),
            is_this: record.id == details.record.id,
            published_at: record.published_at,
            verification: record.verification,
            yanked: record.yanked_at.is_some(),
            objection: record.objection().map(|objection| objection.kind),
            signer_revoked: record.signer_revoked,
            adds: changes_of(record),
            drops: dropped
                .iter()
                .filter_map(|change| match change {
                    WideningChange::Added { capability, .. } => Some(format!("drops {capability}")),
                    WideningChange::Wider { .. } => None,
                })
                .collect(),
        }
    }

    /// Path of a release's page.
    #[cfg(test)]
    pub(super) fn path_of(plugin: &PluginName, version: &Version) -> String {
        release_path(&crate::domain::ReleaseId::new(plugin.clone(), version.clone()))
    }
}

/// One plugin it needs.
#[derive(Debug, Clone)]
pub struct DependencyRow {
    /// The plugin.
    pub name: PluginName,
    /// Path of its page.
    pub path: String,
    /// The versions that will do.
    pub requirement: Requirement,
    /// Whether it is needed only when asked for.
    pub optional: bool,
}

/// A link to another host, from the manifest.
#[derive(Debug, Clone)]
pub struct OutsideLink {
    /// As written.
    pub url: String,
    /// Without scheme and trailing slash.
    pub label: String,
    /// Whether it may be a link: `http` or `https`.
    pub is_web: bool,
}

impl OutsideLink {
    /// Reads a link of a manifest; one of another scheme is shown as text.
    pub fn new(url: &str) -> Self {
        let is_web = url::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
        let label = url.trim_start_matches("https://").trim_start_matches("http://").trim_end_matches('/');
        Self { url: url.to_owned(), label: label.to_owned(), is_web }
    }
}

/// What a release asks for beyond the one before it, one sentence part each.
pub(super) fn changes_of(record: &ReleaseRecord) -> Vec<String> {
    let stored =
        record.widening.as_deref().and_then(|json| serde_json::from_str::<Vec<WideningChange>>(json).ok());
    stored.unwrap_or_default().iter().map(ToString::to_string).collect()
}

fn passport(registry: &Registry, details: &ReleaseDetails) -> Passport {
    let record = &details.record;
    let profile = registry.profile(&record.manifest.host.profile, &record.profile_version);
    let report = details.verification_report.as_deref().and_then(|json| serde_json::from_str(json).ok());
    let mut passport = Passport::new(&record.release.plugin, &record.index_line(), profile.as_ref(), report);
    if let Ok(inspection) = serde_json::from_str::<InspectionReport>(&details.texts.inspection) {
        let unused = inspection.capabilities.into_iter().filter(|found| found.used_by.is_empty());
        passport.mark_unused(&unused.map(|found| found.name).collect::<Vec<_>>());
    }
    passport
}

async fn page_of(
    registry: &Registry,
    client: IpAddr,
    details: &ReleaseDetails,
) -> Result<HttpResponse, Problem> {
    let now = Timestamp::now();
    if let Some(tombstone) = tombstone_of(details, now) {
        return tombstone;
    }
    let record = &details.record;
    let is_on_offer = record.objection().is_none() && record.yanked_at.is_none() && !record.signer_revoked;
    let needs_something = record.manifest.dependencies.values().any(|spec| !spec.optional);
    let graph = match is_on_offer && needs_something {
        true => Some(GraphPart::of(registry, client, &record.release, now).await),
        false => None,
    };
    respond(&ReleasePage::new(registry, details, graph, now))
}

/// `GET /plugins/{namespace}/{name}`.
pub async fn show_plugin_page(
    registry: web::Data<Registry>,
    limits: web::Data<RateLimits>,
    http: HttpRequest,
    PluginPath(plugin): PluginPath,
) -> Result<HttpResponse, Problem> {
    let details = show_release(&registry, &plugin, None).await.map_err(not_shown)?;
    page_of(&registry, limits.address_of(&http), &details).await
}

/// `GET /plugins/{namespace}/{name}/{version}`.
pub async fn show_release_page(
    registry: web::Data<Registry>,
    limits: web::Data<RateLimits>,
    http: HttpRequest,
    ReleasePath(release): ReleasePath,
) -> Result<HttpResponse, Problem> {
    let details =
        show_release(&registry, &release.plugin, Some(&release.version)).await.map_err(not_shown)?;
    page_of(&registry, limits.address_of(&http), &details).await
}
