//! HTTP as a careful client speaks it: one TLS provider, timeouts, bounded answers, problems as errors.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::{Method, RequestBuilder, Response, StatusCode, redirect};
use serde::de::DeserializeOwned;
use url::Url;

use super::error::{ClientError, Problem};
use crate::domain::api::ProblemBody;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Between two pieces of an answer; a publish waits for inspection, so this is generous.
const READ_TIMEOUT: Duration = Duration::from_secs(60);
const REDIRECTS_MAX: usize = 5;
/// Locks and inspection reports are the longest answers that are JSON.
pub(super) const JSON_MAX_BYTES: usize = 16 * 1024 * 1024;
const ATTEMPTS: u32 = 3;
const RETRY_AFTER_MAX: Duration = Duration::from_secs(30);

/// A connection pool to one registry, with the token for it.
#[derive(Clone)]
pub(super) struct Transport {
    http: reqwest::Client,
    base: Url,
    token: Option<Arc<str>>,
}

/// Whether a request may be sent again.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Retry {
    /// Sending it twice does what sending it once does.
    Safe,
    /// Only when it was never sent.
    Unsent,
}

impl Transport {
    pub(super) fn new(address: &str) -> Result<Self, ClientError> {
        let refuse = |problem: String| ClientError::InvalidRegistry { url: address.into(), problem };
        let mut base = Url::parse(address).map_err(|error| refuse(error.to_string()))?;
        if !matches!(base.scheme(), "http" | "https") || base.host().is_none() {
            return Err(refuse("it does not start with http:// or https://".into()));
        }
        if !base.username().is_empty() || base.password().is_some() {
            return Err(refuse("it holds a name or password; use a token".into()));
        }
        base.set_query(None);
        base.set_fragment(None);
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        let http = http_client(&base).map_err(|error| refuse(causes(&error)))?;
        Ok(Self { http, base, token: None })
    }

    pub(super) fn with_token(self, token: Option<String>) -> Self {
        Self { token: token.map(Arc::from), ..self }
    }

    pub(super) fn base(&self) -> &Url {
        &self.base
    }

    /// The URL of a path of the API; every part is percent-encoded.
    pub(super) fn url(&self, parts: &[&str]) -> Url {
        let mut url = self.base.clone();
        url.path_segments_mut().expect("an http URL has a path").pop_if_empty().extend(parts);
        url
    }

    /// A download address as a lock or an answer gives it: absolute, or relative to the registry.
    pub(super) fn resolve_url(&self, text: &str) -> Result<Url, ClientError> {
        let refuse = |problem: &str| ClientError::UnexpectedAnswer {
            url: self.base.to_string(),
            status: 200,
            problem: format!("the download address {text:?} {problem}"),
        };
        let url = self.base.join(text).map_err(|_| refuse("is not a URL"))?;
        match (self.base.scheme(), url.scheme()) {
            (_, "https") | ("http", "http") => Ok(url),
            _ => Err(refuse("is not protected by https like the registry")),
        }
    }

    /// A request; the token goes along only to the registry itself.
    pub(super) fn request(&self, method: Method, url: Url) -> RequestBuilder {
        let same_origin = url.origin() == self.base.origin();
        let request = self.http.request(method, url);
        match &self.token {
            Some(token) if same_origin => request.bearer_auth(token),
            _ => request,
        }
    }

    /// Sends what `make` builds, again after passing trouble; a refusal becomes an error.
    pub(super) async fn send(
        &self,
        retry: Retry,
        make: impl Fn() -> RequestBuilder,
    ) -> Result<Response, ClientError> {
        let mut attempt = 1;
        loop {
            let outcome = make().send().await;
            let wait = match &outcome {
                Err(error) if error.is_connect() || retry == Retry::Safe && is_passing_trouble(error) => {
                    Some(backoff(attempt))
                }
                Ok(response) if retry == Retry::Safe && is_passing(response.status()) => {
                    Some(retry_after(response).unwrap_or_else(|| backoff(attempt)))
                }
                _ => None,
            };
            match (wait, outcome) {
                (Some(wait), _) if attempt < ATTEMPTS => tokio::time::sleep(wait).await,
                (_, Ok(response)) if response.status().is_success() => return Ok(response),
                (_, Ok(response)) => return Err(refusal(response).await),
                (_, Err(error)) => return Err(unreachable(&error)),
            }
            attempt += 1;
        }
    }

    /// Like [`Self::send`], reading the answer as JSON.
    pub(super) async fn json<Answer: DeserializeOwned>(
        &self,
        retry: Retry,
        make: impl Fn() -> RequestBuilder,
    ) -> Result<Answer, ClientError> {
        let response = self.send(retry, make).await?;
        let (url, status) = (response.url().to_string(), response.status().as_u16());
        let body = bounded_body(response, JSON_MAX_BYTES).await?;
        serde_json::from_slice(&body).map_err(|error| ClientError::UnexpectedAnswer {
            url,
            status,
            problem: format!("its JSON cannot be read: {error}"),
        })
    }
}

fn http_client(base: &Url) -> Result<reqwest::Client, reqwest::Error> {
    let _already_chosen_by_the_process = rustls::crypto::ring::default_provider().install_default();
    let builder = || {
        let builder = reqwest::Client::builder()
            .user_agent(concat!("pluginry/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .redirect(redirect::Policy::custom(follow));
        if is_loopback(base) { builder.no_proxy() } else { builder }
    };
    let built = builder().build();
    if built.is_ok() || base.scheme() == "https" {
        return built;
    }
    // A machine without certificates can still talk to a registry that has none either.
    let tls = rustls::ClientConfig::builder()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    builder().tls_backend_preconfigured(tls).build()
}

/// Follows a few redirects, never from https to http.
fn follow(attempt: redirect::Attempt<'_>) -> redirect::Action {
    let was_protected = attempt.previous().last().is_some_and(|url| url.scheme() == "https");
    if was_protected && attempt.url().scheme() != "https" {
        return attempt.error("it redirects from https to http");
    }
    if attempt.previous().len() > REDIRECTS_MAX {
        return attempt.error("it redirects too often");
    }
    attempt.follow()
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

fn is_passing(status: StatusCode) -> bool {
    matches!(status.as_u16(), 429 | 502 | 503 | 504)
}

fn is_passing_trouble(error: &reqwest::Error) -> bool {
    !error.is_builder() && !error.is_redirect()
}

fn backoff(attempt: u32) -> Duration {
    Duration::from_millis(200) * 4_u32.pow(attempt - 1)
}

/// The server's wish in seconds; a wait longer than anybody would sit through is left to the caller.
fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get("retry-after")?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds).min(RETRY_AFTER_MAX))
}

pub(super) fn unreachable(error: &reqwest::Error) -> ClientError {
    let url = error.url().map(ToString::to_string).unwrap_or_default();
    ClientError::Unreachable { url, problem: causes(error) }
}

/// The innermost words: reqwest's own repeat the URL.
fn causes(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "it did not answer in time".into();
    }
    let mut innermost = error.source();
    while let Some(next) = innermost.and_then(std::error::Error::source) {
        innermost = Some(next);
    }
    innermost.map_or_else(|| error.to_string(), ToString::to_string)
}

async fn refusal(response: Response) -> ClientError {
    let (url, status) = (response.url().to_string(), response.status());
    let is_problem = response
        .headers()
        .get("content-type")
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.starts_with("application/problem+json"));
    let body = match bounded_body(response, JSON_MAX_BYTES).await {
        Ok(body) => body,
        Err(error) => return error,
    };
    match serde_json::from_slice::<ProblemBody>(&body) {
        Ok(body) if is_problem => ClientError::Refused(Box::new(Problem { status: status.as_u16(), body })),
        _ => ClientError::UnexpectedAnswer {
            url,
            status: status.as_u16(),
            problem: status.canonical_reason().unwrap_or("no problem document").to_lowercase(),
        },
    }
}

pub(super) async fn bounded_body(mut response: Response, max_bytes: usize) -> Result<Bytes, ClientError> {
    let (url, status) = (response.url().to_string(), response.status().as_u16());
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| unreachable(&error))? {
        if body.len() + chunk.len() > max_bytes {
            let problem = format!("its answer is over {max_bytes} bytes");
            return Err(ClientError::UnexpectedAnswer { url, status, problem });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.into())
}
