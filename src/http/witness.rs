//! A witness over HTTP ([tlog-witness](https://c2sp.org/tlog-witness)): beside a registry, or alone.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::web::{self, ServiceConfig};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};

use super::caching::{NO_SNIFF, REVALIDATE};
use super::extract::read_all;
use crate::domain::Timestamp;
use crate::log::WitnessRefusal;
use crate::registry::{CosignError, Witness};

/// A checkpoint, its proof and many signatures have room.
const BODY_MAX_BYTES: usize = 192 * 1024;
const BODY_GRACE: Duration = Duration::from_secs(10);
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
const SHUTDOWN_SECONDS: u64 = 10;

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const SIZE: HeaderValue = HeaderValue::from_static("text/x.tlog.size");

/// Adds the routes of a witness below the scope they are configured in.
pub(super) fn configure(service: &mut ServiceConfig) {
    service
        .route("/add-checkpoint", web::post().to(add_checkpoint))
        .route("/{origin_digest}/checkpoint", web::get().to(show_checkpoint));
}

/// `POST /add-checkpoint`.
async fn add_checkpoint(
    request: HttpRequest,
    payload: web::Payload,
    witness: web::Data<Witness>,
) -> HttpResponse {
    let body = match read_all(&request, payload.into_inner(), BODY_MAX_BYTES, BODY_GRACE).await {
        Ok(body) => body,
        Err(problem) => return text(problem.status(), problem.to_string()),
    };
    let Ok(body) = String::from_utf8(body.into()) else {
        return text(StatusCode::BAD_REQUEST, "the body is not UTF-8 text".into());
    };
    let judged = web::block(move || witness.add_checkpoint(&body, Timestamp::now())).await;
    match judged {
        Ok(Ok(line)) => plain(StatusCode::OK, line),
        Ok(Err(CosignError::Refused(refusal))) => refuse(&refusal),
        Ok(Err(error)) => broken(&error),
        Err(error) => broken(&error),
    }
}

/// `GET /{SHA-256 of the origin}/checkpoint`: the newest one cosigned.
async fn show_checkpoint(path: web::Path<String>, witness: web::Data<Witness>) -> HttpResponse {
    match web::block(move || witness.newest_checkpoint(&path)).await {
        Ok(Ok(Some(note))) => plain(StatusCode::OK, note),
        Ok(Ok(None)) => text(StatusCode::NOT_FOUND, "this witness has cosigned no checkpoint of it".into()),
        Ok(Err(error)) => broken(&error),
        Err(error) => broken(&error),
    }
}

fn refuse(refusal: &WitnessRefusal) -> HttpResponse {
    let status = match refusal {
        WitnessRefusal::Unreadable(_) | WitnessRefusal::OldSizeTooLarge { .. } => StatusCode::BAD_REQUEST,
        WitnessRefusal::UnknownLog { .. } => StatusCode::NOT_FOUND,
        WitnessRefusal::NotSigned(_) => StatusCode::FORBIDDEN,
        WitnessRefusal::Conflict { known_size, .. } => {
            let mut response = plain(StatusCode::CONFLICT, format!("{known_size}\n"));
            response.headers_mut().insert(header::CONTENT_TYPE, SIZE);
            return response;
        }
        WitnessRefusal::RootDiffers { .. } | WitnessRefusal::Inconsistent { .. } => {
            // The log signed both: whoever reads this line holds the proof that it misbehaves.
            tracing::error!(%refusal, "a log showed a tree that does not hold the one cosigned before");
            StatusCode::UNPROCESSABLE_ENTITY
        }
    };
    text(status, refusal.to_string())
}

fn broken(error: &impl std::fmt::Display) -> HttpResponse {
    tracing::error!(%error, "the witness could not do its work");
    text(
        StatusCode::INTERNAL_SERVER_ERROR,
        "the witness has a problem of its own; nothing was cosigned".into(),
    )
}

fn text(status: StatusCode, line: String) -> HttpResponse {
    plain(status, line + "\n")
}

fn plain(status: StatusCode, body: String) -> HttpResponse {
    HttpResponse::build(status)
        .insert_header((header::CONTENT_TYPE, TEXT))
        .insert_header(REVALIDATE)
        .insert_header(NO_SNIFF)
        .body(body)
}

/// A witness that listens on an address of its own.
pub struct WitnessApplication {
    server: Server,
    address: SocketAddr,
}

impl WitnessApplication {
    /// Binds the address; port 0 takes a free port.
    pub fn build(listen: &str, witness: Witness) -> std::io::Result<Self> {
        let listener = TcpListener::bind(listen)?;
        let address = listener.local_addr()?;
        let witness = web::Data::new(witness);
        let server = HttpServer::new(move || App::new().app_data(witness.clone()).configure(configure))
            .disable_signals()
            .workers(1)
            .client_request_timeout(HEAD_TIMEOUT)
            .shutdown_timeout(SHUTDOWN_SECONDS)
            .listen(listener)?
            .run();
        Ok(Self { server, address })
    }

    /// The address it is bound to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `shutdown` is ready.
    pub async fn run_until(self, shutdown: impl Future<Output = ()>) -> std::io::Result<()> {
        let handle = self.server.handle();
        let mut serving = std::pin::pin!(self.server);
        tokio::select! {
            ended = &mut serving => return ended,
            () = shutdown => {}
        }
        let (ended, ()) = tokio::join!(serving, handle.stop(true));
        ended
    }
}
