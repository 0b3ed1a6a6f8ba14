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
                .service(resource("/health/live").route(get().to(operations::show_liveness)))
                .service(resource("/health/ready").route(get().to(operations::show_readiness)))
                .service(resource("/metrics").route(get().to(operations::show_metrics)))
                .service(web::scope("/api/v1").configure(api))
                .configure(super::web::configure)
                .default_service(web::to(refuse_unknown_address)),
        );
}

fn api(service: &mut ServiceConfig) {
    service
        .service(resource("/accounts").route(post().to(accounts::register_account)))
        .service(resource("/login").route(post().to(accounts::log_in)))
        .service(resource("/logout").route(post().to(accounts::log_out)))
        .service(
            resource("/tokens")
                .route(get().to(accounts::list_tokens))
                .route(post().to(accounts::create_token)),
        )
        .service(resource("/tokens/{id}").route(delete().to(accounts::revoke_token)))
        .service(resource("/namespaces").route(post().to(namespaces::create_namespace)))
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
        .service(resource("/namespaces/{namespace}/keys/{key_id}").route(delete().to(namespaces::revoke_key)))
        .service(
            resource("/profiles")
                .route(get().to(profiles::list_profiles))
                .route(post().to(profiles::register_profile)),
        )
        .service(resource("/profiles/{namespace}/{name}").route(get().to(profiles::show_newest_profile)))
        .service(resource("/profiles/{namespace}/{name}/{version}").route(get().to(profiles::show_profile)))
        .service(resource("/inspect").route(post().to(publish::inspect)))
        .service(resource("/resolve").route(post().to(resolve::resolve)))
        .service(resource("/plugins").route(get().to(catalog::search)))
        .service(resource("/plugins/{namespace}/{name}").route(get().to(catalog::show_plugin)))
        .service(resource("/plugins/{namespace}/{name}/versions").route(get().to(catalog::list_versions)))
        .service(
            resource("/plugins/{namespace}/{name}/dependents")
                .route(get().to(catalog::list_dependent_plugins)),
        )
        .service(resource("/plugins/{namespace}/{name}/downloads").route(get().to(catalog::list_downloads)))
        .service(
            resource("/plugins/{namespace}/{name}/{version}/download")
                .route(get().to(release::download))
                .route(web::head().to(release::download)),
        )
        .service(
            resource("/plugins/{namespace}/{name}/{version}/manifest")
                .route(get().to(release::show_manifest)),
        )
        .service(
            resource("/plugins/{namespace}/{name}/{version}/inspection")
                .route(get().to(release::show_inspection)),
        )
        .service(
            resource("/plugins/{namespace}/{name}/{version}/verification")
                .route(get().to(release::show_verification)),
        )
        .service(
            resource("/plugins/{namespace}/{name}/{version}/bundle").route(get().to(release::show_bundle)),
        )
        .service(
            resource("/plugins/{namespace}/{name}/{version}/dependencies")
                .route(get().to(release::list_dependencies)),
        )
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
