//! `POST /api/v1/resolve`, and what is asked about a lock: `POST /api/v1/upgrade-plan`, `POST /api/v1/outdated`.

use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;

use crate::domain::Timestamp;
use crate::http::error::Problem;
use crate::http::extract::JsonBody;
use crate::http::rate_limit::RateLimits;
use crate::registry::{self, Registry, ResolvePluginsError, SolveError, resolve_plugins};
use crate::resolver::ResolveRequest;

/// A lock, or a problem whose detail explains why there is none.
pub async fn resolve(
    registry: web::Data<Registry>,
    limits: web::Data<RateLimits>,
    http: HttpRequest,
    JsonBody(request): JsonBody<ResolveRequest>,
) -> Result<HttpResponse, Problem> {
    answer(resolve_plugins(&registry, limits.address_of(&http), request, Timestamp::now()).await)
}

/// What an upgrade would change of the lock in the request, and the lock it would write.
pub async fn plan_upgrade(
    registry: web::Data<Registry>,
    limits: web::Data<RateLimits>,
    http: HttpRequest,
    JsonBody(request): JsonBody<ResolveRequest>,
) -> Result<HttpResponse, Problem> {
    answer(registry::plan_upgrade(&registry, limits.address_of(&http), request, Timestamp::now()).await)
}

/// What is outdated in the lock in the request.
pub async fn list_outdated(
    registry: web::Data<Registry>,
    limits: web::Data<RateLimits>,
    http: HttpRequest,
    JsonBody(request): JsonBody<ResolveRequest>,
) -> Result<HttpResponse, Problem> {
    answer(registry::list_outdated(&registry, limits.address_of(&http), request, Timestamp::now()).await)
}

fn answer(resolved: Result<impl Serialize, ResolvePluginsError>) -> Result<HttpResponse, Problem> {
    metrics::counter!("resolves_total", "outcome" => if resolved.is_ok() { "lock" } else { "none" })
        .increment(1);
    Ok(HttpResponse::Ok().json(resolved.map_err(problem_of)?))
}

fn problem_of(error: ResolvePluginsError) -> Problem {
    let (mut derivation, mut mends, mut plugins) = (None, Vec::new(), Vec::new());
    if let ResolvePluginsError::Failure(failure) = &error {
        derivation = failure.derivation().cloned();
        mends = failure.mends().to_vec();
        plugins = failure.plugins().to_vec();
    }
    let is_busy = matches!(error, ResolvePluginsError::Solve(SolveError::Busy));
    let mut problem = Problem::from(error);
    if !plugins.is_empty() {
        problem = problem.extra("plugins", plugins);
    }
    if !mends.is_empty() {
        problem = problem.extra("mends", mends);
    }
    if let Some(derivation) = derivation {
        problem = problem.extra("derivation", derivation);
    }
    if is_busy {
        problem = problem.header(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    problem
}
