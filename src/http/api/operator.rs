//! What operators do to releases: quarantine, takedown, recall, and the list of what stands.

use actix_web::{HttpResponse, web};
use serde::Deserialize;

use crate::db::releases::ReleaseRecord;
use crate::domain::api::{ObjectedRelease, ObjectedReleases, ReasonRequest, TrustRequest};
use crate::domain::{ObjectionKind, Reason, ReleaseId};
use crate::http::caching::PRIVATE;
use crate::http::error::Problem;
use crate::http::extract::{Authenticated, JsonBody, NamespacePath, QueryOf, ReleasePath};
use crate::registry::accounts::{self, Caller};
use crate::registry::{OperatorVerb, Registry, list_objections, object_to_release};

/// How many releases a page of the list holds.
const PAGE: usize = 100;

/// `PUT /api/v1/operator/releases/{namespace}/{name}/{version}/quarantine`.
pub async fn quarantine(
    registry: web::Data<Registry>,
    Authenticated(caller): Authenticated,
    ReleasePath(release): ReleasePath,
    JsonBody(body): JsonBody<ReasonRequest>,
) -> Result<HttpResponse, Problem> {
    let verb = OperatorVerb::Quarantine(body.reason.parse::<Reason>()?);
    answer(&registry, &caller, &release, verb).await
}

/// `DELETE …/quarantine`: shows the release again.
pub async fn lift_quarantine(
    registry: web::Data<Registry>,
    Authenticated(caller): Authenticated,
    ReleasePath(release): ReleasePath,
) -> Result<HttpResponse, Problem> {
    answer(&registry, &caller, &release, OperatorVerb::LiftQuarantine).await
}

/// `POST …/takedown`: for good.
pub async fn take_down(
    registry: web::Data<Registry>,
    Authenticated(caller): Authenticated,
    ReleasePath(release): ReleasePath,
    JsonBody(body): JsonBody<ReasonRequest>,
) -> Result<HttpResponse, Problem> {
    let verb = OperatorVerb::TakeDown(body.reason.parse::<Reason>()?);
    answer(&registry, &caller, &release, verb).await
}

/// `PUT …/recall`.
pub async fn recall(
    registry: web::Data<Registry>,
    Authenticated(caller): Authenticated,
    ReleasePath(release): ReleasePath,
    JsonBody(body): JsonBody<ReasonRequest>,
) -> Result<HttpResponse, Problem> {
    let verb = OperatorVerb::Recall(body.reason.parse::<Reason>()?);
    answer(&registry, &caller, &release, verb).await
}

/// `DELETE …/recall`: hosts may run it again.
pub async fn lift_recall(
    registry: web::Data<Registry>,
    Authenticated(caller): Authenticated,
    ReleasePath(release): ReleasePath,
) -> Result<HttpResponse, Problem> {
    answer(&registry, &caller, &release, OperatorVerb::LiftRecall).await
}

/// The release as the index tells it now.
async fn answer(
    registry: &Registry,
    caller: &Caller,
    release: &ReleaseId,
    verb: OperatorVerb,
) -> Result<HttpResponse, Problem> {
    let line = object_to_release(registry, caller, release, verb, registry.now()).await?;
    Ok(HttpResponse::Ok().insert_header(PRIVATE).json(line))
}

/// `PUT /api/v1/operator/namespaces/{namespace}/trust`: answered when log and index say so.
pub async fn set_trust(
    registry: web::Data<Registry>,
    Authenticated(caller): Authenticated,
    NamespacePath(namespace): NamespacePath,
    JsonBody(body): JsonBody<TrustRequest>,
) -> Result<HttpResponse, Problem> {
    accounts::set_trust(registry.database(), &caller, &namespace, body.trust, registry.now()).await?;
    registry.sequence_now().await.map_err(Problem::internal)?;
    Ok(HttpResponse::Ok().insert_header(PRIVATE).json(body))
}

/// The query of the list.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ObjectionQuery {
    state: Option<String>,
    cursor: Option<String>,
}

/// `GET /api/v1/operator/releases?state=quarantined|taken-down|recalled&cursor=`.
pub async fn list(
    registry: web::Data<Registry>,
    Authenticated(caller): Authenticated,
    QueryOf(query): QueryOf<ObjectionQuery>,
) -> Result<HttpResponse, Problem> {
    let kind = query.state.as_deref().map(kind_of).transpose()?;
    let after = query.cursor.as_deref().map_or(Ok(0), row_of)?;
    let mut records = list_objections(&registry, &caller, kind, after, PAGE as i64 + 1).await?;
    let has_more = records.len() > PAGE;
    records.truncate(PAGE);
    let next_cursor = records.last().filter(|_| has_more).map(|last| format!("after-{}", last.id));
    let releases = records.into_iter().map(described).collect();
    Ok(HttpResponse::Ok().insert_header(PRIVATE).json(ObjectedReleases { releases, next_cursor }))
}

fn kind_of(text: &str) -> Result<ObjectionKind, Problem> {
    match text {
        "quarantined" => Ok(ObjectionKind::Quarantined),
        "taken-down" => Ok(ObjectionKind::TakenDown),
        "recalled" => Ok(ObjectionKind::Recalled),
        _ => Err(Problem::new("malformed-query", "`state` must be quarantined, taken-down or recalled")),
    }
}

fn row_of(cursor: &str) -> Result<i64, Problem> {
    cursor.strip_prefix("after-").and_then(|digits| digits.parse().ok()).ok_or_else(|| {
        Problem::new("cursor-invalid", "the cursor is not one of ours")
            .mend("Give back `next_cursor` of the page before, or leave it out.")
    })
}

fn described(record: ReleaseRecord) -> ObjectedRelease {
    ObjectedRelease {
        release: record.release,
        digest: record.digest,
        quarantined: record.quarantined,
        taken_down: record.taken_down,
        recalled: record.recalled,
    }
}
