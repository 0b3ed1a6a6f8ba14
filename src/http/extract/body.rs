//! Bounded, timed request bodies.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, web};
use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use crate::http::error::Problem;
use crate::registry::Registry;

/// Each of these many bytes received buys a body one second more.
const BYTES_A_SECOND: u64 = 4 * 1024;

/// How long a body may take: standing still ends it, and so does dripping.
pub(in crate::http) struct BodyClock {
    started: Instant,
    grace: Duration,
    received_bytes: u64,
}

impl BodyClock {
    pub(in crate::http) fn start(grace: Duration) -> Self {
        Self { started: Instant::now(), grace, received_bytes: 0 }
    }

    /// Waits for the next piece of the body, at most until the time bought is over.
    pub(in crate::http) async fn wait<T>(&self, next: impl Future<Output = T>) -> Result<T, Problem> {
        let bought = Duration::from_secs(self.received_bytes / BYTES_A_SECOND);
        tokio::time::timeout_at(self.started + self.grace + bought, next).await.map_err(|_| {
            Problem::new(
                "slow-body",
                format!("the body stopped arriving after {} bytes", self.received_bytes),
            )
            .mend("Send it again over a faster connection.")
            .header(header::CONNECTION, header::HeaderValue::from_static("close"))
        })
    }

    pub(in crate::http) fn received(&mut self, size: usize) {
        self.received_bytes += size as u64;
    }
}

/// At a resource that takes locks: its JSON bodies may be larger than others.
#[derive(Clone, Copy)]
pub struct TakesLocks;

/// A JSON body of `T`: typed, bounded and timed.
pub struct JsonBody<T>(pub T);

/// From this size on a body is read off the async threads.
const LARGE_BYTES: usize = 256 * 1024;

impl<T: DeserializeOwned + Send + 'static> FromRequest for JsonBody<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        let payload = payload.take();
        Box::pin(async move {
            let limits = limits_of(&request);
            let takes_locks = request.app_data::<TakesLocks>().is_some();
            let most = if takes_locks { limits.lock_bytes } else { limits.json_bytes };
            let grace = Duration::from_millis(limits.body_timeout_ms);
            check_json_type(&request)?;
            let body = read_all(&request, payload, most, grace).await?;
            if body.len() < LARGE_BYTES {
                return read_json(&body).map(Self);
            }
            web::block(move || read_json(&body)).await.map_err(Problem::internal)?.map(Self)
        })
    }
}

fn read_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    refuse_nul(body, b"\\u0000")?;
    serde_json::from_slice(body).map_err(|error| {
        Problem::new("malformed-body", format!("the JSON body cannot be read: {error}"))
            .mend("Send the JSON that the API documents for this address.")
    })
}

/// A text body (TOML), bounded and timed.
pub struct TextBody(pub String);

impl FromRequest for TextBody {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        let payload = payload.take();
        Box::pin(async move {
            let limits = limits_of(&request);
            let (most, grace) = (limits.json_bytes, Duration::from_millis(limits.body_timeout_ms));
            let body = read_all(&request, payload, most, grace).await?;
            refuse_nul(&body, b"\0")?;
            let text = String::from_utf8(body.into());
            text.map(Self).map_err(|_| Problem::new("malformed-body", "the body is not UTF-8 text"))
        })
    }
}

/// No text of the registry holds the character NUL, and Postgres could not keep it.
fn refuse_nul(body: &[u8], written: &[u8]) -> Result<(), Problem> {
    if body.windows(written.len()).any(|window| window == written) {
        return Err(Problem::new("malformed-body", "the body holds the character NUL (U+0000)")
            .mend("Send the text without it."));
    }
    Ok(())
}

pub(in crate::http) fn limits_of(request: &HttpRequest) -> &crate::config::LimitSettings {
    let registry = request.app_data::<web::Data<Registry>>().expect("startup adds the registry");
    &registry.configuration().limits
}

fn check_json_type(request: &HttpRequest) -> Result<(), Problem> {
    let given = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = given.map(|text| text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
    match kind.as_deref() {
        Some("application/json") => Ok(()),
        Some(kind) if kind.ends_with("+json") => Ok(()),
        _ => Err(Problem::new("unsupported-media-type", "this address takes a JSON body")
            .mend("Send it with `content-type: application/json`.")),
    }
}

/// Reads a whole body of at most `most` bytes.
pub(in crate::http) async fn read_all(
    request: &HttpRequest,
    mut payload: Payload,
    most: usize,
    grace: Duration,
) -> Result<Bytes, Problem> {
    let too_large = || {
        Problem::new("body-too-large", format!("the body is larger than {most} bytes"))
            .header(header::CONNECTION, header::HeaderValue::from_static("close"))
    };
    if content_length(request).is_some_and(|length| length > most as u64) {
        return Err(too_large());
    }
    let mut clock = BodyClock::start(grace);
    let mut body = BytesMut::new();
    while let Some(piece) = clock.wait(payload.next()).await? {
        let piece = piece.map_err(|_| Problem::new("malformed-body", "the body ended too early"))?;
        if body.len() + piece.len() > most {
            return Err(too_large());
        }
        clock.received(piece.len());
        body.extend_from_slice(&piece);
    }
    Ok(body.freeze())
}

/// What the head says about the body's size.
pub(in crate::http) fn content_length(request: &HttpRequest) -> Option<u64> {
    request.headers().get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
