//! `/plugins/{namespace}`: what a namespace published and the keys it signs with.

use actix_web::{HttpResponse, web};
use askama::Template;

use super::filters;
use super::passport::Entry;
use super::respond;
use crate::db::keys::AuthorKey;
use crate::domain::{Namespace, ObjectionKind, Timestamp, VerificationState};
use crate::http::error::Problem;
use crate::registry::{Registry, show_namespace};

/// A namespace as people read it.
#[derive(Template)]
#[template(path = "namespace.html")]
pub struct NamespacePage {
    /// The moment relative times count from.
    pub now: Timestamp,
    /// The namespace.
    pub namespace: Namespace,
    /// Its plugins, the newest first.
    pub entries: Vec<Entry>,
    /// Whether there are more than shown.
    pub has_more: bool,
    /// Its author keys, revoked ones too.
    pub keys: Vec<AuthorKey>,
}

/// `GET /plugins/{namespace}`.
pub async fn show_namespace_page(
    registry: web::Data<Registry>,
    namespace: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let namespace: Namespace = namespace.parse()?;
    let details = show_namespace(&registry, &namespace).await?;
    respond(&NamespacePage {
        now: Timestamp::now(),
        namespace,
        entries: details.plugins.into_iter().map(Entry::from).collect(),
        has_more: details.has_more,
        keys: details.keys,
    })
}
