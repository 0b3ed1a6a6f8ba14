//! The sequencer: gives what waits in the outbox its place in the log, in the caller's transaction.
//!
//! The caller holds the sequencer's lock (the process on SQLite, an advisory lock on Postgres).

use std::collections::HashMap;

use sqlx::AnyConnection;

use crate::db::{DatabaseError, keys, log, plugins, releases};
use crate::domain::ReleaseId;
use crate::kill_points;

/// The kinds of entries that change rows when they get their place.
const PUBLISH: &str = "publish";
const KEY_REVOKE: &str = "key-revoke";

/// How many entries one statement moves.
const ENTRIES_AT_ONCE: usize = 256;

/// What was sequenced.
#[derive(Debug, Default)]
pub(super) struct Sequenced {
    /// The releases that became visible, with their places.
    pub(super) publishes: HashMap<ReleaseId, u64>,
    /// The last place given so far.
    pub(super) last: u64,
}

/// Moves every outbox entry into the log and makes published releases visible.
pub(super) async fn sequence_outbox(connection: &mut AnyConnection) -> Result<Sequenced, DatabaseError> {
    let mut sequenced = Sequenced { last: log::last_sequence(connection).await?, ..Sequenced::default() };
    loop {
        let entries = log::oldest_in_outbox(connection, ENTRIES_AT_ONCE as i64).await?;
        log::append_to_log(connection, sequenced.last + 1, &entries).await?;
        for entry in &entries {
            sequenced.last += 1;
            kill_points::pass("commit-between-entries");
            if entry.kind == PUBLISH {
                show_release(connection, &entry.subject, &mut sequenced).await?;
            }
            if entry.kind == KEY_REVOKE
                && let Some((namespace, key_id)) = entry.subject.split_once('/')
            {
                keys::set_revoked_sequence(connection, namespace, key_id, sequenced.last).await?;
            }
        }
        if entries.len() < ENTRIES_AT_ONCE {
            return Ok(sequenced);
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
