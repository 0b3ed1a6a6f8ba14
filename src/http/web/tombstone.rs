//! The page of a release that was taken down: what it was, why it is gone, and where to go from here.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use super::filters;
use super::passport::{plugin_path, release_path};
use super::release_head::ReleaseHead;
use super::respond_with;
use crate::domain::{Digest, ObjectionKind, Timestamp, Version};
use crate::http::error::Problem;
use crate::registry::ReleaseDetails;

/// How many other versions the page lists.
const OTHERS_SHOWN: usize = 12;

/// The tombstone of a release. The author's words are gone with the package.
#[derive(Template)]
#[template(path = "tombstone.html")]
pub struct TombstonePage {
    /// The moment relative times count from.
    pub now: Timestamp,
    /// Name, version, state.
    pub head: ReleaseHead,
    /// The operator's reason.
    pub reason: String,
    /// Why hosts are told to stop running it.
    pub recalled: Option<String>,
    /// Digest of the package that was deleted.
    pub digest: Digest,
    /// Key id of the signer.
    pub signer: String,
    /// Its place in the log.
    pub sequence: u64,
    /// Versions that stand, with the path of their page, the highest first.
    pub others: Vec<(Version, String)>,
}

impl TombstonePage {
    fn new(details: &ReleaseDetails, reason: String, now: Timestamp) -> Self {
        let record = &details.record;
        let stands = |kind: Option<ObjectionKind>| {
            !matches!(kind, Some(ObjectionKind::TakenDown | ObjectionKind::Quarantined))
        };
        let others = details
            .releases
            .iter()
            .filter(|other| stands(other.objection().map(|objection| objection.kind)))
            .take(OTHERS_SHOWN)
            .map(|other| (other.release.version.clone(), release_path(&other.release)))
            .collect();
        Self {
            now,
            head: ReleaseHead::new(details),
            reason,
            recalled: record.recalled.clone(),
            digest: record.digest,
            signer: record.key_id.clone(),
            sequence: record.sequence.unwrap_or_default(),
            others,
        }
    }

    fn plugin_path(&self) -> String {
        plugin_path(&self.head.release.plugin)
    }
}

/// The tombstone, if the release was taken down: status 410.
pub(super) fn tombstone_of(
    details: &ReleaseDetails,
    now: Timestamp,
) -> Option<Result<HttpResponse, Problem>> {
    let reason = details.record.taken_down.clone()?;
    Some(respond_with(StatusCode::GONE, &TombstonePage::new(details, reason, now)))
}
