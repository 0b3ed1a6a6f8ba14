//! Telling the log: a statement becomes an outbox row in the transaction of the change it tells of.

use sqlx::AnyConnection;

use crate::db::log::LogEntry;
use crate::db::{DatabaseError, log};
use crate::domain::{Refusal, Timestamp};
use crate::trust::{EntryError, LogStatement};

/// Why the log was not told.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// The entry would be too large for the log.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl Refusal for AppendError {
    fn code(&self) -> &'static str {
        match self {
            Self::Entry(error) => error.code(),
            Self::Database(_) => "internal",
        }
    }

    fn mend(&self) -> Option<String> {
        match self {
            Self::Entry(error) => error.mend(),
            Self::Database(_) => None,
        }
    }
}

/// A statement as the outbox and the log hold it. The payload is the leaf, byte for byte.
#[derive(Debug, Clone)]
pub struct EncodedStatement {
    kind: &'static str,
    subject: String,
    payload: String,
    at: Timestamp,
}

impl EncodedStatement {
    /// Encodes a statement, which takes a while for a publish: not in the committer.
    pub fn of(statement: &LogStatement) -> Result<Self, EntryError> {
        let payload = String::from_utf8(statement.to_bytes()?).expect("canonical JSON is text");
        let (kind, subject) = (statement.kind(), statement.subject.to_key());
        Ok(Self { kind, subject, payload, at: statement.at() })
    }

    /// The entry it is at its place in the log.
    pub(super) fn at(&self, sequence: u64) -> LogEntry {
        LogEntry {
            sequence,
            kind: self.kind.to_owned(),
            subject: self.subject.clone(),
            payload: self.payload.clone(),
            created_at: self.at,
        }
    }

    /// Appends it to the outbox.
    pub(super) async fn append(&self, connection: &mut AnyConnection) -> Result<(), DatabaseError> {
        log::append_to_outbox(connection, self.kind, &self.subject, &self.payload, self.at).await
    }
}

/// Appends a statement to the outbox.
pub(crate) async fn append_statement(
    connection: &mut AnyConnection,
    statement: &LogStatement,
) -> Result<(), AppendError> {
    Ok(EncodedStatement::of(statement)?.append(connection).await?)
}
