//! One release: details, manifest, inspection, verification, dependencies, download.

use std::time::Duration;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::blobs::serve_blob;
use crate::domain::{
    Capabilities, DependencySpec, Digest, IndexRelease, PluginName, ReleaseId, Requirement, Timestamp,
    VerificationState,
};
use crate::http::caching::{FOREVER, REVALIDATE, is_known};
use crate::http::error::Problem;
use crate::http::extract::{QueryOf, ReleasePath};
use crate::registry::{Registry, find_release, newest_verification, release_texts, wait_until_verified};

/// The answer about one release.
#[derive(Serialize)]
struct ReleaseAnswer {
    plugin: PluginName,
    release: IndexRelease,
    description: String,
    kind: String,
    manifest_digest: Digest,
    profile: String,
    widening: Value,
    readme: Option<String>,
    downloads: u64,
    yanked_at: Option<Timestamp>,
    download_url: String,
}

/// `GET /api/v1/plugins/{namespace}/{name}/{version}`.
pub async fn show(
    registry: web::Data<Registry>,
    ReleasePath(id): ReleasePath,
) -> Result<HttpResponse, Problem> {
    let record = find_release(&registry, &id).await?;
    let readme = release_texts(&registry, &record).await?.readme;
    let widening = record.widening.as_deref().and_then(|text| serde_json::from_str(text).ok());
    Ok(HttpResponse::Ok().insert_header(REVALIDATE).json(ReleaseAnswer {
        release: record.index_line(),
        description: record.manifest.plugin.description.clone(),
        kind: record.kind.clone(),
        manifest_digest: record.manifest_digest,
        profile: format!("{}@{}", record.manifest.host.profile, record.profile_version),
        widening: widening.unwrap_or_default(),
        readme,
        downloads: record.downloads,
        yanked_at: record.yanked_at,
        download_url: format!(
            "{}/api/v1/plugins/{}/{}/download",
            registry.public_url(),
            id.plugin.path(),
            id.version
        ),
        plugin: id.plugin,
    }))
}

/// `GET …/{version}/manifest`: the canonical JSON as it stands in the package.
pub async fn show_manifest(
    request: HttpRequest,
    registry: web::Data<Registry>,
    ReleasePath(id): ReleasePath,
) -> Result<HttpResponse, Problem> {
    let record = find_release(&registry, &id).await?;
    let tag = format!("\"{}\"", record.manifest_digest.to_hex());
    if is_known(&request, tag.as_bytes()) {
        return Ok(HttpResponse::NotModified().insert_header((header::ETAG, tag)).finish());
    }
    let mut response = HttpResponse::Ok();
    response.insert_header((header::ETAG, tag)).insert_header(FOREVER).content_type("application/json");
    Ok(response.body(record.manifest.to_canonical_json()))
}

/// `GET …/{version}/inspection`: the report of the publish, as JSON or (by `accept`) as text.
pub async fn show_inspection(
    request: HttpRequest,
    registry: web::Data<Registry>,
    ReleasePath(id): ReleasePath,
) -> Result<HttpResponse, Problem> {
    let record = find_release(&registry, &id).await?;
    let report = release_texts(&registry, &record).await?.inspection;
    if super::wants_text(&request) {
        let report: crate::wasm::InspectionReport =
            serde_json::from_str(&report).map_err(Problem::internal)?;
        return Ok(HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(report.to_string()));
    }
    Ok(HttpResponse::Ok().insert_header(REVALIDATE).content_type("application/json").body(report))
}

#[derive(Serialize)]
struct VerificationAnswer {
    state: VerificationState,
    #[serde(skip_serializing_if = "Option::is_none")]
    finished_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<Value>,
}

/// How a verification is asked for.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct VerificationSwitches {
    wait_seconds: u64,
}

/// The longest wait for a run; shorter than what a shutdown gives requests in flight.
const WAIT_SECONDS_MAX: u64 = 20;

/// `GET …/{version}/verification`: where the run stands, and its report once it ended; `?wait_seconds=20`
/// answers when it ended, or after that time.
pub async fn show_verification(
    registry: web::Data<Registry>,
    ReleasePath(id): ReleasePath,
    QueryOf(switches): QueryOf<VerificationSwitches>,
) -> Result<HttpResponse, Problem> {
    let record = match switches.wait_seconds.min(WAIT_SECONDS_MAX) {
        0 => find_release(&registry, &id).await?,
        seconds => wait_until_verified(&registry, &id, Duration::from_secs(seconds)).await?,
    };
    let run = newest_verification(&registry, &record).await?;
    let finished_at = run.as_ref().map(|run| run.finished_at);
    let report = run.map(|run| serde_json::from_str(&run.report)).transpose().map_err(Problem::internal)?;
    let answer = VerificationAnswer { state: record.verification, finished_at, report };
    Ok(HttpResponse::Ok().insert_header(REVALIDATE).json(answer))
}

#[derive(Serialize)]
struct DependencyList {
    release: String,
    dependencies: Vec<Dependency>,
    capabilities: Capabilities,
}

#[derive(Serialize)]
struct Dependency {
    name: PluginName,
    requirement: Requirement,
    optional: bool,
}

/// `GET …/{version}/dependencies`.
pub async fn list_dependencies(
    registry: web::Data<Registry>,
    ReleasePath(id): ReleasePath,
) -> Result<HttpResponse, Problem> {
    let manifest = find_release(&registry, &id).await?.manifest;
    let dependencies = manifest
        .dependencies
        .into_iter()
        .map(|(name, DependencySpec { version, optional })| Dependency {
            name,
            requirement: version,
            optional,
        })
        .collect();
    let answer =
        DependencyList { release: id.to_string(), dependencies, capabilities: manifest.capabilities };
    Ok(HttpResponse::Ok().insert_header(REVALIDATE).json(answer))
}

/// `GET …/{version}/download`: the package, counted. Works from index files alone, without the database.
pub async fn download(
    request: HttpRequest,
    registry: web::Data<Registry>,
    ReleasePath(id): ReleasePath,
) -> Result<HttpResponse, Problem> {
    let digest = digest_of(&registry, &id).await?;
    let mut response = serve_blob(&request, &registry, digest).await?;
    let name = format!("attachment; filename=\"{}-{}.wasm\"", id.plugin.name(), id.version);
    if let Ok(value) = header::HeaderValue::from_str(&name) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, value);
    }
    Ok(response)
}

async fn digest_of(registry: &Registry, id: &ReleaseId) -> Result<Digest, Problem> {
    let file = registry.index_file(&id.plugin).await.map_err(Problem::internal)?;
    let releases = file.map(|file| file.release(&id.version)).transpose().map_err(Problem::internal)?;
    match releases.flatten() {
        Some(release) => Ok(release.digest),
        None => Ok(find_release(registry, id).await?.digest),
    }
}
