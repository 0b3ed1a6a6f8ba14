//! Namespaces, their members and their author keys.

use actix_web::{HttpRequest, HttpResponse, web};

use crate::domain::Namespace;
use crate::domain::api::{
    EnrollKeyRequest, EnrolledKey, MemberRequest, MemberRole, NewNamespaceRequest, RevokeKeyRequest,
};
use crate::http::error::Problem;
use crate::http::extract::{Authenticated, JsonBody, NamespacePath, QueryOf, part};
use crate::registry::{Registry, accounts};
use crate::signing::KeyId;

/// `POST /api/v1/namespaces`.
pub async fn create_namespace(
    registry: web::Data<Registry>,
    Authenticated(caller): Authenticated,
    JsonBody(body): JsonBody<NewNamespaceRequest>,
) -> Result<HttpResponse, Problem> {
    let answer = accounts::create_namespace(registry.database(), &caller, &body, registry.now()).await?;
    Ok(HttpResponse::Created().json(answer))
}

/// `PUT /api/v1/namespaces/{namespace}/members/{account}`.
pub async fn set_member(
    request: HttpRequest,
    registry: web::Data<Registry>,
    Authenticated(caller): Authenticated,
    NamespacePath(namespace): NamespacePath,
    JsonBody(body): JsonBody<MemberRequest>,
) -> Result<HttpResponse, Problem> {
    change_member(&request, &registry, (caller, namespace), Some(body.role)).await
}

/// `DELETE /api/v1/namespaces/{namespace}/members/{account}`.
pub async fn remove_member(
    request: HttpRequest,
    registry: web::Data<Registry>,
    Authenticated(caller): Authenticated,
    NamespacePath(namespace): NamespacePath,
) -> Result<HttpResponse, Problem> {
    change_member(&request, &registry, (caller, namespace), None).await
}

async fn change_member(
    request: &HttpRequest,
    registry: &Registry,
    (caller, namespace): (accounts::Caller, crate::domain::Namespace),
    role: Option<MemberRole>,
) -> Result<HttpResponse, Problem> {
    let account = part(request, "account");
    accounts::set_member(registry.database(), &caller, &namespace, account, role, registry.now()).await?;
    registry.sequence_soon();
    Ok(HttpResponse::NoContent().finish())
}

/// `GET /api/v1/namespaces/{namespace}/keys`.
pub async fn list_keys(
    registry: web::Data<Registry>,
    NamespacePath(namespace): NamespacePath,
) -> Result<HttpResponse, Problem> {
    let answer = accounts::list_keys(registry.database(), &namespace, registry.now()).await?;
    Ok(HttpResponse::Ok().json(answer))
}

/// `POST /api/v1/namespaces/{namespace}/keys`.
pub async fn enroll_key(
    registry: web::Data<Registry>,
    Authenticated(caller): Authenticated,
    NamespacePath(namespace): NamespacePath,
    JsonBody(body): JsonBody<EnrollKeyRequest>,
) -> Result<HttpResponse, Problem> {
    let settings = &registry.configuration().keys;
    let key = accounts::enroll_key(registry.database(), settings, &caller, &namespace, &body, registry.now())
        .await?;
    let answer = as_logged(&registry, &namespace, key).await?;
    Ok(HttpResponse::Created().json(answer))
}

/// `POST /api/v1/namespaces/{namespace}/keys/{key_id}/approvals`.
pub async fn approve_key(
    request: HttpRequest,
    registry: web::Data<Registry>,
    Authenticated(caller): Authenticated,
    NamespacePath(namespace): NamespacePath,
) -> Result<HttpResponse, Problem> {
    let key_id: KeyId = part(&request, "key_id").parse()?;
    let settings = &registry.configuration().keys;
    let key =
        accounts::approve_key(registry.database(), settings, &caller, &namespace, &key_id, registry.now())
            .await?;
    let answer = as_logged(&registry, &namespace, key).await?;
    Ok(HttpResponse::Ok().json(answer))
}

/// `DELETE /api/v1/namespaces/{namespace}/keys/{key_id}?from_index=&reason=`.
pub async fn revoke_key(
    request: HttpRequest,
    registry: web::Data<Registry>,
    Authenticated(caller): Authenticated,
    NamespacePath(namespace): NamespacePath,
    QueryOf(query): QueryOf<RevokeKeyRequest>,
) -> Result<HttpResponse, Problem> {
    let key_id: KeyId = part(&request, "key_id").parse()?;
    let key = accounts::revoke_key(registry.database(), &caller, &namespace, &key_id, &query, registry.now())
        .await?;
    let answer = as_logged(&registry, &namespace, key).await?;
    Ok(HttpResponse::Ok().json(answer))
}

/// The key as it stands once the log holds what was just changed about it.
async fn as_logged(
    registry: &Registry,
    namespace: &Namespace,
    key: EnrolledKey,
) -> Result<EnrolledKey, Problem> {
    registry.sequence_now().await.map_err(Problem::internal)?;
    let listed = accounts::list_keys(registry.database(), namespace, registry.now()).await?.keys;
    Ok(listed.into_iter().find(|listed| listed.key_id == key.key_id).unwrap_or(key))
}
