//! Who asks: the token of the `authorization` header.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{FromRequest, HttpRequest, web};

use crate::domain::Timestamp;
use crate::http::error::Problem;
use crate::http::rate_limit::RateLimits;
use crate::registry::Registry;
use crate::registry::accounts::{Caller, authenticate_token};

/// The longest a token may be, in bytes.
const TOKEN_MAX: usize = 512;

/// A caller whose token counts.
pub struct Authenticated(pub Caller);

impl FromRequest for Authenticated {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { authenticate(&request).await.map(Self) })
    }
}

async fn authenticate(request: &HttpRequest) -> Result<Caller, Problem> {
    let registry = request.app_data::<web::Data<Registry>>().expect("startup adds the registry");
    let limits = request.app_data::<web::Data<RateLimits>>().expect("startup adds the rate limits");
    let token = token_of(request)?;
    let caller = authenticate_token(registry.database(), token, Timestamp::now()).await.map_err(challenge)?;
    limits.check_token(caller.token_id)?;
    Ok(caller)
}

fn token_of(request: &HttpRequest) -> Result<&str, Problem> {
    let missing = || {
        challenge(
            Problem::new("unauthenticated", "this needs a token, and the request carries none")
                .mend("Send `authorization: Bearer plg_…`; `pluginry login` gets a token."),
        )
    };
    let value = request.headers().get(header::AUTHORIZATION).ok_or_else(missing)?;
    let text = value.to_str().map_err(|_| missing())?;
    match text.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") && token.len() <= TOKEN_MAX => {
            Ok(token.trim())
        }
        _ => Err(missing()),
    }
}

fn challenge(problem: impl Into<Problem>) -> Problem {
    let problem = problem.into();
    if problem.status() == actix_web::http::StatusCode::UNAUTHORIZED {
        return problem
            .header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"pluginry\""));
    }
    problem
}
