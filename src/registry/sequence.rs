//! The sequencer: gives what waits in the outbox its place in the log, in the caller's transaction.
//!
//! The caller holds the sequencer's lock (the process on SQLite, an advisory lock on Postgres).

use std::collections::{BTreeMap, HashMap};

use sqlx::AnyConnection;

use crate::db::log::Leaf;
use crate::db::{DatabaseError, keys, log, namespaces, plugins, releases};
use crate::domain::{IndexRelease, PluginName, ReleaseId};
use crate::kill_points;
use crate::trust::{LogEvent, LogStatement};

/// The kinds of entries that change rows when they get their place.
const PUBLISH: &str = "publish";
const KEY_ENROLL: &str = "key-enroll";
pub(super) const KEY_REVOKE: &str = "key-revoke";
pub(super) const TRUST: &str = "trust";

/// How many entries one statement moves.
const ENTRIES_AT_ONCE: usize = 256;

/// What was sequenced.
#[derive(Debug, Default)]
pub(super) struct Sequenced {
    /// The releases that became visible, with their places.
    pub(super) publishes: HashMap<ReleaseId, u64>,
    /// The releases that changed with their signer or their namespace, as the index tells them now.
    pub(super) retold: BTreeMap<PluginName, Vec<IndexRelease>>,
    /// The leaves that got their places, in order.
    pub(super) leaves: Vec<Leaf>,
    /// The last place given so far.
    pub(super) last: u64,
}

impl Sequenced {
    /// The next place.
    pub(super) fn next_place(&mut self) -> u64 {
        kill_points::pass("commit-between-entries");
        self.last += 1;
        self.last
    }
}

/// Moves every outbox entry into the log and makes published releases visible.
pub(super) async fn sequence_outbox(connection: &mut AnyConnection) -> Result<Sequenced, DatabaseError> {
    let mut sequenced = Sequenced { last: log::last_sequence(connection).await?, ..Sequenced::default() };
    sequence_more(connection, &mut sequenced).await?;
    Ok(sequenced)
}

/// The same behind what has its place already.
pub(super) async fn sequence_more(
    connection: &mut AnyConnection,
    sequenced: &mut Sequenced,
) -> Result<(), DatabaseError> {
    loop {
        let entries = log::oldest_in_outbox(connection, ENTRIES_AT_ONCE as i64).await?;
        let count = entries.len();
        log::append_to_log(connection, sequenced.last + 1, &entries).await?;
        for entry in entries {
            sequenced.next_place();
            match (entry.kind.as_str(), entry.subject.split_once('/')) {
                (PUBLISH, _) => show_release(connection, &entry.subject, sequenced).await?,
                (KEY_ENROLL, Some((namespace, key_id))) => {
                    keys::set_enrolled_sequence(connection, namespace, key_id, sequenced.last).await?;
                }
                (KEY_REVOKE, Some((namespace, key_id))) => {
                    revoke_key(connection, namespace, key_id, sequenced).await?;
                }
                (TRUST, _) => set_trust(connection, &entry.subject, &entry.payload, sequenced).await?,
                _ => {}
            }
            sequenced.leaves.push(Leaf { sequence: sequenced.last, payload: entry.payload });
        }
        if count < ENTRIES_AT_ONCE {
            return Ok(());
        }
    }
}

async fn show_release(
    connection: &mut AnyConnection,
    subject: &str,
    sequenced: &mut Sequenced,
) -> Result<(), DatabaseError> {
    let Ok(release) = subject.parse::<ReleaseId>() else { return Ok(()) };
    let Some(record) = releases::find(connection, &release).await? else { return Ok(()) };
    releases::set_sequence(connection, record.id, sequenced.last).await?;
    plugins::refresh_newest(connection, record.plugin_id).await?;
    sequenced.publishes.insert(release, sequenced.last);
    Ok(())
}

/// From its place in the log, or from an earlier one that the revocation names, the key counts for nothing: releases
/// from there on no longer verify, so nothing chooses them any more.
async fn revoke_key(
    connection: &mut AnyConnection,
    namespace: &str,
    key_id: &str,
    sequenced: &mut Sequenced,
) -> Result<(), DatabaseError> {
    let from_index = keys::set_revoked_sequence(connection, namespace, key_id, sequenced.last).await?;
    for record in releases::mark_signer_revoked(connection, namespace, key_id, from_index).await? {
        plugins::refresh_newest(connection, record.plugin_id).await?;
        let line = record.index_line();
        sequenced.retold.entry(record.release.plugin).or_default().push(line);
    }
    Ok(())
}

/// From its place in the log on, the releases of the namespace count as far as the entry says, the earlier ones too.
async fn set_trust(
    connection: &mut AnyConnection,
    namespace: &str,
    payload: &str,
    sequenced: &mut Sequenced,
) -> Result<(), DatabaseError> {
    let Ok(LogStatement { event: LogEvent::Trust(trust), .. }) = LogStatement::from_bytes(payload.as_bytes())
    else {
        return Ok(());
    };
    namespaces::set_trust(connection, namespace, trust.level).await?;
    for record in releases::list_of_namespace(connection, namespace).await? {
        let line = record.index_line();
        sequenced.retold.entry(record.release.plugin).or_default().push(line);
    }
    Ok(())
}
