//! What the registry signs about itself: its keys, in every version, and the recall feed.

use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};

use crate::domain::Timestamp;
use crate::http::caching::{REVALIDATE, is_known};
use crate::http::error::Problem;
use crate::registry::{Registry, ServedDocument};

/// `GET /api/v1/trust` and `/.well-known/pluginry/trust.json`.
pub async fn show_trust(request: HttpRequest, registry: web::Data<Registry>) -> HttpResponse {
    answer(&request, registry.keys().served_chain())
}

/// `GET /api/v1/recalls`: every release hosts must not run, and every key that no longer counts.
pub async fn show_recalls(
    request: HttpRequest,
    registry: web::Data<Registry>,
) -> Result<HttpResponse, Problem> {
    Ok(answer(&request, &registry.recalls(Timestamp::now()).await?.document))
}

/// A signed document as JSON; nothing for a client that holds it already.
fn answer(request: &HttpRequest, document: &ServedDocument) -> HttpResponse {
    let is_known = is_known(request, &document.etag);
    let mut response = if is_known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    if let Ok(tag) = HeaderValue::from_maybe_shared(document.etag.clone()) {
        response.insert_header((header::ETAG, tag));
    }
    response.insert_header(REVALIDATE);
    if is_known {
        return response.finish();
    }
    response.content_type("application/json").body(document.bytes.clone())
}
