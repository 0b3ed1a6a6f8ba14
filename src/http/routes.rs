//! The whole URL table.
//!
//! `/index`, `/blobs` and `/log` stand outside the scope with the manners middleware: they are the hot paths.

use actix_web::middleware::from_fn;
use actix_web::web::{self, ServiceConfig, delete, get, head, patch, post, put, resource};
use actix_web::{FromRequest, Handler, Resource, Responder};

use super::api::{
    accounts, blobs, bundles, catalog, graph, index, log, namespaces, operations, operator, profiles,
    publish, release, releases, resolve, trust, verification_policies,
};
use super::error::Problem;
use super::extract::TakesLocks;
use super::manners::mind_manners;
use super::witness;
use crate::registry::Witness;

/// Adds every route of the registry, those of a witness too if it is one.
pub fn configure(service: &mut ServiceConfig, witness: Option<web::Data<Witness>>) {
    if let Some(witness) = witness {
        service.service(web::scope("/witness").app_data(witness).configure(witness::configure));
    }
    service
        .service(readable("/index/config.json", index::show_index_configuration))
        .service(readable("/index/{namespace}/{name}.json", index::show_index_file))
        .service(readable("/blobs/sha256/{digest}", blobs::show_blob))
        .service(readable("/log/checkpoint", log::show_checkpoint))
        .service(readable("/log/witnessed-checkpoint", log::show_witnessed_checkpoint))
        .service(readable("/log/tile/{path:.*}", log::show_tile))
        .service(
            web::scope("")
                .wrap(from_fn(mind_manners))
                .service(readable("/health/live", operations::show_liveness))
                .service(readable("/health/ready", operations::show_readiness))
                .service(readable("/metrics", operations::show_metrics))
                .service(readable("/.well-known/pluginry/trust.json", trust::show_trust))
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
        .service(readable("/tokens", accounts::list_tokens).route(post().to(accounts::create_token)))
        .service(resource("/tokens/{id}").route(delete().to(accounts::revoke_token)))
        .service(resource("/namespaces").route(post().to(namespaces::create_namespace)))
        .service(
            resource("/namespaces/{namespace}/members/{account}")
                .route(put().to(namespaces::set_member))
                .route(delete().to(namespaces::remove_member)),
        )
        .service(
            readable("/namespaces/{namespace}/keys", namespaces::list_keys)
                .route(post().to(namespaces::enroll_key)),
        )
        .service(resource("/namespaces/{namespace}/keys/{key_id}").route(delete().to(namespaces::revoke_key)))
        .service(
            resource("/namespaces/{namespace}/keys/{key_id}/approvals")
                .route(post().to(namespaces::approve_key)),
        )
        .service(readable("/profiles", profiles::list_profiles).route(post().to(profiles::register_profile)))
        .service(readable("/profiles/{namespace}/{name}", profiles::show_newest_profile))
        .service(readable("/profiles/{namespace}/{name}/{version}", profiles::show_profile))
        .service(readable("/operator/releases", operator::list))
        .service(
            resource("/operator/releases/{namespace}/{name}/{version}/quarantine")
                .route(put().to(operator::quarantine))
                .route(delete().to(operator::lift_quarantine)),
        )
        .service(
            resource("/operator/releases/{namespace}/{name}/{version}/recall")
                .route(put().to(operator::recall))
                .route(delete().to(operator::lift_recall)),
        )
        .service(
            resource("/operator/releases/{namespace}/{name}/{version}/takedown")
                .route(post().to(operator::take_down)),
        )
        .service(resource("/operator/namespaces/{namespace}/trust").route(put().to(operator::set_trust)))
        .service(readable("/trust", trust::show_trust))
        .service(readable("/recalls", trust::show_recalls))
        .service(resource("/bundles").route(post().to(bundles::make_lock_bundle)))
        .service(readable("/verification-policies/{digest}", verification_policies::show_verification_policy))
        .service(resource("/inspect").route(post().to(publish::inspect)))
        .service(resource("/graph").app_data(TakesLocks).route(post().to(graph::show_graph)))
        .service(resource("/resolve").app_data(TakesLocks).route(post().to(resolve::resolve)))
        .service(resource("/upgrade-plan").app_data(TakesLocks).route(post().to(resolve::plan_upgrade)))
        .service(resource("/outdated").app_data(TakesLocks).route(post().to(resolve::list_outdated)))
        .service(readable("/plugins", catalog::search))
        .service(readable("/plugins/{namespace}/{name}", catalog::show_plugin))
        .service(readable("/plugins/{namespace}/{name}/versions", catalog::list_versions))
        .service(readable("/plugins/{namespace}/{name}/dependents", catalog::list_dependent_plugins))
        .service(readable("/plugins/{namespace}/{name}/downloads", catalog::list_downloads))
        .service(readable("/plugins/{namespace}/{name}/{version}/download", release::download))
        .service(readable("/plugins/{namespace}/{name}/{version}/manifest", release::show_manifest))
        .service(readable("/plugins/{namespace}/{name}/{version}/inspection", release::show_inspection))
        .service(readable("/plugins/{namespace}/{name}/{version}/verification", release::show_verification))
        .service(readable("/plugins/{namespace}/{name}/{version}/bundle", bundles::show_bundle))
        .service(readable("/plugins/{namespace}/{name}/{version}/tlog-proof", bundles::show_tlog_proof))
        .service(readable("/plugins/{namespace}/{name}/{version}/dependencies", release::list_dependencies))
        .service(
            readable("/plugins/{namespace}/{name}/{version}", release::show)
                .route(put().to(publish::publish))
                .route(patch().to(releases::change)),
        )
        .default_service(web::to(refuse_unknown_address));
}

/// What can be read answers to `GET`, and to `HEAD` with the same headers.
fn readable<F, Arguments>(path: &str, handler: F) -> Resource
where
    F: Handler<Arguments>,
    Arguments: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    resource(path).route(get().to(handler.clone())).route(head().to(handler))
}

async fn refuse_unknown_address() -> Result<&'static str, Problem> {
    Err(Problem::new("not-found", "nothing is at this address")
        .mend("The API lives below /api/v1, the catalog starts at /."))
}
