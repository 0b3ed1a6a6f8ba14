//! `PUT /api/v1/plugins/{namespace}/{name}/{version}` and the dry run `POST /api/v1/inspect`.

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::Value;

use crate::domain::Refusal as _;
use crate::domain::api::{PublishAnswer, TokenScope};
use crate::http::error::Problem;
use crate::http::extract::{Authenticated, PublishForm, QueryOf, ReleasePath};
use crate::http::rate_limit::RateLimits;
use crate::registry::{
    PublishError, PublishRequest, Published, Registry, accounts, inspect_package, publish_release,
};

/// The body of a request, taken once the caller may send one.
pub struct Body(Payload);

impl FromRequest for Body {
    type Error = std::convert::Infallible;
    type Future = std::future::Ready<Result<Self, Self::Error>>;

    fn from_request(_: &HttpRequest, payload: &mut Payload) -> Self::Future {
        std::future::ready(Ok(Self(payload.take())))
    }
}

/// Switches of a publish that may also stand in the URL.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct PublishSwitches {
    accept_widening: bool,
}

/// `PUT /api/v1/plugins/{namespace}/{name}/{version}`.
pub async fn publish(
    request: HttpRequest,
    registry: web::Data<Registry>,
    limits: web::Data<RateLimits>,
    Authenticated(caller): Authenticated,
    ReleasePath(release): ReleasePath,
    QueryOf(switches): QueryOf<PublishSwitches>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    limits.check_publish(caller.token_id)?;
    let namespace_id = {
        let mut connection = registry.database().read().await.map_err(Problem::internal)?;
        let namespace = release.plugin.namespace();
        accounts::require_member(&mut connection, &caller, namespace, TokenScope::Publish).await?
    };
    let mut form = PublishForm::read(&request, body.0, &registry).await?;
    let publish = PublishRequest {
        release: release.clone(),
        namespace_id,
        account_id: caller.account_id,
        package: form.take_package()?,
        attestation: form.take_attestation()?,
        accept_widening: form.accept_widening || switches.accept_widening,
        now: registry.now(),
    };
    let published = publish_release(&registry, publish).await.map_err(problem_of)?;
    Ok(answer(&registry, release.plugin, published))
}

fn answer(registry: &Registry, plugin: crate::domain::PluginName, published: Published) -> HttpResponse {
    let download = format!("/api/v1/plugins/{}/{}/download", plugin.path(), published.release.version);
    let page = format!("/plugins/{}/{}", plugin.path(), published.release.version);
    let mut response = if published.is_new { HttpResponse::Created() } else { HttpResponse::Ok() };
    let answer: PublishAnswer<Value> = PublishAnswer {
        plugin,
        sequence: published.release.sequence,
        release: published.release,
        inspection: published.inspection,
        warnings: published.warnings,
        download_url: format!("{}{download}", registry.public_url()),
    };
    response.insert_header(("location", page)).json(answer)
}

/// The switches of an inspection.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct InspectSwitches {
    profile: Option<String>,
}

/// `POST /api/v1/inspect`: what a publish would find, without publishing. Anybody may ask.
pub async fn inspect(
    request: HttpRequest,
    registry: web::Data<Registry>,
    QueryOf(switches): QueryOf<InspectSwitches>,
    limits: web::Data<RateLimits>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    limits.check_inspection(&request)?;
    let mut form = PublishForm::read(&request, body.0, &registry).await?;
    let profile = form.profile.take().or(switches.profile);
    let report =
        inspect_package(&registry, form.take_package()?, profile.as_deref()).await.map_err(problem_of)?;
    if super::wants_text(&request) {
        return Ok(HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(report.to_string()));
    }
    Ok(HttpResponse::Ok().json(report))
}

/// A refused inspection answers with the code of its first finding, and with all of them.
fn problem_of(error: PublishError) -> Problem {
    let PublishError::Inspection(report) = error else { return Problem::from(error) };
    let Some(first) = report.refusals.first() else {
        return Problem::new(PublishError::Inspection(report).code(), "inspection refused the package");
    };
    let others = report.refusals.len() - 1;
    let detail = match others {
        0 => first.message.clone(),
        1 => format!("{} (and one more reason, see `inspection`)", first.message),
        _ => format!("{} (and {others} more reasons, see `inspection`)", first.message),
    };
    let mut problem = Problem::new(first.code.clone(), detail);
    if let Some(mend) = &first.mend {
        problem = problem.mend(mend.clone());
    }
    problem.extra("inspection", &report)
}
