//! `/log/checkpoint` and `/log/tile/…`: the transparency log as C2SP tlog-tiles serves it.
//!
//! Outside the manners middleware, as index files are: static bytes, and none of it needs the database.

use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;

use crate::domain::Digest;
use crate::http::caching::{A_MOMENT, AN_HOUR, FOREVER, NO_SNIFF, is_known};
use crate::http::error::Problem;
use crate::http::manners::respond_plainly;
use crate::log::TilePath;
use crate::registry::Registry;

/// `GET /log/checkpoint`: the newest signed head.
pub async fn show_checkpoint(request: HttpRequest, registry: web::Data<Registry>) -> HttpResponse {
    answer_note(&request, registry.head().note.clone().into())
}

/// `GET /log/witnessed-checkpoint`: the newest one that enough witnesses cosigned.
pub async fn show_witnessed_checkpoint(request: HttpRequest, registry: web::Data<Registry>) -> HttpResponse {
    let problem = match registry.witnessed_checkpoint().await {
        Ok(Some(note)) => return answer_note(&request, note),
        Ok(None) => Problem::not_found("a witnessed checkpoint")
            .mend("Ask the operator for witnesses; /log/checkpoint carries the log's own signature."),
        Err(error) => Problem::internal(error),
    };
    respond_plainly(&problem, &request)
}

fn answer_note(request: &HttpRequest, note: Bytes) -> HttpResponse {
    let digest = Digest::of(&note).to_hex();
    let tag = format!("\"{}\"", &digest[..32]);
    let is_known = is_known(request, tag.as_bytes());
    let mut response = if is_known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header((header::ETAG, tag)).insert_header(A_MOMENT).insert_header(NO_SNIFF);
    if is_known {
        return response.finish();
    }
    response.insert_header((header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8")));
    response.body(note)
}

/// `GET /log/tile/{L}/{N}[.p/{W}]` and `GET /log/tile/entries/{N}[.p/{W}]`.
pub async fn show_tile(request: HttpRequest, registry: web::Data<Registry>) -> HttpResponse {
    match read_tile(&request, &registry).await {
        Ok(response) => response,
        Err(problem) => respond_plainly(&problem, &request),
    }
}

async fn read_tile(request: &HttpRequest, registry: &Registry) -> Result<HttpResponse, Problem> {
    let path = TilePath::parse(request.path().strip_prefix("/log/").unwrap_or_default())?;
    let bytes = registry.read_tile(path).await?;
    let mut response = HttpResponse::Ok();
    response.insert_header(if path.is_partial() { AN_HOUR } else { FOREVER }).insert_header(NO_SNIFF);
    response.insert_header((header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")));
    Ok(response.body(bytes))
}
