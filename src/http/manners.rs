//! What every answer outside the hot paths gets: a request id, security headers, rendered errors, metrics, a log line.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpRequest, HttpResponse, web};

use super::error::{self, Problem};
use super::rate_limit::RateLimits;

/// The header a request id comes in and goes out by.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const REQUEST_ID_MAX: usize = 64;

/// The id of one request, kept in its extensions.
#[derive(Clone)]
pub(super) struct RequestId(String);

/// The id of a request: the client's own when it is plain and short, else a new one.
pub(super) fn request_id(request: &HttpRequest) -> String {
    if let Some(RequestId(id)) = request.extensions().get::<RequestId>() {
        return id.clone();
    }
    let id = given_id(request.headers()).unwrap_or_else(new_id);
    request.extensions_mut().insert(RequestId(id.clone()));
    id
}

fn given_id(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(&REQUEST_ID)?.to_str().ok()?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    (!text.is_empty() && text.len() <= REQUEST_ID_MAX && text.bytes().all(plain)).then(|| text.to_owned())
}

/// Unique over restarts and replicas: a random start per process and a counter.
fn new_id() -> String {
    static START: std::sync::OnceLock<u64> = std::sync::OnceLock::new();
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let start = START.get_or_init(|| getrandom::u64().unwrap_or_default());
    format!("{start:016x}-{:x}", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Whether the answer is for a person in a browser.
pub(super) fn is_for_browser(request: &HttpRequest) -> bool {
    let path = request.path();
    let is_machine_path =
        ["/api/", "/index/", "/blobs/", "/health/", "/metrics"].iter().any(|prefix| path.starts_with(prefix));
    !is_machine_path
        && request
            .headers()
            .get(header::ACCEPT)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|accept| accept.contains("text/html"))
}

const SECURITY_HEADERS: &[(&str, &str)] = &[
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "strict-origin-when-cross-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
];

/// The middleware.
pub(super) async fn mind_manners<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let started = Instant::now();
    let id = request_id(request.request());
    // No clone of the request may live while inner scopes route it: the framework needs it for itself then.
    let for_browser = is_for_browser(request.request());

    let limits = request.app_data::<web::Data<RateLimits>>();
    let refused = limits.and_then(|limits| limits.check_address(request.request()).err());
    if let Some(problem) = refused {
        let response = request.into_response(problem.respond(&id, for_browser));
        return Ok(finished(response, &id, started));
    }
    let answer = if is_question(request.request()) {
        next.call(request).await
    } else {
        finished_whoever_waits(next.call(request)).await
    };
    match answer {
        Ok(response) => Ok(finished(rendered(response.map_into_boxed_body(), &id), &id, started)),
        Err(error) => {
            let response = {
                let problem = problem_of(&error, error.as_response_error().status_code());
                problem.respond(&id, for_browser)
            };
            Err(InternalError::from_response(error, response).into())
        }
    }
}

/// Addresses that answer a `POST` and change nothing.
const QUESTIONS: &[&str] = &["/resolve", "/upgrade-plan", "/outdated", "/graph", "/inspect", "/bundles"];

/// Whether the request changes nothing, so that it need not be answered any more once its client is gone.
fn is_question(request: &HttpRequest) -> bool {
    let is_posted_question =
        || request.path().strip_prefix("/api/v1").is_some_and(|address| QUESTIONS.contains(&address));
    request.method().is_safe() || is_posted_question()
}

/// A change that was begun is brought to its end even if the client goes away, which drops whatever it waits for.
async fn finished_whoever_waits<T: 'static>(change: impl Future<Output = T> + 'static) -> T {
    match actix_web::rt::spawn(change).await {
        Ok(answer) => answer,
        Err(broken) => match broken.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // Cancelled: the worker is stopping, and this future with it.
            Err(_) => std::future::pending().await,
        },
    }
}

/// Replaces what the framework or a handler reported as an error by our rendering of it.
fn rendered(response: ServiceResponse, id: &str) -> ServiceResponse {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return response;
    }
    let is_bare = matches!(response.response().body().size(), BodySize::None | BodySize::Sized(0))
        && response.request().method() != actix_web::http::Method::HEAD;
    let replacement = match response.response().error() {
        Some(error) => respond(&problem_of(error, status), response.request(), id),
        None if is_bare => {
            let mut replacement = respond(&error::from_status(status), response.request(), id);
            if let Some(allow) = response.headers().get(header::ALLOW) {
                replacement.headers_mut().insert(header::ALLOW, allow.clone());
            }
            replacement
        }
        None => return response,
    };
    response.into_response(replacement)
}

fn problem_of(error: &Error, status: actix_web::http::StatusCode) -> ProblemOrOwn<'_> {
    match error.as_error::<Problem>() {
        Some(problem) => ProblemOrOwn::Given(problem),
        None => ProblemOrOwn::Own(error::from_framework(error, status)),
    }
}

enum ProblemOrOwn<'a> {
    Given(&'a Problem),
    Own(Problem),
}

impl std::ops::Deref for ProblemOrOwn<'_> {
    type Target = Problem;

    fn deref(&self) -> &Problem {
        match self {
            Self::Given(problem) => problem,
            Self::Own(problem) => problem,
        }
    }
}

/// An error of a route outside the middleware.
pub(super) fn respond_plainly(problem: &Problem, request: &HttpRequest) -> HttpResponse {
    let id = request_id(request);
    let mut response = respond(problem, request, &id);
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

fn respond(problem: &Problem, request: &HttpRequest, id: &str) -> HttpResponse {
    problem.respond(id, is_for_browser(request))
}

fn finished(mut response: ServiceResponse, id: &str, started: Instant) -> ServiceResponse {
    let headers = response.headers_mut();
    for (name, value) in SECURITY_HEADERS {
        if !headers.contains_key(*name) {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
    }
    if let Ok(value) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, value);
    }
    let request = response.request();
    let route = request.match_pattern().unwrap_or_else(|| "unmatched".to_owned());
    let status = response.status().as_u16();
    let elapsed = started.elapsed();
    let method = request.method().as_str();
    let known_method = matches!(method, "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS");
    let method = if known_method { method.to_owned() } else { "other".to_owned() };
    metrics::histogram!("http_request_seconds", "route" => route, "method" => method.clone())
        .record(elapsed.as_secs_f64());
    metrics::counter!("http_requests_total", "method" => method.clone(), "status" => status.to_string())
        .increment(1);
    tracing::info!(
        request_id = id,
        method,
        path = request.path(),
        status,
        elapsed_us = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX),
        "request"
    );
    response
}
