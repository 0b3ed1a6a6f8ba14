//! `/health/live`, `/health/ready`, `/metrics`.

use actix_web::{HttpResponse, web};
use serde::Serialize;

use crate::http::error::Problem;
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

/// `GET /metrics`: Prometheus text.
pub async fn show_metrics() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(telemetry::metrics_handle().render())
}
