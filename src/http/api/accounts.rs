//! Accounts and tokens: register, login, logout, make, list and revoke tokens.

use actix_web::{HttpRequest, HttpResponse, web};

use crate::domain::Timestamp;
use crate::domain::api::{LoginRequest, NewTokenRequest, RegisterRequest};
use crate::http::caching::PRIVATE;
use crate::http::error::Problem;
use crate::http::extract::{Authenticated, JsonBody, part};
use crate::http::rate_limit::RateLimits;
use crate::registry::{Registry, accounts};

/// Random bytes for a salt or a token: drawn here, at the edge.
pub(super) fn random<const N: usize>() -> Result<[u8; N], Problem> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(Problem::internal)?;
    Ok(bytes)
}

/// `POST /api/v1/accounts`.
pub async fn register_account(
    request: HttpRequest,
    registry: web::Data<Registry>,
    limits: web::Data<RateLimits>,
    JsonBody(body): JsonBody<RegisterRequest>,
) -> Result<HttpResponse, Problem> {
    limits.check_sign_in(&request)?;
    let (database, passwords) = (registry.database(), registry.passwords());
    let answer = accounts::register_account(database, passwords, &body, random()?, Timestamp::now()).await?;
    Ok(HttpResponse::Created().insert_header(PRIVATE).json(answer))
}

/// `POST /api/v1/login`.
pub async fn log_in(
    request: HttpRequest,
    registry: web::Data<Registry>,
    limits: web::Data<RateLimits>,
    JsonBody(body): JsonBody<LoginRequest>,
) -> Result<HttpResponse, Problem> {
    limits.check_sign_in(&request)?;
    let (database, passwords) = (registry.database(), registry.passwords());
    let answer = accounts::log_in(database, passwords, &body, random()?, Timestamp::now()).await?;
    Ok(HttpResponse::Ok().insert_header(PRIVATE).json(answer))
}

/// `POST /api/v1/logout`: the token of this request stops working.
pub async fn log_out(
    registry: web::Data<Registry>,
    Authenticated(caller): Authenticated,
) -> Result<HttpResponse, Problem> {
    accounts::revoke_token(registry.database(), &caller, caller.token_id, Timestamp::now()).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// `POST /api/v1/tokens`.
pub async fn create_token(
    registry: web::Data<Registry>,
    Authenticated(caller): Authenticated,
    JsonBody(body): JsonBody<NewTokenRequest>,
) -> Result<HttpResponse, Problem> {
    let answer =
        accounts::create_token(registry.database(), &caller, &body, random()?, Timestamp::now()).await?;
    Ok(HttpResponse::Created().insert_header(PRIVATE).json(answer))
}

/// `GET /api/v1/tokens`.
pub async fn list_tokens(
    registry: web::Data<Registry>,
    Authenticated(caller): Authenticated,
) -> Result<HttpResponse, Problem> {
    let answer = accounts::list_tokens(registry.database(), &caller).await?;
    Ok(HttpResponse::Ok().insert_header(PRIVATE).json(answer))
}

/// `DELETE /api/v1/tokens/{id}`.
pub async fn revoke_token(
    request: HttpRequest,
    registry: web::Data<Registry>,
    Authenticated(caller): Authenticated,
) -> Result<HttpResponse, Problem> {
    let id = part(&request, "id");
    let id = id.parse().map_err(|_| Problem::not_found(format!("a token with the id {id:?}")))?;
    accounts::revoke_token(registry.database(), &caller, id, Timestamp::now()).await?;
    Ok(HttpResponse::NoContent().finish())
}
