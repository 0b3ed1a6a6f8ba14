//! `/api/v1/trust` and `/.well-known/pluginry/trust.json`: the keys of the registry, every version.

use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};

use crate::http::caching::{REVALIDATE, is_known};
use crate::registry::{Registry, ServedDocument};

/// `GET /api/v1/trust`.
pub async fn show_trust(request: HttpRequest, registry: web::Data<Registry>) -> HttpResponse {
    answer(&request, registry.keys().served_chain())
}

/// A signed document as JSON; nothing for a client that holds it already.
pub(super) fn answer(request: &HttpRequest, document: &ServedDocument) -> HttpResponse {
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
