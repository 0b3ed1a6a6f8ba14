//! The whole URL table.
//!
//! `/index` and `/blobs` stand outside the scope with the manners middleware: they are the hot paths.

use actix_web::middleware::from_fn;
use actix_web::web::{self, ServiceConfig, delete, get, patch, post, put, resource};

use super::api::{
    accounts, blobs, catalog, index, namespaces, operations, profiles, publish, release, releases, resolve,
};
use super::error::Problem;
use super::manners::mind_manners;

/// Adds every route of the registry.
pub fn configure(service: &mut ServiceConfig) {
    service
        .service(resource("/index/config.json").route(get().to(index::show_index_configuration)))
        .service(resource("/index/{namespace}/{name}.json").route(get().to(index::show_index_file)))
        .service(
            resource("/blobs/sha256/{digest}")
                .route(get().to(blobs::show_blob))
                .route(web::head().to(blobs::show_blob)),
        )
        .service(
            web::scope("")
                .wrap(from_fn(mind_manners))
                .route("/health/live", get().to(operations::show_liveness))
                .route("/health/ready", get().to(operations::show_readiness))
                .route("/metrics", get().to(operations::show_metrics))
                .service(web::scope("/api/v1").configure(api))
                .configure(super::web::configure)
                .default_service(web::to(refuse_unknown_address)),
        );
}

fn api(service: &mut ServiceConfig) {
    service
        .route("/accounts", post().to(accounts::register_account))
        .route("/login", post().to(accounts::log_in))
        .route("/logout", post().to(accounts::log_out))
        .service(
            resource("/tokens")
                .route(get().to(accounts::list_tokens))
                .route(post().to(accounts::create_token)),
        )
        .route("/tokens/{id}", delete().to(accounts::revoke_token))
        .route("/namespaces", post().to(namespaces::create_namespace))
        .service(
            resource("/namespaces/{namespace}/members/{account}")
                .route(put().to(namespaces::set_member))
                .route(delete().to(namespaces::remove_member)),
        )
        .service(
            resource("/namespaces/{namespace}/keys")
                .route(get().to(namespaces::list_keys))
                .route(post().to(namespaces::enroll_key)),
        )
        .route("/namespaces/{namespace}/keys/{key_id}", delete().to(namespaces::revoke_key))
        .service(
            resource("/profiles")
                .route(get().to(profiles::list_profiles))
                .route(post().to(profiles::register_profile)),
        )
        .route("/profiles/{namespace}/{name}", get().to(profiles::show_newest_profile))
        .route("/profiles/{namespace}/{name}/{version}", get().to(profiles::show_profile))
        .route("/inspect", post().to(publish::inspect))
        .route("/resolve", post().to(resolve::resolve))
        .route("/plugins", get().to(catalog::search))
        .route("/plugins/{namespace}/{name}", get().to(catalog::show_plugin))
        .route("/plugins/{namespace}/{name}/versions", get().to(catalog::list_versions))
        .route("/plugins/{namespace}/{name}/dependents", get().to(catalog::list_dependent_plugins))
        .route("/plugins/{namespace}/{name}/downloads", get().to(catalog::list_downloads))
        .service(
            resource("/plugins/{namespace}/{name}/{version}/download")
                .route(get().to(release::download))
                .route(web::head().to(release::download)),
        )
        .route("/plugins/{namespace}/{name}/{version}/manifest", get().to(release::show_manifest))
        .route("/plugins/{namespace}/{name}/{version}/inspection", get().to(release::show_inspection))
        .route("/plugins/{namespace}/{name}/{version}/verification", get().to(release::show_verification))
        .route("/plugins/{namespace}/{name}/{version}/bundle", get().to(release::show_bundle))
        .route("/plugins/{namespace}/{name}/{version}/dependencies", get().to(release::list_dependencies))
        .service(
            resource("/plugins/{namespace}/{name}/{version}")
                .route(get().to(release::show))
                .route(put().to(publish::publish))
                .route(patch().to(releases::change)),
        )
        .default_service(web::to(refuse_unknown_address));
}

async fn refuse_unknown_address() -> Result<&'static str, Problem> {
    Err(Problem::new("not-found", "nothing is at this address")
        .mend("The API lives below /api/v1, the catalog starts at /."))
}
