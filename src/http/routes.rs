//! The whole URL table.
//!
//! `/index` and `/blobs` stand outside the scope with the manners middleware: they are the hot paths.

use actix_web::middleware::from_fn;
use actix_web::web::{self, ServiceConfig, get};

use super::api::operations;
use super::error::Problem;
use super::manners::mind_manners;

/// Adds every route of the registry.
pub fn configure(service: &mut ServiceConfig) {
    service.service(
        web::scope("")
            .wrap(from_fn(mind_manners))
            .route("/health/live", get().to(operations::show_liveness))
            .route("/health/ready", get().to(operations::show_readiness))
            .route("/metrics", get().to(operations::show_metrics))
            .configure(api)
            .configure(super::web::configure)
            .default_service(web::to(refuse_unknown_address)),
    );
}

fn api(_service: &mut ServiceConfig) {}

async fn refuse_unknown_address() -> Result<&'static str, Problem> {
    Err(Problem::new("not-found", "nothing is at this address")
        .mend("The API is described at /api/docs, the catalog starts at /."))
}
