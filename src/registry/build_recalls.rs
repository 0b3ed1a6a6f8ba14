//! The recall feed: worked out from the log, signed, and kept in memory, so that a poll touches no database unless
//! the log has grown.
//!
//! The feed is a function of the log and of the half day it is, so every replica serves the same bytes.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{ReadLogError, Registry, ServedDocument};
use crate::db::DatabaseError;
use crate::db::log::{self, LogEntry};
use crate::domain::{Digest, ReleaseId, Timestamp};
use crate::signing::Envelope;
use crate::trust::{
    Advice, LogEvent, LogStatement, LogSubject, RECALLS_LIFE_SECONDS, RecallFeed, RecallItem, RecallKind,
    RevokedKey, sign_recalls,
};

/// The kinds of entries that change what the feed says.
const KINDS: [&str; 4] = ["quarantine", "takedown", "recall", "key-revoke"];

/// After how many microseconds a feed is signed anew: half its life.
const RENEWED_EVERY_MICROS: i64 = RECALLS_LIFE_SECONDS / 2 * 1_000_000;

/// The feed in memory.
#[derive(Default)]
pub(super) struct Recalls(tokio::sync::Mutex<Kept>);

/// What the log says, up to a size of it, and what was signed last.
#[derive(Default)]
struct Kept {
    told: Told,
    served: Option<Arc<ServedRecalls>>,
}

/// A signed feed.
#[derive(Debug, Clone)]
pub struct ServedRecalls {
    /// The envelope.
    pub envelope: Envelope,
    /// The envelope as it is served.
    pub document: ServedDocument,
    issued_at: Timestamp,
    tree_size: u64,
}

impl Registry {
    /// The recall feed as it is now.
    pub async fn recalls(&self, now: Timestamp) -> Result<Arc<ServedRecalls>, ReadLogError> {
        let mut kept = self.shared.recalls.0.lock().await;
        match self.take_in_recalls(&mut kept.told).await {
            Ok(()) => {}
            // What was signed may still be told while the database is away.
            Err(error) if kept.served.is_some() => {
                tracing::warn!(%error, "the recall feed could not be renewed")
            }
            Err(error) => return Err(error.into()),
        }
        let (issued_at, tree_size) = (kept.told.issued_at(now), kept.told.tree_size);
        match &kept.served {
            Some(served) if (served.issued_at, served.tree_size) == (issued_at, tree_size) => {
                Ok(Arc::clone(served))
            }
            _ => {
                let envelope = sign_recalls(&kept.told.feed(issued_at), self.keys().registry());
                let document = ServedDocument::new(envelope.to_json());
                let served = Arc::new(ServedRecalls { envelope, document, issued_at, tree_size });
                kept.served = Some(Arc::clone(&served));
                Ok(served)
            }
        }
    }

    /// Reads what the signed log holds behind what was read before.
    async fn take_in_recalls(&self, told: &mut Told) -> Result<(), DatabaseError> {
        let head = self.head().tree_size;
        if head <= told.read_up_to {
            return Ok(());
        }
        let mut connection = self.database().read().await?;
        let entries = log::entries_of_kinds(&mut connection, &KINDS, told.read_up_to, head).await?;
        for entry in &entries {
            told.take(entry)?;
        }
        told.read_up_to = head;
        Ok(())
    }
}

/// What the log says against releases and keys.
#[derive(Default)]
struct Told {
    recalls: BTreeMap<(ReleaseId, &'static str), RecallItem>,
    revoked_keys: BTreeMap<String, RevokedKey>,
    /// The size of the log with the newest entry that matters.
    tree_size: u64,
    /// When that entry was taken in.
    changed_at: Option<Timestamp>,
    read_up_to: u64,
}

impl Told {
    fn take(&mut self, entry: &LogEntry) -> Result<(), DatabaseError> {
        let statement =
            LogStatement::from_bytes(entry.payload.as_bytes()).map_err(|error| DatabaseError::Corrupt {
                what: "log_entries.payload",
                problem: format!("{}: {error}", entry.sequence),
            })?;
        let index = entry.sequence.saturating_sub(1);
        self.tree_size = entry.sequence;
        // Clocks of replicas differ; the feed's time never goes back.
        self.changed_at = self.changed_at.max(Some(statement.at()));
        match (&statement.subject, &statement.event) {
            (LogSubject::Release { release, digest }, LogEvent::Quarantine(advice)) => {
                self.warn(release, *digest, RecallKind::Quarantine, advice, index);
            }
            (LogSubject::Release { release, digest }, LogEvent::Takedown(advice)) => {
                self.warn(release, *digest, RecallKind::Takedown, advice, index);
            }
            (LogSubject::Release { release, digest }, LogEvent::Recall(advice)) => {
                self.warn(release, *digest, RecallKind::Recall, advice, index);
            }
            (LogSubject::Key { namespace, key_id }, LogEvent::KeyRevoke(revocation)) => {
                let from_index = revocation.counts_until(index);
                let revoked = RevokedKey { namespace: namespace.clone(), key_id: *key_id, from_index, index };
                let known = self.revoked_keys.entry(entry.subject.clone()).or_insert_with(|| revoked.clone());
                if from_index < known.from_index {
                    *known = revoked;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn warn(&mut self, release: &ReleaseId, digest: Digest, kind: RecallKind, advice: &Advice, index: u64) {
        let name = match kind {
            RecallKind::Recall => "recall",
            RecallKind::Quarantine => "quarantine",
            RecallKind::Takedown => "takedown",
        };
        let place = (release.clone(), name);
        match &advice.reason {
            None => drop(self.recalls.remove(&place)),
            Some(reason) => {
                let (release, reason) = (release.clone(), reason.clone());
                self.recalls.insert(place, RecallItem { release, digest, kind, reason, index });
            }
        }
    }

    /// When a feed of this content is signed: when it changed, or at the last turn of a half day, on every replica alike.
    fn issued_at(&self, now: Timestamp) -> Timestamp {
        let turn = now.as_micros() - now.as_micros().rem_euclid(RENEWED_EVERY_MICROS);
        let turn = Timestamp::from_micros(turn);
        self.changed_at.map_or(turn, |changed_at| changed_at.max(turn))
    }

    fn feed(&self, issued_at: Timestamp) -> RecallFeed {
        let mut recalls: Vec<RecallItem> = self.recalls.values().cloned().collect();
        recalls.sort_by_key(|item| item.index);
        let mut revoked_keys: Vec<RevokedKey> = self.revoked_keys.values().cloned().collect();
        revoked_keys.sort_by_key(|key| key.index);
        RecallFeed {
            issued_at,
            expires_at: issued_at.plus_seconds(RECALLS_LIFE_SECONDS),
            tree_size: self.tree_size,
            recalls,
            revoked_keys,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 24 * 60 * 60;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn a_feed_is_signed_when_it_changes_and_when_half_its_life_is_over() {
        let quiet = Told::default();
        let changed = Told { changed_at: Some(at(DAY + 100)), ..Told::default() };

        assert_eq!(quiet.issued_at(at(DAY + 5)), at(DAY));
        assert_eq!(quiet.issued_at(at(DAY + DAY / 2 + 5)), at(DAY + DAY / 2));
        assert_eq!(changed.issued_at(at(DAY + 200)), at(DAY + 100));
        assert_eq!(changed.issued_at(at(DAY + DAY / 2)), at(DAY + DAY / 2));
    }
}
