//! `/blobs/sha256/{hex}`: packages by digest, immutable, with ranges.

use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody, SizedStream};
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use bytes::Bytes;

use crate::domain::{Digest, Timestamp};
use crate::http::caching::{FOREVER, NO_SNIFF, is_known};
use crate::http::error::Problem;
use crate::http::extract::part;
use crate::http::manners::respond_plainly;
use crate::http::web::percent;
use crate::registry::{BlobContent, Registry};

/// How much of a mapped file is handed to the socket at once.
const PIECE_BYTES: usize = 64 * 1024;

/// `GET` and `HEAD /blobs/sha256/{hex}`.
pub async fn show_blob(request: HttpRequest, registry: web::Data<Registry>) -> HttpResponse {
    let answered = async {
        let digest = Digest::from_hex(part(&request, "digest"))?;
        serve_blob(&request, &registry, digest).await
    };
    answered.await.unwrap_or_else(|problem| respond_plainly(&problem, &request))
}

/// What a recalled package comes with: the operator's reason, percent-encoded (RFC 3986). Hosts decide.
const RECALLED: HeaderName = HeaderName::from_static("x-pluginry-recalled");

/// The bytes under `digest`, or the part of them that is asked for. A whole package is counted as a download.
pub async fn serve_blob(
    request: &HttpRequest,
    registry: &Registry,
    digest: Digest,
) -> Result<HttpResponse, Problem> {
    let objected = registry.check_package(digest)?;
    let tag = format!("\"{}\"", digest.to_hex());
    if is_known(request, tag.as_bytes()) {
        let mut response = HttpResponse::NotModified();
        return Ok(response.insert_header((header::ETAG, tag)).insert_header(FOREVER).finish());
    }
    let size_bytes = registry.blob_size(digest).await.map_err(Problem::internal)?;
    let size_bytes =
        size_bytes.ok_or_else(|| Problem::not_found(format!("a package with digest {digest}")))?;
    let range = match wanted_range(request, &tag, size_bytes) {
        Wanted::Everything => 0..size_bytes,
        Wanted::Part(range) => range,
        Wanted::Impossible => return Err(unsatisfiable(size_bytes)),
    };

    let mut response = HttpResponse::Ok();
    head(&mut response, &tag);
    if let Some(objected) = &objected {
        response.insert_header((RECALLED, percent(&objected.objection.reason)));
    }
    if range != (0..size_bytes) {
        response.status(StatusCode::PARTIAL_CONTENT).insert_header((
            header::CONTENT_RANGE,
            format!("bytes {}-{}/{size_bytes}", range.start, range.end - 1),
        ));
    }
    let length = range.end - range.start;
    if request.method() == Method::HEAD {
        return Ok(response.body(HeadBody(length)));
    }
    let is_whole = range == (0..size_bytes);
    let content = registry.blob(digest, range, size_bytes).await.map_err(Problem::internal)?;
    let content = content.ok_or_else(|| Problem::not_found(format!("a package with digest {digest}")))?;
    if is_whole {
        registry.count_download(digest, Timestamp::now());
    }
    Ok(match content {
        BlobContent::Mapped(bytes) => response.body(MappedBody(bytes)),
        BlobContent::Stream(stream) => response.body(SizedStream::new(length, stream)),
    })
}

fn head(response: &mut HttpResponseBuilder, tag: &str) {
    response
        .insert_header((header::CONTENT_TYPE, HeaderValue::from_static("application/wasm")))
        .insert_header((header::ETAG, tag))
        .insert_header((header::ACCEPT_RANGES, HeaderValue::from_static("bytes")))
        .insert_header(FOREVER)
        .insert_header(NO_SNIFF);
}

fn unsatisfiable(size_bytes: u64) -> Problem {
    let problem = Problem::new("range-not-satisfiable", format!("the package has {size_bytes} bytes"));
    match HeaderValue::from_str(&format!("bytes */{size_bytes}")) {
        Ok(value) => problem.header(header::CONTENT_RANGE, value),
        Err(_) => problem,
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    Everything,
    Part(std::ops::Range<u64>),
    Impossible,
}

fn wanted_range(request: &HttpRequest, tag: &str, size_bytes: u64) -> Wanted {
    let headers = request.headers();
    let is_other_entity =
        headers.get(header::IF_RANGE).is_some_and(|condition| condition.as_bytes() != tag.as_bytes());
    match headers.get(header::RANGE).and_then(|range| range.to_str().ok()) {
        Some(range) if !is_other_entity => read_range(range, size_bytes),
        _ => Wanted::Everything,
    }
}

/// RFC 9110, section 14: one range is served; several, or what cannot be read, get everything.
fn read_range(text: &str, size_bytes: u64) -> Wanted {
    let Some((first, last)) = text.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Wanted::Everything;
    };
    match (first.trim().parse::<u64>(), last.trim().parse::<u64>()) {
        (Ok(first), Ok(last)) if first <= last && first < size_bytes => {
            Wanted::Part(first..last.saturating_add(1).min(size_bytes))
        }
        (Ok(first), Err(_)) if last.trim().is_empty() && first < size_bytes => {
            Wanted::Part(first..size_bytes)
        }
        (Err(_), Ok(suffix)) if first.trim().is_empty() && suffix > 0 && size_bytes > 0 => {
            Wanted::Part(size_bytes.saturating_sub(suffix)..size_bytes)
        }
        (Ok(first), _) if first >= size_bytes => Wanted::Impossible,
        (Err(_), Ok(0)) if first.trim().is_empty() => Wanted::Impossible,
        _ => Wanted::Everything,
    }
}

/// A mapped file, handed out in slices that are not copied before the socket's buffer.
struct MappedBody(Bytes);

impl MessageBody for MappedBody {
    type Error = std::convert::Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.0.len() as u64)
    }

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        if self.0.is_empty() {
            return Poll::Ready(None);
        }
        let piece = self.0.len().min(PIECE_BYTES);
        Poll::Ready(Some(Ok(self.0.split_to(piece))))
    }
}

/// The answer to HEAD: as long as the body would be, and empty.
struct HeadBody(u64);

impl MessageBody for HeadBody {
    type Error = std::convert::Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.0)
    }

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Poll::Ready(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_the_rfc_has_them() {
        let cases = [
            ("bytes=0-0", Wanted::Part(0..1)),
            ("bytes=2-", Wanted::Part(2..10)),
            ("bytes=-3", Wanted::Part(7..10)),
            ("bytes=-30", Wanted::Part(0..10)),
            ("bytes=5-99", Wanted::Part(5..10)),
            ("bytes=10-", Wanted::Impossible),
            ("bytes=-0", Wanted::Impossible),
            ("bytes=5-2", Wanted::Everything),
            ("bytes=0-1,4-5", Wanted::Everything),
            ("lines=0-1", Wanted::Everything),
            ("bytes=x-y", Wanted::Everything),
        ];

        for (text, expected) in cases {
            assert_eq!(read_range(text, 10), expected, "{text}");
        }
    }
}
