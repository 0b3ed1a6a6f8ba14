//! What the log holds about releases and about the keys that signed them.

use std::collections::{BTreeSet, HashMap};

use sqlx::AnyConnection;

use super::error::{BuildBundleError, ENTRIES_MAX_BYTES};
use crate::db::log::{self, LogEntry};
use crate::domain::{Digest, ReleaseId};
use crate::log::Hash;
use crate::trust::{LogEvent, LogStatement, LogSubject, LoggedEntry, PublishEntry};

/// An entry with its leaf.
pub(super) struct Placed {
    pub(super) index: u64,
    leaf: String,
    pub(super) statement: LogStatement,
}

impl Placed {
    fn read(entry: LogEntry) -> Result<Self, BuildBundleError> {
        let index = entry.sequence.saturating_sub(1);
        let statement = LogStatement::from_bytes(entry.payload.as_bytes())
            .map_err(|source| BuildBundleError::Entry { index, source })?;
        Ok(Self { index, leaf: entry.payload, statement })
    }

    /// The entry as a bundle holds it, with the next proof.
    pub(super) fn logged(&self, proofs: &mut impl Iterator<Item = Vec<Hash>>) -> LoggedEntry {
        let proof = proofs.next().expect("one proof for each index");
        LoggedEntry { index: self.index, entry: self.leaf.clone(), proof }
    }
}

/// Everything the log says about some releases and the keys that signed them.
pub(super) struct Histories {
    by_subject: HashMap<String, Vec<Placed>>,
    /// The index of the newest publish.
    pub(super) last_publish: u64,
}

impl Histories {
    /// Reads them: the entries about the releases, then those about their signers.
    pub(super) async fn read(
        connection: &mut AnyConnection,
        releases: &[ReleaseId],
    ) -> Result<Self, BuildBundleError> {
        let mut histories = Self { by_subject: HashMap::new(), last_publish: 0 };
        let subjects: Vec<String> = releases.iter().map(ToString::to_string).collect();
        histories.take(log::entries_about(connection, &subjects, ENTRIES_MAX_BYTES).await?)?;
        let keys: BTreeSet<String> =
            releases.iter().filter_map(|release| histories.signer_key(release)).collect();
        let keys: Vec<String> = keys.into_iter().collect();
        histories.take(log::entries_about(connection, &keys, ENTRIES_MAX_BYTES).await?)?;
        Ok(histories)
    }

    fn take(&mut self, entries: Option<Vec<LogEntry>>) -> Result<(), BuildBundleError> {
        for entry in entries.ok_or(BuildBundleError::TooLarge)? {
            let subject = entry.subject.clone();
            let placed = Placed::read(entry)?;
            if matches!(placed.statement.event, LogEvent::Publish(_)) {
                self.last_publish = self.last_publish.max(placed.index);
            }
            self.by_subject.entry(subject).or_default().push(placed);
        }
        Ok(())
    }

    /// The entries about a subject, in order.
    pub(super) fn about(&self, subject: &str) -> &[Placed] {
        self.by_subject.get(subject).map_or(&[], Vec::as_slice)
    }

    /// Whether the log tells of its publish.
    pub(super) fn is_published(&self, release: &ReleaseId) -> bool {
        self.publish(release).is_some()
    }

    /// The publish of a release, and the digest of its package.
    pub(super) fn publish(&self, release: &ReleaseId) -> Option<(&Placed, &PublishEntry, Digest)> {
        self.about(&release.to_string()).iter().find_map(|placed| {
            match (&placed.statement.event, &placed.statement.subject) {
                (LogEvent::Publish(entry), LogSubject::Release { digest, .. }) => {
                    Some((placed, entry, *digest))
                }
                _ => None,
            }
        })
    }

    /// The subject of the key that signed a release.
    pub(super) fn signer_key(&self, release: &ReleaseId) -> Option<String> {
        let (_, publish, _) = self.publish(release)?;
        Some(format!("{}/{}", release.plugin.namespace(), publish.signer))
    }
}
