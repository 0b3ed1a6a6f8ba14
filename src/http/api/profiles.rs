//! Host profiles: list, show, register.

use actix_web::{HttpResponse, web};
use serde::Serialize;

use crate::domain::{HostProfile, ReleaseId, Timestamp};
use crate::http::error::Problem;
use crate::http::extract::{Authenticated, PluginPath, ReleasePath, TextBody};
use crate::registry::{Registry, accounts};
use crate::wasm::built_in_profiles;

/// `GET /api/v1/profiles`.
#[derive(Serialize)]
struct ProfileList {
    profiles: Vec<ProfileSummary>,
}

#[derive(Serialize)]
struct ProfileSummary {
    name: String,
    version: String,
    description: String,
}

/// `GET /api/v1/profiles`.
pub async fn list_profiles(registry: web::Data<Registry>) -> HttpResponse {
    let summary = |profile: &HostProfile| ProfileSummary {
        name: profile.name.to_string(),
        version: profile.version.to_string(),
        description: profile.description.clone(),
    };
    let profiles = registry.profiles().iter().map(summary).collect();
    HttpResponse::Ok().json(ProfileList { profiles })
}

/// `GET /api/v1/profiles/{namespace}/{name}`: the newest version.
pub async fn show_newest_profile(
    registry: web::Data<Registry>,
    PluginPath(name): PluginPath,
) -> Result<HttpResponse, Problem> {
    let newest = registry.newest_profile(&name, &crate::domain::Requirement::any());
    let newest = newest.ok_or_else(|| Problem::not_found(format!("a host profile {name}")))?;
    Ok(HttpResponse::Ok().json(newest))
}

/// `GET /api/v1/profiles/{namespace}/{name}/{version}`.
pub async fn show_profile(
    registry: web::Data<Registry>,
    ReleasePath(id): ReleasePath,
) -> Result<HttpResponse, Problem> {
    match find(&registry, &id) {
        Some(profile) => Ok(HttpResponse::Ok().json(profile)),
        None => Err(Problem::not_found(format!("the host profile {id}"))),
    }
}

fn find(registry: &Registry, id: &ReleaseId) -> Option<HostProfile> {
    let profiles = registry.profiles();
    profiles.iter().find(|profile| profile.name == id.plugin && profile.version == id.version).cloned()
}

/// `POST /api/v1/profiles`: the body is the profile's TOML document.
pub async fn register_profile(
    registry: web::Data<Registry>,
    Authenticated(caller): Authenticated,
    TextBody(document): TextBody,
) -> Result<HttpResponse, Problem> {
    let built_in = built_in_profiles();
    let profile =
        accounts::register_profile(registry.database(), built_in, &caller, &document, Timestamp::now())
            .await?;
    registry.sequence_soon();
    registry.reload_profiles().await.map_err(Problem::internal)?;
    Ok(HttpResponse::Created().json(profile))
}
