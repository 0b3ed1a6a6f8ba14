//! What anybody needs to check releases without the registry: bundles and proofs.

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use serde::Deserialize;

use crate::domain::Timestamp;
use crate::http::caching::REVALIDATE;
use crate::http::error::Problem;
use crate::http::extract::{JsonBody, ReleasePath};
use crate::registry::{Registry, build_bundle, build_lock_bundle, prove_publish};
use crate::resolver::Lock;

/// `GET …/{version}/bundle`: all that is needed to check the package without the network.
pub async fn show_bundle(
    registry: web::Data<Registry>,
    ReleasePath(id): ReleasePath,
) -> Result<HttpResponse, Problem> {
    let bundle = build_bundle(&registry, &id, Timestamp::now()).await?;
    Ok(HttpResponse::Ok().insert_header(REVALIDATE).json(bundle))
}

/// `GET …/{version}/tlog-proof`: the proof that its publish is in the log, as c2sp.org/tlog-proof writes it.
pub async fn show_tlog_proof(
    registry: web::Data<Registry>,
    ReleasePath(id): ReleasePath,
) -> Result<HttpResponse, Problem> {
    let proof = prove_publish(&registry, &id).await?;
    let name = format!("attachment; filename=\"{}-{}.tlog-proof\"", id.plugin.name(), id.version);
    Ok(HttpResponse::Ok()
        .insert_header(REVALIDATE)
        .insert_header((header::CONTENT_DISPOSITION, name))
        .content_type("text/plain; charset=utf-8")
        .body(proof.to_string()))
}

/// What `POST /api/v1/bundles` is asked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockBundleRequest {
    lock: Lock,
}

/// `POST /api/v1/bundles`: the bundles of all releases of a lock, and the recall feed.
pub async fn make_lock_bundle(
    registry: web::Data<Registry>,
    JsonBody(request): JsonBody<LockBundleRequest>,
) -> Result<HttpResponse, Problem> {
    let bundle = build_lock_bundle(&registry, &request.lock, Timestamp::now()).await?;
    Ok(HttpResponse::Ok().insert_header(REVALIDATE).json(bundle))
}
