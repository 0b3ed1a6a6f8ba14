//! Whether a release asks for more than the one before it, and whether it may.
//!
//! Asked twice: before the package is stored, so that a refusal is cheap, and in the committer's transaction, where
//! no other publish comes between.

use sqlx::AnyConnection;

use super::publish_error::PublishError;
use crate::db::{DatabaseError, releases};
use crate::domain::{Manifest, ReleaseId};
use crate::wasm::{WideningChange, widening};

/// What a release asks for beyond the one before it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Widened {
    /// The release before it, if there is one.
    before: Option<ReleaseId>,
    /// What it asks for in addition; empty: nothing.
    changes: Vec<WideningChange>,
}

impl Widened {
    /// Measures a manifest against the highest release below it.
    pub(super) async fn of(
        connection: &mut AnyConnection,
        manifest: &Manifest,
    ) -> Result<Self, DatabaseError> {
        let Some(before) = releases::find_before(connection, &manifest.release_id()).await? else {
            return Ok(Self::default());
        };
        let changes = widening(&before.manifest.capabilities, &manifest.capabilities);
        Ok(Self { before: Some(before.release), changes })
    }

    /// Refuses what a patch never may, and what the author did not agree to.
    pub(super) fn check(self, release: &ReleaseId, is_accepted: bool) -> Result<Self, PublishError> {
        let Some(before) = self.before.clone().filter(|_| self.is_widening()) else { return Ok(self) };
        let changes = self.changes.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        let release = release.clone();
        if release.version.is_patch_of(&before.version) {
            return Err(PublishError::WideningInPatch { release, before, changes });
        }
        if !is_accepted {
            return Err(PublishError::WideningNotAccepted { release, before, changes });
        }
        Ok(self)
    }

    /// Whether it asks for more.
    pub(super) fn is_widening(&self) -> bool {
        !self.changes.is_empty()
    }

    /// As the database keeps it.
    pub(super) fn to_column(&self) -> Option<String> {
        self.is_widening()
            .then(|| serde_json::to_string(&self.changes).expect("a widening change has text keys only"))
    }
}
