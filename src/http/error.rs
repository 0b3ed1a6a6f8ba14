//! How errors leave the house: codes become statuses here and nowhere else.
//!
//! A refusal is told to the client in its own words. An internal cause is logged once, here, with the
//! request id, and the client gets the id alone.

use std::borrow::Cow;
use std::fmt;

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::domain::Refusal;
use crate::domain::api::ProblemBody;
use crate::http::web;

/// The code of everything that is the server's own fault.
pub const INTERNAL: &str = "internal";

/// The status of a code. What is not listed is a refusal of what was sent: 422.
fn status_of(code: &str) -> StatusCode {
    match code {
        "bad-request"
        | "malformed-body"
        | "malformed-multipart"
        | "malformed-query"
        | "part-missing"
        | "part-unknown"
        | "part-repeated"
        | "cursor-invalid"
        | "invalid-tile-path" => StatusCode::BAD_REQUEST,
        "unauthenticated" | "token-invalid" | "token-expired" | "token-revoked" | "wrong-password"
        | "metrics-token" | "sign-in-failed" | "account-disabled" => StatusCode::UNAUTHORIZED,
        "release-quarantined"
        | "forbidden"
        | "not-a-member"
        | "not-an-owner"
        | "not-operator"
        | "own-approval"
        | "owner-too-new"
        | "token-scope"
        | "metrics-forbidden" => StatusCode::FORBIDDEN,
        "not-found" | "page-not-found" | "unknown-plugin" | "unknown-release" | "unknown-releases"
        | "unknown-namespace" | "unknown-account" => StatusCode::NOT_FOUND,
        "method-not-allowed" => StatusCode::METHOD_NOT_ALLOWED,
        "not-acceptable" => StatusCode::NOT_ACCEPTABLE,
        "slow-body" => StatusCode::REQUEST_TIMEOUT,
        "version-exists"
        | "version-taken-down"
        | "name-taken"
        | "already-exists"
        | "profile-exists"
        | "key-enrolled-elsewhere"
        | "namespace-taken"
        | "account-taken"
        | "last-owner"
        | "key-exists" => StatusCode::CONFLICT,
        "gone" | "release-taken-down" => StatusCode::GONE,
        "package-too-large" | "body-too-large" | "attestation-too-large" | "lock-too-large" => {
            StatusCode::PAYLOAD_TOO_LARGE
        }
        "unsupported-media-type" => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "range-not-satisfiable" => StatusCode::RANGE_NOT_SATISFIABLE,
        "rate-limited" => StatusCode::TOO_MANY_REQUESTS,
        "head-too-large" => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        INTERNAL => StatusCode::INTERNAL_SERVER_ERROR,
        "busy" | "unavailable" | "storage-unavailable" | "not-shown-yet" | "shutting-down" => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        _ if code.ends_with("-not-found") => StatusCode::NOT_FOUND,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

/// An answer that is not the one asked for; handlers return it, the manners middleware renders it.
#[derive(Debug)]
pub struct Problem {
    code: Cow<'static, str>,
    detail: String,
    mend: Option<String>,
    extras: Map<String, Value>,
    cause: Option<String>,
    headers: Vec<(header::HeaderName, HeaderValue)>,
}

impl Problem {
    /// A problem with a code and what happened.
    pub fn new(code: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            detail: detail.into(),
            mend: None,
            extras: Map::new(),
            cause: None,
            headers: Vec::new(),
        }
    }

    /// The server's own fault; `cause` is logged and never sent.
    pub fn internal(cause: impl fmt::Display) -> Self {
        let mut problem = Self::new(INTERNAL, "Something went wrong on our side; nothing was changed.");
        problem.cause = Some(cause.to_string());
        problem.mend = Some("Try again; if it stays, tell the operator the request id.".into());
        problem
    }

    /// Adds a cause that is logged and never sent.
    #[must_use]
    pub fn caused_by(mut self, cause: impl fmt::Display) -> Self {
        self.cause = Some(cause.to_string());
        self
    }

    /// Nothing (that you may see) is at this place.
    pub fn not_found(what: impl fmt::Display) -> Self {
        Self::new("not-found", format!("{what} was not found"))
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn mend(mut self, mend: impl Into<String>) -> Self {
        self.mend = Some(mend.into());
        self
    }

    /// Adds a member to the document.
    #[must_use]
    pub fn extra(mut self, name: &str, value: impl Serialize) -> Self {
        let value = serde_json::to_value(value).unwrap_or(Value::Null);
        self.extras.insert(name.to_owned(), value);
        self
    }

    /// Adds a header to the answer.
    #[must_use]
    pub fn header(mut self, name: header::HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The stable code.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The status its code stands for.
    pub fn status(&self) -> StatusCode {
        status_of(&self.code)
    }

    /// What is sent, for the request with this id.
    pub fn document(&self, request_id: &str) -> ProblemBody {
        ProblemBody {
            problem_type: format!("/problems/{}", self.code),
            title: title_of(&self.code),
            status: self.status().as_u16(),
            code: self.code.clone().into_owned(),
            detail: self.detail.clone(),
            mend: self.mend.clone(),
            request_id: (!request_id.is_empty()).then(|| request_id.to_owned()),
            extras: self.extras.clone(),
        }
    }

    /// Logs an internal cause once, then renders: HTML for a browser, problem+json for everybody else.
    pub fn respond(&self, request_id: &str, for_browser: bool) -> HttpResponse<BoxBody> {
        if let Some(cause) = &self.cause {
            tracing::error!(request_id, code = %self.code, cause, "a request failed on our side");
        }
        let document = self.document(request_id);
        let mut response = HttpResponse::build(self.status());
        response.insert_header((header::CACHE_CONTROL, "no-store"));
        for (name, value) in &self.headers {
            response.insert_header((name.clone(), value.clone()));
        }
        if for_browser {
            return response.content_type("text/html; charset=utf-8").body(web::error_page(&document));
        }
        let body = serde_json::to_vec(&document).unwrap_or_default();
        response.content_type("application/problem+json").body(body)
    }
}

/// `version-exists` → `Version exists`.
fn title_of(code: &str) -> String {
    let words = code.replace('-', " ");
    let mut characters = words.chars();
    match characters.next() {
        Some(first) => first.to_uppercase().chain(characters).collect(),
        None => words,
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status()
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        // The manners middleware renders it again with the request id; this is for paths without it.
        let document = self.document("");
        HttpResponse::build(self.status())
            .content_type("application/problem+json")
            .body(serde_json::to_vec(&document).unwrap_or_default())
    }
}

/// Every refusal speaks for itself; the code `internal` hides its words. What is our own fault is logged with its
/// sources.
impl<E: Refusal> From<E> for Problem {
    fn from(refusal: E) -> Self {
        if refusal.code() == INTERNAL {
            return Self::internal(with_sources(&refusal));
        }
        let mut problem = Self::new(refusal.code(), refusal.to_string());
        problem.mend = refusal.mend();
        if problem.status().is_server_error() {
            problem.cause = Some(with_sources(&refusal));
        }
        problem
    }
}

fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// What an error of actix's own means in our words.
pub(super) fn from_framework(error: &actix_web::Error, status: StatusCode) -> Problem {
    use actix_web::error::{JsonPayloadError, PayloadError, QueryPayloadError};

    if let Some(error) = error.as_error::<QueryPayloadError>() {
        return Problem::new("malformed-query", error.to_string());
    }
    if let Some(error) = error.as_error::<JsonPayloadError>() {
        return match error {
            JsonPayloadError::Overflow { .. } | JsonPayloadError::OverflowKnownLength { .. } => {
                Problem::new("body-too-large", error.to_string())
            }
            JsonPayloadError::ContentType => Problem::new("unsupported-media-type", error.to_string()),
            _ => Problem::new("malformed-body", error.to_string()),
        };
    }
    if let Some(error) = error.as_error::<PayloadError>() {
        return match error {
            PayloadError::Overflow => Problem::new("body-too-large", "the body is too large"),
            _ => Problem::new("malformed-body", "the body ended too early or could not be read"),
        };
    }
    from_status(status)
}

/// A problem for an answer of the framework that says nothing but its status.
pub(super) fn from_status(status: StatusCode) -> Problem {
    match status {
        StatusCode::NOT_FOUND => Problem::new("not-found", "nothing is at this address"),
        StatusCode::METHOD_NOT_ALLOWED => {
            Problem::new("method-not-allowed", "this address does not answer to this method")
        }
        StatusCode::PAYLOAD_TOO_LARGE => Problem::new("body-too-large", "the body is too large"),
        StatusCode::REQUEST_TIMEOUT => Problem::new("slow-body", "the request took too long to arrive"),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            Problem::new("unsupported-media-type", "the body has a type this address does not take")
        }
        status if status.is_server_error() => Problem::internal(format!("the framework answered {status}")),
        _ => Problem::new("bad-request", "the request could not be understood"),
    }
}
