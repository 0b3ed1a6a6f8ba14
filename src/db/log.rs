//! The outbox and the sequence: what happened, in the one order every reader agrees on.

use futures::TryStreamExt as _;
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::DatabaseError;
use super::row::{Columns, as_number, corrupt};
use super::statement::StatementBuilder;
use crate::domain::{Digest, Timestamp};

/// Something that happened and waits for its place in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxEntry {
    /// Row id, in order of insertion.
    pub id: i64,
    /// What kind of event: `publish`, `yank`, `key-enrol`, …
    pub kind: String,
    /// What it is about, such as `acme:markdown@1.2.0`.
    pub subject: String,
    /// Its content, JSON.
    pub payload: String,
    /// When it happened.
    pub created_at: Timestamp,
}

/// An entry of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// Its place: 1, 2, 3, … without gaps.
    pub sequence: u64,
    /// What kind of event.
    pub kind: String,
    /// What it is about.
    pub subject: String,
    /// Its content, JSON.
    pub payload: String,
    /// When it happened.
    pub created_at: Timestamp,
}

impl OutboxEntry {
    fn at(&self, sequence: u64) -> LogEntry {
        LogEntry {
            sequence,
            kind: self.kind.clone(),
            subject: self.subject.clone(),
            payload: self.payload.clone(),
            created_at: self.created_at,
        }
    }
}

/// An entry as the tree holds it: the payload is the leaf, byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// Its place: 1, 2, 3, …; its index in the tree is one less.
    pub sequence: u64,
    /// Its content.
    pub payload: String,
}

/// A signed head as the database remembers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeadRow {
    /// How many entries it is over.
    pub tree_size: u64,
    /// The root of the tree.
    pub root: Digest,
    /// The signed note.
    pub checkpoint: String,
}

/// Appends an event in the transaction of the change it tells of.
pub async fn append_to_outbox(
    connection: &mut AnyConnection,
    kind: &str,
    subject: &str,
    payload: &str,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    sqlx::query("INSERT INTO outbox (kind, subject, payload, created_at) VALUES ($1, $2, $3, $4)")
        .bind(kind)
        .bind(subject)
        .bind(payload)
        .bind(now.as_micros())
        .execute(connection)
        .await?;
    Ok(())
}

/// The oldest events without a place.
pub async fn oldest_in_outbox(
    connection: &mut AnyConnection,
    limit: i64,
) -> Result<Vec<OutboxEntry>, DatabaseError> {
    let rows = sqlx::query("SELECT id, kind, subject, payload, created_at FROM outbox ORDER BY id LIMIT $1")
        .bind(limit)
        .fetch_all(connection)
        .await?;
    rows.iter()
        .map(|row| {
            Ok(OutboxEntry {
                id: row.number("id")?,
                kind: row.text("kind")?,
                subject: row.text("subject")?,
                payload: row.text("payload")?,
                created_at: row.time("created_at")?,
            })
        })
        .collect()
}

/// Whether an entry of this kind and subject still waits for its place.
pub async fn is_in_outbox(
    connection: &mut AnyConnection,
    kind: &str,
    subject: &str,
) -> Result<bool, DatabaseError> {
    let found: Option<i64> =
        sqlx::query_scalar("SELECT id FROM outbox WHERE kind = $1 AND subject = $2 LIMIT 1")
            .bind(kind)
            .bind(subject)
            .fetch_optional(connection)
            .await?;
    Ok(found.is_some())
}

/// Moves outbox entries into the log at `first_sequence` and the places behind it. All given entries or none.
pub async fn append_to_log(
    connection: &mut AnyConnection,
    first_sequence: u64,
    entries: &[OutboxEntry],
) -> Result<(), DatabaseError> {
    if entries.is_empty() {
        return Ok(());
    }
    let rows: Vec<LogEntry> =
        (first_sequence..).zip(entries).map(|(sequence, entry)| entry.at(sequence)).collect();
    insert_entries(connection, &rows).await?;
    let mut delete = StatementBuilder::new("DELETE FROM outbox WHERE id IN (");
    let mut list = delete.separated(", ");
    for entry in entries {
        list.push_bind(entry.id);
    }
    delete.push(")");
    let deleted = delete.build().execute(connection).await?.rows_affected();
    if deleted != entries.len() as u64 {
        return Err(DatabaseError::UnexpectedRows { statement: "append_to_log", rows: deleted });
    }
    Ok(())
}

/// Inserts entries at their places. The transaction holds the sequencer's lock.
pub async fn insert_entries(
    connection: &mut AnyConnection,
    entries: &[LogEntry],
) -> Result<(), DatabaseError> {
    if entries.is_empty() {
        return Ok(());
    }
    let mut insert =
        StatementBuilder::new("INSERT INTO log_entries (sequence, kind, subject, payload, created_at) ");
    insert.push_values(entries, |mut row, entry| {
        row.push_bind(as_number(entry.sequence))
            .push_bind(entry.kind.clone())
            .push_bind(entry.subject.clone())
            .push_bind(entry.payload.clone())
            .push_bind(entry.created_at.as_micros());
    });
    insert.build().execute(connection).await?;
    Ok(())
}

/// The last place given; 0 in an empty log.
pub async fn last_sequence(connection: &mut AnyConnection) -> Result<u64, DatabaseError> {
    let row = sqlx::query("SELECT COALESCE(MAX(sequence), 0) AS sequence FROM log_entries")
        .fetch_one(connection)
        .await?;
    row.size("sequence")
}

/// The oldest event there is, with its place (0: still in the outbox).
pub async fn oldest_payload(connection: &mut AnyConnection) -> Result<Option<(u64, String)>, DatabaseError> {
    let row = sqlx::query(
        "SELECT sequence, payload FROM log_entries WHERE sequence = (SELECT MIN(sequence) FROM log_entries) \
         UNION ALL SELECT 0 AS sequence, payload FROM outbox WHERE id = (SELECT MIN(id) FROM outbox) \
             AND NOT EXISTS (SELECT 1 FROM log_entries)",
    )
    .fetch_optional(connection)
    .await?;
    row.map(|row| Ok((row.size("sequence")?, row.text("payload")?))).transpose()
}

/// Entries behind `sequence`, in order.
pub async fn entries_after(
    connection: &mut AnyConnection,
    sequence: u64,
    limit: i64,
) -> Result<Vec<LogEntry>, DatabaseError> {
    let rows = sqlx::query(
        "SELECT sequence, kind, subject, payload, created_at FROM log_entries \
         WHERE sequence > $1 ORDER BY sequence LIMIT $2",
    )
    .bind(as_number(sequence))
    .bind(limit)
    .fetch_all(connection)
    .await?;
    rows.iter().map(log_entry).collect()
}

/// Every entry about these subjects, in order; nothing when they hold more than `most_bytes` together.
pub async fn entries_about(
    connection: &mut AnyConnection,
    subjects: &[String],
    most_bytes: usize,
) -> Result<Option<Vec<LogEntry>>, DatabaseError> {
    if subjects.is_empty() {
        return Ok(Some(Vec::new()));
    }
    let mut select = StatementBuilder::new(
        "SELECT sequence, kind, subject, payload, created_at FROM log_entries WHERE subject IN (",
    );
    let mut list = select.separated(", ");
    for subject in subjects {
        list.push_bind(subject.clone());
    }
    select.push(") ORDER BY sequence");
    let query = select.build();
    let mut rows = query.fetch(connection);
    let (mut entries, mut size_bytes) = (Vec::new(), 0);
    while let Some(row) = rows.try_next().await? {
        let entry = log_entry(&row)?;
        size_bytes += entry.payload.len();
        if size_bytes > most_bytes {
            return Ok(None);
        }
        entries.push(entry);
    }
    Ok(Some(entries))
}

/// Entries of these kinds behind the place `after` and up to `last`, in order.
pub async fn entries_of_kinds(
    connection: &mut AnyConnection,
    kinds: &[&str],
    after: u64,
    last: u64,
) -> Result<Vec<LogEntry>, DatabaseError> {
    let mut select = StatementBuilder::new(
        "SELECT sequence, kind, subject, payload, created_at FROM log_entries WHERE sequence > ",
    );
    select.push_bind(as_number(after)).push(" AND sequence <= ").push_bind(as_number(last));
    select.push(" AND kind IN (");
    let mut list = select.separated(", ");
    for kind in kinds {
        list.push_bind((*kind).to_owned());
    }
    select.push(") ORDER BY sequence");
    let rows = select.build().fetch_all(connection).await?;
    rows.iter().map(log_entry).collect()
}

fn log_entry(row: &AnyRow) -> Result<LogEntry, DatabaseError> {
    Ok(LogEntry {
        sequence: row.size("sequence")?,
        kind: row.text("kind")?,
        subject: row.text("subject")?,
        payload: row.text("payload")?,
        created_at: row.time("created_at")?,
    })
}

/// The leaves behind `sequence`, in order, without gaps.
pub async fn leaves_after(
    connection: &mut AnyConnection,
    sequence: u64,
    limit: i64,
) -> Result<Vec<Leaf>, DatabaseError> {
    let rows = sqlx::query(
        "SELECT sequence, payload FROM log_entries WHERE sequence > $1 ORDER BY sequence LIMIT $2",
    )
    .bind(as_number(sequence))
    .bind(limit)
    .fetch_all(connection)
    .await?;
    (sequence + 1..)
        .zip(&rows)
        .map(|(expected, row)| {
            let leaf = Leaf { sequence: row.size("sequence")?, payload: row.text("payload")? };
            match leaf.sequence == expected {
                true => Ok(leaf),
                false => Err(corrupt("log_entries", format!("there is no entry {expected}"))),
            }
        })
        .collect()
}

/// The newest signed head.
pub async fn find_head(connection: &mut AnyConnection) -> Result<Option<HeadRow>, DatabaseError> {
    let row = sqlx::query("SELECT tree_size, root, checkpoint FROM log_head WHERE id = 1")
        .fetch_optional(connection)
        .await?;
    row.map(|row| {
        Ok(HeadRow {
            tree_size: row.size("tree_size")?,
            root: row.digest("root")?,
            checkpoint: row.text("checkpoint")?,
        })
    })
    .transpose()
}

/// Remembers the newest signed head.
pub async fn save_head(
    connection: &mut AnyConnection,
    head: &HeadRow,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    sqlx::query(
        "INSERT INTO log_head (id, tree_size, root, checkpoint, signed_at) VALUES (1, $1, $2, $3, $4) \
         ON CONFLICT (id) DO UPDATE SET tree_size = excluded.tree_size, root = excluded.root, \
             checkpoint = excluded.checkpoint, signed_at = excluded.signed_at",
    )
    .bind(as_number(head.tree_size))
    .bind(head.root.as_bytes().to_vec())
    .bind(&head.checkpoint)
    .bind(now.as_micros())
    .execute(connection)
    .await?;
    Ok(())
}

/// Makes this transaction the only writer of the tree until it ends; on SQLite the process is that already.
pub async fn lock_tree(connection: &mut AnyConnection, dialect: super::Dialect) -> Result<(), DatabaseError> {
    if let Some(statement) = dialect.lock_tree() {
        sqlx::query(statement).execute(connection).await?;
    }
    Ok(())
}

/// Makes this transaction the only sequencer until it ends.
pub async fn lock_sequencer(
    connection: &mut AnyConnection,
    dialect: super::Dialect,
) -> Result<(), DatabaseError> {
    if let Some(statement) = dialect.lock_sequencer() {
        sqlx::query(statement).execute(connection).await?;
    }
    Ok(())
}
