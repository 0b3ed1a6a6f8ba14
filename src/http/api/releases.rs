//! `PATCH /api/v1/plugins/{namespace}/{name}/{version}`: yank and deprecate.

use actix_web::{HttpResponse, web};

use crate::domain::Timestamp;
use crate::domain::api::ChangeReleaseRequest;
use crate::http::error::Problem;
use crate::http::extract::{Authenticated, JsonBody, ReleasePath};
use crate::registry::{Registry, change_release};

/// Answers with the release as the index now tells it.
pub async fn change(
    registry: web::Data<Registry>,
    Authenticated(caller): Authenticated,
    ReleasePath(release): ReleasePath,
    JsonBody(body): JsonBody<ChangeReleaseRequest>,
) -> Result<HttpResponse, Problem> {
    let line = change_release(&registry, &caller, &release, body, Timestamp::now()).await?;
    Ok(HttpResponse::Ok().json(line))
}
