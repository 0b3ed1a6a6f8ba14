//! The catalog's pages, rendered on the server.

use actix_web::web::ServiceConfig;

use crate::domain::api::ProblemBody;

/// Adds the pages to the URL table; `http/routes.rs` calls it.
pub fn configure(_service: &mut ServiceConfig) {}

/// The page a browser gets in place of a problem document.
pub fn error_page(problem: &ProblemBody) -> String {
    let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;");
    format!(
        "<!doctype html><title>{}</title><h1>{}</h1><p>{}</p>",
        escape(&problem.title),
        escape(&problem.title),
        escape(&problem.detail)
    )
}
