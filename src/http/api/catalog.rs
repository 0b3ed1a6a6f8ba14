//! The catalog for machines: search, plugin, versions, dependents, downloads.

use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};

use crate::db::catalog::{CatalogOrder, PluginFilter};
use crate::db::plugins::PluginRecord;
use crate::db::releases::ReleaseRecord;
use crate::domain::api::{PluginSummary, SearchAnswer};
use crate::domain::{IndexRelease, ObjectionKind, PluginName, Requirement, Risk, Timestamp, Version};
use crate::http::caching::REVALIDATE;
use crate::http::error::Problem;
use crate::http::extract::{PluginPath, QueryOf};
use crate::registry::{
    CatalogSearch, Registry, downloads_by_day, list_dependents, list_releases, search_catalog, show_release,
};

/// How many plugins a page holds unless asked otherwise, and at most.
const PAGE: i64 = 20;
const PAGE_MAX: i64 = 100;
/// How many words count, and how long the text of a search may be.
const WORDS_MAX: usize = 8;
const WORDS_LENGTH_MAX: usize = 200;
/// How many dependents are listed.
const DEPENDENTS_MAX: i64 = 100;
/// How many days of downloads are told.
const DOWNLOAD_DAYS: i64 = 90;

/// The query of `GET /api/v1/plugins`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SearchQuery {
    q: String,
    risk: Option<String>,
    verified: Option<bool>,
    capability: Option<String>,
    profile: Option<String>,
    sort: Option<String>,
    limit: Option<i64>,
    cursor: Option<String>,
}

impl SearchQuery {
    fn into_search(self) -> Result<CatalogSearch, Problem> {
        let words = self.q.chars().take(WORDS_LENGTH_MAX).collect::<String>().to_lowercase();
        Ok(CatalogSearch {
            filter: PluginFilter {
                words: words.split_whitespace().take(WORDS_MAX).map(str::to_owned).collect(),
                risk_at_most: self.risk.as_deref().map(risk_of).transpose()?,
                verified: self.verified.unwrap_or(false),
                capability: self.capability,
                profile: self.profile,
            },
            order: order_of(self.sort.as_deref())?,
            offset: self.cursor.as_deref().map_or(Ok(0), offset_of)?,
            limit: self.limit.unwrap_or(PAGE).clamp(1, PAGE_MAX),
        })
    }
}

fn risk_of(text: &str) -> Result<Option<Risk>, Problem> {
    match text {
        "none" => Ok(None),
        "low" => Ok(Some(Risk::Low)),
        "medium" => Ok(Some(Risk::Medium)),
        "high" => Ok(Some(Risk::High)),
        _ => Err(unknown("risk", "none, low, medium or high")),
    }
}

fn order_of(text: Option<&str>) -> Result<CatalogOrder, Problem> {
    match text {
        None | Some("fit") => Ok(CatalogOrder::Fit),
        Some("newest") => Ok(CatalogOrder::Newest),
        Some("name") => Ok(CatalogOrder::Name),
        Some(_) => Err(unknown("sort", "fit, newest or name")),
    }
}

fn offset_of(cursor: &str) -> Result<i64, Problem> {
    let offset = cursor.strip_prefix("after-").and_then(|digits| digits.parse().ok());
    offset.ok_or_else(|| {
        Problem::new("cursor-invalid", "the cursor is not one of ours")
            .mend("Give back `next_cursor` of the page before, or leave it out.")
    })
}

fn unknown(parameter: &str, known: &str) -> Problem {
    Problem::new("malformed-query", format!("`{parameter}` must be {known}"))
}

/// `GET /api/v1/plugins?q=&risk=&verified=&capability=&profile=&sort=&limit=&cursor=`.
pub async fn search(
    registry: web::Data<Registry>,
    QueryOf(query): QueryOf<SearchQuery>,
) -> Result<HttpResponse, Problem> {
    let page = search_catalog(&registry, &query.into_search()?).await.map_err(Problem::internal)?;
    Ok(HttpResponse::Ok().insert_header(REVALIDATE).json(SearchAnswer {
        plugins: page.plugins.into_iter().map(summary).collect(),
        next_cursor: page.next_offset.map(|offset| format!("after-{offset}")),
    }))
}

/// What lists tell of a plugin, here and on the pages.
pub(in crate::http) fn summary(record: PluginRecord) -> PluginSummary {
    PluginSummary {
        name: record.name,
        version: record.version,
        description: record.manifest.plugin.description,
        risk: record.risk,
        capabilities: record.manifest.capabilities,
        profile: record.manifest.host.profile,
        verification: record.verification,
        license: record.manifest.plugin.license,
        signer: record.key_id,
        size_bytes: record.size_bytes,
        published_at: record.published_at,
        deprecated: record.deprecated,
        recalled: record
            .objection
            .filter(|objection| objection.kind == ObjectionKind::Recalled)
            .map(|objection| objection.reason),
    }
}

/// The answer about one plugin.
#[derive(Serialize)]
struct PluginAnswer {
    name: PluginName,
    description: String,
    newest: IndexRelease,
    downloads: u64,
    versions: Vec<Version>,
}

/// `GET /api/v1/plugins/{namespace}/{name}`.
pub async fn show_plugin(
    registry: web::Data<Registry>,
    PluginPath(plugin): PluginPath,
) -> Result<HttpResponse, Problem> {
    let details = show_release(&registry, &plugin, None).await?;
    Ok(HttpResponse::Ok().insert_header(REVALIDATE).json(PluginAnswer {
        name: plugin,
        description: details.record.manifest.plugin.description.clone(),
        newest: details.record.index_line(),
        downloads: details.releases.iter().map(|record| record.downloads).sum(),
        versions: details.releases.into_iter().map(|record| record.release.version).collect(),
    }))
}

#[derive(Serialize)]
struct VersionList {
    plugin: PluginName,
    versions: Vec<IndexRelease>,
}

/// `GET /api/v1/plugins/{namespace}/{name}/versions`: the highest first.
pub async fn list_versions(
    registry: web::Data<Registry>,
    PluginPath(plugin): PluginPath,
) -> Result<HttpResponse, Problem> {
    let releases = list_releases(&registry, &plugin).await?;
    let versions = releases.iter().map(ReleaseRecord::index_line).collect();
    Ok(HttpResponse::Ok().insert_header(REVALIDATE).json(VersionList { plugin, versions }))
}

#[derive(Serialize)]
struct DependentList {
    plugin: PluginName,
    dependents: Vec<Dependent>,
}

#[derive(Serialize)]
struct Dependent {
    name: PluginName,
    version: Version,
    requirement: Requirement,
}

/// `GET /api/v1/plugins/{namespace}/{name}/dependents`: whose newest release needs it.
pub async fn list_dependent_plugins(
    registry: web::Data<Registry>,
    PluginPath(plugin): PluginPath,
) -> Result<HttpResponse, Problem> {
    let found = list_dependents(&registry, &plugin, DEPENDENTS_MAX).await?;
    let dependents = found
        .into_iter()
        .map(|(release, requirement)| Dependent {
            name: release.plugin,
            version: release.version,
            requirement,
        })
        .collect();
    Ok(HttpResponse::Ok().insert_header(REVALIDATE).json(DependentList { plugin, dependents }))
}

#[derive(Serialize)]
struct DownloadList {
    plugin: PluginName,
    days: Vec<DownloadDay>,
}

#[derive(Serialize)]
struct DownloadDay {
    date: String,
    downloads: u64,
}

/// `GET /api/v1/plugins/{namespace}/{name}/downloads`: by day, days without any left out.
pub async fn list_downloads(
    registry: web::Data<Registry>,
    PluginPath(plugin): PluginPath,
) -> Result<HttpResponse, Problem> {
    let counted = downloads_by_day(&registry, &plugin, DOWNLOAD_DAYS, Timestamp::now()).await?;
    let date = |day: i64| {
        let midnight = Timestamp::from_micros(day.saturating_mul(86_400_000_000)).to_string();
        midnight.chars().take_while(|character| *character != 'T').collect()
    };
    let days =
        counted.into_iter().map(|(day, downloads)| DownloadDay { date: date(day), downloads }).collect();
    Ok(HttpResponse::Ok().insert_header(REVALIDATE).json(DownloadList { plugin, days }))
}
