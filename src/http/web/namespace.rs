//! `/plugins/{namespace}`: what a namespace published and the keys it signs with.

use askama::Template;

use super::filters;
use super::passport::Entry;
use crate::domain::api::EnrolledKey;
use crate::domain::{Namespace, Timestamp, VerificationState};

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
    pub keys: Vec<EnrolledKey>,
}
