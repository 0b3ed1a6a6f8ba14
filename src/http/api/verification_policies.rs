//! What verdicts are measured by.

use actix_web::{HttpResponse, web};

use crate::domain::Digest;
use crate::http::caching::FOREVER;
use crate::http::error::Problem;
use crate::registry::{Registry, find_verification_policy};

/// `GET /api/v1/verification-policies/sha256:…`: the canonical JSON under its digest.
pub async fn show_verification_policy(
    registry: web::Data<Registry>,
    digest: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let digest: Digest = digest.parse()?;
    let policy = find_verification_policy(&registry, digest).await.map_err(Problem::internal)?;
    let policy = policy.ok_or_else(|| Problem::not_found(format!("a verification policy {digest}")))?;
    Ok(HttpResponse::Ok().insert_header(FOREVER).content_type("application/json").body(policy))
}
