//! `POST /api/v1/resolve`.

use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};

use crate::domain::Timestamp;
use crate::http::error::Problem;
use crate::http::extract::JsonBody;
use crate::http::rate_limit::RateLimits;
use crate::registry::{Registry, ResolvePluginsError, SolveError, resolve_plugins};
use crate::resolver::ResolveRequest;

/// A lock, or a problem whose detail explains why there is none.
pub async fn resolve(
    registry: web::Data<Registry>,
    limits: web::Data<RateLimits>,
    http: HttpRequest,
    JsonBody(request): JsonBody<ResolveRequest>,
) -> Result<HttpResponse, Problem> {
    let resolved = resolve_plugins(&registry, limits.address_of(&http), request, Timestamp::now()).await;
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
