//! `/health/live`, `/health/ready`, `/metrics`.

use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use subtle::ConstantTimeEq as _;

use crate::http::error::Problem;
use crate::http::rate_limit::RateLimits;
use crate::registry::Registry;
use crate::telemetry;

#[derive(Serialize)]
struct Health {
    status: &'static str,
}

/// `GET /health/live`: the process answers.
pub async fn show_liveness() -> HttpResponse {
    HttpResponse::Ok().json(Health { status: "live" })
}

/// `GET /health/ready`: the database and the object store answer too.
pub async fn show_readiness(registry: web::Data<Registry>) -> Result<HttpResponse, Problem> {
    let not_ready = |what: &str| Problem::new("unavailable", format!("the {what} does not answer"));
    registry.database().ping().await.map_err(|error| not_ready("database").caused_by(error))?;
    registry.storage().ping().await.map_err(|error| not_ready("object store").caused_by(error))?;
    Ok(HttpResponse::Ok().json(Health { status: "ready" }))
}

/// `GET /metrics`: Prometheus text, for whoever has the token of the settings; without one, for this machine alone.
pub async fn show_metrics(
    request: HttpRequest,
    registry: web::Data<Registry>,
    limits: web::Data<RateLimits>,
) -> Result<HttpResponse, Problem> {
    check_metrics_reader(&request, &registry.configuration().metrics.token, &limits)?;
    Ok(HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(telemetry::metrics_handle().render()))
}

fn check_metrics_reader(request: &HttpRequest, token: &str, limits: &RateLimits) -> Result<(), Problem> {
    if token.is_empty() {
        return match limits.is_from_this_machine(request) {
            true => Ok(()),
            false => Err(Problem::new("metrics-forbidden", "the metrics are told on this machine only")
                .mend("Ask on the machine itself, or set `metrics.token` and send it as a bearer token.")),
        };
    }
    let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = given.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    if bool::from(given.as_bytes().ct_eq(token.as_bytes())) {
        return Ok(());
    }
    Err(Problem::new("metrics-token", "the metrics ask for the token that `metrics.token` names")
        .mend("Send it as `authorization: Bearer …`.")
        .header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"metrics\"")))
}
