//! `/plugins/{namespace}`: what a namespace published and the keys it signs with.

use actix_web::{HttpResponse, web};
use askama::Template;

use super::filters;
use super::passport::Entry;
use super::respond;
use crate::domain::api::{EnrolledKey, KeyState};
use crate::domain::{Namespace, ObjectionKind, Timestamp, TrustLevel, VerificationState};
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
    /// How far the operator trusts it.
    pub trust: TrustLevel,
    /// Its author keys, revoked ones too.
    pub keys: Vec<EnrolledKey>,
}

impl NamespacePage {
    /// What marks a key that does not count, and the colour of the mark.
    pub fn mark_of(key: &EnrolledKey) -> Option<(&'static str, &'static str)> {
        match key.state {
            KeyState::Counts => None,
            KeyState::Waiting => Some(("waiting", "medium")),
            KeyState::NeedsApproval => Some(("not approved", "medium")),
            KeyState::Revoked => Some(("revoked", "high")),
        }
    }

    /// What the mark means, and how the key came to count.
    pub fn words_about(key: &EnrolledKey) -> String {
        let from = key.counts_from.map(filters::exact_text).unwrap_or_default();
        match (key.state, key.revoked_from_index) {
            (KeyState::Revoked, Some(index)) => {
                format!("What it signed at entry {index} of the log or behind does not verify.")
            }
            (KeyState::Revoked, None) => "Its revocation is on its way into the log.".into(),
            (KeyState::NeedsApproval, _) => {
                "No key counts here any more: another owner or an operator has to approve this one.".into()
            }
            (KeyState::Waiting, _) => format!("Counts from {from} on; an owner may turn it down until then."),
            (KeyState::Counts, _) => match (&key.endorsed_by, key.approved_by.as_slice()) {
                (Some(by), _) => format!("Signed in by {}….", by.chars().take(12).collect::<String>()),
                (None, []) => String::new(),
                (None, accounts) => format!("Approved by {}.", accounts.join(", ")),
            },
        }
    }
}

/// `GET /plugins/{namespace}`.
pub async fn show_namespace_page(
    registry: web::Data<Registry>,
    namespace: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let namespace: Namespace = namespace.parse()?;
    let now = registry.now();
    let details = show_namespace(&registry, &namespace, now).await?;
    respond(&NamespacePage {
        now,
        namespace,
        entries: details.plugins.into_iter().map(Entry::from).collect(),
        has_more: details.has_more,
        trust: details.trust,
        keys: details.keys,
    })
}
