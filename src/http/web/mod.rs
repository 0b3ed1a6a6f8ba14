//! The catalog's pages, rendered on the server.
//!
//! One file per page: the page struct (plain data, its template of the same name in `templates/`), its
//! handler, and the view logic as methods. Rules and queries do not belong here.

mod assets;
mod filters;
mod home;
mod inspection;
mod markdown;
mod namespace;
mod passport;
mod problem;
mod release;
mod release_head;
mod search;
mod verification;

#[cfg(test)]
mod audit;
#[cfg(test)]
mod samples;

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::{ServiceConfig, get};
use askama::Template;

pub use assets::asset_url;

use crate::domain::api::ProblemBody;
use crate::http::error::Problem;

/// Adds the pages to the URL table; `http/routes.rs` calls it.
pub fn configure(service: &mut ServiceConfig) {
    service
        .route("/static/{file}", get().to(assets::show_asset))
        .route("/", get().to(home::show_home))
        .route("/search", get().to(search::show_search))
        .route("/plugins/{namespace}", get().to(namespace::show_namespace_page))
        .route("/plugins/{namespace}/{name}", get().to(release::show_plugin_page))
        .route("/plugins/{namespace}/{name}/{version}", get().to(release::show_release_page))
        .route("/plugins/{namespace}/{name}/{version}/inspection", get().to(inspection::show_inspection_page))
        .route(
            "/plugins/{namespace}/{name}/{version}/verification",
            get().to(verification::show_verification_page),
        );
}

/// A page as an answer. Relative times age, so a browser asks again each time.
fn respond(page: &impl Template) -> Result<HttpResponse, Problem> {
    let html = page.render().map_err(Problem::internal)?;
    Ok(HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .body(html))
}

/// The page a browser gets in place of a problem document.
pub fn error_page(problem: &ProblemBody) -> String {
    problem::ProblemPage::new(problem).render().unwrap_or_else(|_| "The page could not be written.".into())
}
