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

use actix_web::web::{ServiceConfig, get};
use askama::Template as _;

pub use assets::asset_url;

use crate::domain::api::ProblemBody;

/// Adds the pages to the URL table; `http/routes.rs` calls it.
pub fn configure(service: &mut ServiceConfig) {
    service.route("/static/{file}", get().to(assets::show_asset));
}

/// The page a browser gets in place of a problem document.
pub fn error_page(problem: &ProblemBody) -> String {
    problem::ProblemPage::new(problem).render().unwrap_or_else(|_| "The page could not be written.".into())
}
