//! `POST /api/v1/graph`: which release of a lock needs which, as a picture or for Graphviz.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;

use crate::http::caching::REVALIDATE;
use crate::http::error::Problem;
use crate::http::extract::{JsonBody, QueryOf};
use crate::http::rate_limit::RateLimits;
use crate::registry::{Registry, draw_lock, write_graphviz};
use crate::resolver::Lock;
use crate::resolver::picture::{Picture, style_source};

const SVG: &str = "image/svg+xml";
const GRAPHVIZ: &str = "text/vnd.graphviz";

/// `?format=`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GraphQuery {
    format: Option<Format>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    Svg,
    Dot,
}

/// The graph of the lock that is sent.
pub async fn show_graph(
    registry: web::Data<Registry>,
    limits: web::Data<RateLimits>,
    http: HttpRequest,
    QueryOf(query): QueryOf<GraphQuery>,
    JsonBody(lock): JsonBody<Lock>,
) -> Result<HttpResponse, Problem> {
    let format = query.format.map_or_else(|| accepted(&http), Ok)?;
    let client = limits.address_of(&http);
    Ok(match format {
        Format::Svg => picture_answer(&draw_lock(&registry, client, lock).await?),
        Format::Dot => HttpResponse::Ok()
            .insert_header(REVALIDATE)
            .content_type(format!("{GRAPHVIZ}; charset=utf-8"))
            .body(write_graphviz(&registry, client, lock).await?),
    })
}

/// A picture as an answer of its own: its style sheet counts, nothing else is let in.
pub(in crate::http) fn picture_answer(picture: &Picture) -> HttpResponse {
    let policy = format!("default-src 'none'; style-src {}; frame-ancestors 'none'", style_source());
    HttpResponse::Ok()
        .insert_header(REVALIDATE)
        .insert_header((header::CONTENT_SECURITY_POLICY, policy))
        .content_type(SVG)
        .body(picture.svg.clone())
}

/// What the client would rather have, a picture if it does not say.
fn accepted(http: &HttpRequest) -> Result<Format, Problem> {
    let accept: Vec<&str> =
        http.headers().get_all(header::ACCEPT).filter_map(|value| value.to_str().ok()).collect();
    let mut best: Option<(Format, f32)> = None;
    for range in accept.iter().flat_map(|value| value.split(',')) {
        let mut parts = range.split(';').map(str::trim);
        let format = match parts.next().unwrap_or_default().to_ascii_lowercase().as_str() {
            "" | SVG | "image/*" | "*/*" => Format::Svg,
            GRAPHVIZ | "text/*" => Format::Dot,
            _ => continue,
        };
        let weight = parts.find_map(|part| part.strip_prefix("q=")?.parse().ok()).unwrap_or(1.0);
        if weight > best.map_or(0.0, |(_, weight)| weight) {
            best = Some((format, weight));
        }
    }
    match best {
        Some((format, _)) => Ok(format),
        None if accept.is_empty() => Ok(Format::Svg),
        None => {
            Err(Problem::new("not-acceptable", "a graph is a picture or text for Graphviz").mend(format!(
                "Ask for `accept: {SVG}` or `accept: {GRAPHVIZ}`, or say `?format=svg` or `?format=dot`."
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn asked(accept: &str) -> Option<Format> {
        accepted(&TestRequest::default().insert_header(("accept", accept)).to_http_request()).ok()
    }

    #[test]
    fn the_form_is_what_the_client_would_rather_have() {
        assert_eq!(accepted(&TestRequest::default().to_http_request()).ok(), Some(Format::Svg));
        assert_eq!(asked("*/*"), Some(Format::Svg));
        assert_eq!(asked("text/vnd.graphviz"), Some(Format::Dot));
        assert_eq!(asked("image/svg+xml;q=0.3, text/vnd.graphviz;q=0.9"), Some(Format::Dot));
        assert_eq!(asked("text/html,application/xml;q=0.9,*/*;q=0.8"), Some(Format::Svg));
        assert_eq!(asked("application/json"), None);
        assert_eq!(asked("image/svg+xml;q=0"), None);
    }
}
