//! Handlers of the JSON API, one file per group of endpoints or verb.

pub mod accounts;
pub mod blobs;
pub mod bundles;
pub mod catalog;
pub mod graph;
pub mod index;
pub mod log;
pub mod namespaces;
pub mod operations;
pub mod operator;
pub mod profiles;
pub mod publish;
pub mod release;
pub mod releases;
pub mod resolve;
pub mod trust;
pub mod verification_policies;

use actix_web::HttpRequest;
use actix_web::http::header;

/// Whether the client would rather read text than JSON.
fn wants_text(request: &HttpRequest) -> bool {
    let accept = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| accept.trim_start().starts_with("text/plain"))
}
