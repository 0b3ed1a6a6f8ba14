//! `/index/{namespace}/{name}.json` and `/index/config.json`: the hot path of every host.
//!
//! Outside the manners middleware: no log line, no database, an entity tag compared in memory.

use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;

use crate::domain::PluginName;
use crate::http::caching::{A_MINUTE, NO_SNIFF, is_known};
use crate::http::error::Problem;
use crate::http::extract::plugin_of;
use crate::http::manners::respond_plainly;
use crate::registry::{IndexFile, Registry};

/// `GET /index/{namespace}/{name}.json`: one line a release.
pub async fn show_index_file(request: HttpRequest, registry: web::Data<Registry>) -> HttpResponse {
    let path = request.path().strip_prefix("/index/").and_then(|path| path.strip_suffix(".json"));
    if let Some(file) = path.and_then(|path| registry.cached_index_file(path)) {
        return answer(&request, &file);
    }
    match read(&request, &registry).await {
        Ok(file) => answer(&request, &file),
        Err(problem) => respond_plainly(&problem, &request),
    }
}

async fn read(request: &HttpRequest, registry: &Registry) -> Result<IndexFile, Problem> {
    let plugin: PluginName = plugin_of(request)?;
    let file = registry.index_file(&plugin).await.map_err(Problem::internal)?;
    file.ok_or_else(|| Problem::not_found(plugin))
}

fn answer(request: &HttpRequest, file: &IndexFile) -> HttpResponse {
    let is_known = is_known(request, &file.etag);
    let mut response = if is_known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    if let Ok(tag) = HeaderValue::from_maybe_shared(file.etag.clone()) {
        response.insert_header((header::ETAG, tag));
    }
    response.insert_header(A_MINUTE).insert_header(NO_SNIFF);
    if is_known {
        return response.finish();
    }
    response.insert_header((header::CONTENT_TYPE, HeaderValue::from_static("application/json")));
    response.body(file.bytes.clone())
}

/// Where a client finds what.
#[derive(Serialize)]
struct IndexConfiguration {
    /// Prefix of the API.
    api: String,
    /// Template of package addresses; `{digest}` is 64 hexadecimal digits.
    download: String,
    /// Template of index files.
    index: String,
}

/// `GET /index/config.json`.
pub async fn show_index_configuration(request: HttpRequest, registry: web::Data<Registry>) -> HttpResponse {
    let base = registry.public_url();
    let configuration = IndexConfiguration {
        api: format!("{base}/api/v1"),
        download: format!("{base}/blobs/sha256/{{digest}}"),
        index: format!("{base}/index/{{namespace}}/{{name}}.json"),
    };
    let bytes = serde_json::to_vec(&configuration).unwrap_or_default();
    answer(&request, &IndexFile::new(bytes.into()))
}
