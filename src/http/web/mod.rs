//! The catalog's pages, rendered on the server.
//!
//! One file per page: the page struct (plain data, its template of the same name in `templates/`), its
//! handler, and the view logic as methods. Rules and queries do not belong here.

pub mod assets;
mod filters;
pub mod graph;
pub mod home;
pub mod inspection;
pub mod markdown;
pub mod namespace;
pub mod passport;
pub mod problem;
pub mod release;
pub mod release_head;
pub mod search;
pub mod tombstone;
pub mod verification;

#[cfg(test)]
mod audit;
#[cfg(test)]
mod samples;

use actix_web::http::{StatusCode, header};
use actix_web::web::{ServiceConfig, get, head, resource};
use actix_web::{FromRequest, Handler, HttpResponse, Responder};
use askama::Template;

pub use assets::asset_url;
pub(super) use filters::percent;

use crate::domain::api::ProblemBody;
use crate::http::error::Problem;

/// Adds the pages to the URL table; `http/routes.rs` calls it.
pub fn configure(service: &mut ServiceConfig) {
    page(service, "/static/{file}", assets::show_asset);
    page(service, "/", home::show_home);
    page(service, "/search", search::show_search);
    page(service, "/plugins/{namespace}", namespace::show_namespace_page);
    page(service, "/plugins/{namespace}/{name}", release::show_plugin_page);
    page(service, "/plugins/{namespace}/{name}/{version}", release::show_release_page);
    page(service, "/plugins/{namespace}/{name}/{version}/graph.svg", graph::show_release_graph);
    page(service, "/plugins/{namespace}/{name}/{version}/inspection", inspection::show_inspection_page);
    page(service, "/plugins/{namespace}/{name}/{version}/verification", verification::show_verification_page);
}

/// A page answers to `GET`, and to `HEAD` with the same headers.
fn page<F, Arguments>(service: &mut ServiceConfig, path: &str, handler: F)
where
    F: Handler<Arguments>,
    Arguments: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    service.service(resource(path).route(get().to(handler.clone())).route(head().to(handler)));
}

/// A page as an answer. Relative times age, so a browser asks again each time.
fn respond(page: &impl Template) -> Result<HttpResponse, Problem> {
    respond_with(StatusCode::OK, page)
}

fn respond_with(status: StatusCode, page: &impl Template) -> Result<HttpResponse, Problem> {
    let html = page.render().map_err(Problem::internal)?;
    Ok(HttpResponse::build(status)
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .body(html))
}

/// The page a browser gets in place of a problem document.
pub fn error_page(problem: &ProblemBody) -> String {
    problem::ProblemPage::new(problem).render().unwrap_or_else(|_| "The page could not be written.".into())
}
