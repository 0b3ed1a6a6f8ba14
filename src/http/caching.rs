//! Entity tags and cache lifetimes, by intention.

use actix_web::HttpRequest;
use actix_web::http::header::{self, HeaderName, HeaderValue};

/// Bytes under their digest: they never change.
pub(super) const FOREVER: (HeaderName, HeaderValue) =
    (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
/// What never changes, but gives way to something wider.
pub(super) const AN_HOUR: (HeaderName, HeaderValue) =
    (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"));
/// The checkpoint of the log.
pub(super) const A_MOMENT: (HeaderName, HeaderValue) =
    (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=2"));
/// Index files.
pub(super) const A_MINUTE: (HeaderName, HeaderValue) =
    (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=60"));
/// API answers that may change at any time.
pub(super) const REVALIDATE: (HeaderName, HeaderValue) =
    (header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
/// What belongs to one caller.
pub(super) const PRIVATE: (HeaderName, HeaderValue) =
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
/// Browsers must take the content type as it is said.
pub(super) const NO_SNIFF: (HeaderName, HeaderValue) =
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));

/// Whether the client holds the entity with this tag (quotes included) already.
pub(super) fn is_known(request: &HttpRequest, tag: &[u8]) -> bool {
    request.headers().get_all(header::IF_NONE_MATCH).any(|known| names_tag(known.as_bytes(), tag))
}

/// `If-None-Match` compares weakly: `W/` does not matter.
fn names_tag(list: &[u8], tag: &[u8]) -> bool {
    list == tag
        || list.split(|byte| *byte == b',').any(|entry| {
            let entry = entry.trim_ascii();
            entry == b"*" || entry.strip_prefix(b"W/").unwrap_or(entry) == tag
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_found_alone_in_a_list_and_behind_a_weak_mark() {
        assert!(names_tag(b"\"a\"", b"\"a\""));
        assert!(names_tag(b"\"b\", W/\"a\"", b"\"a\""));
        assert!(names_tag(b"*", b"\"a\""));
        assert!(!names_tag(b"\"ab\"", b"\"a\""));
    }
}
