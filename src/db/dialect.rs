//! The few places where SQLite and Postgres differ.

use super::DatabaseError;

/// Settings of the one SQLite connection that writes. `FULL`: a commit is on disk before it is acknowledged.
pub(super) const SQLITE_WRITER_SETTINGS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
     PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 10000; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16384; \
     PRAGMA wal_autocheckpoint = 4000";

/// Settings of the SQLite connections that read.
pub(super) const SQLITE_READER_SETTINGS: &str = "PRAGMA query_only = ON; PRAGMA busy_timeout = 10000; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -4096";

/// Settings of every Postgres connection: a lost client cannot hold locks for ever.
pub(super) const POSTGRES_SETTINGS: &str =
    "SET idle_in_transaction_session_timeout = '60s'; SET lock_timeout = '30s'";

/// Which database speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// SQLite, embedded.
    Sqlite,
    /// Postgres 15 or newer.
    Postgres,
}

impl Dialect {
    pub(super) fn of_url(url: &str) -> Result<Self, DatabaseError> {
        match url.split(':').next() {
            Some("sqlite") => Ok(Self::Sqlite),
            Some("postgres" | "postgresql") => Ok(Self::Postgres),
            _ => Err(DatabaseError::UnknownUrl),
        }
    }

    /// How a writing transaction starts: SQLite takes the write lock at once, so that no later statement finds it
    /// taken.
    pub(super) fn begin_write(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE",
            Self::Postgres => "BEGIN",
        }
    }
}

impl Dialect {
    /// Takes one due job: `$1` held until, `$2` and `$3` now. Postgres passes over rows another worker is taking.
    pub(super) fn take_job(self) -> &'static str {
        match self {
            Self::Sqlite => {
                "UPDATE jobs SET state = 'running', attempts = attempts + 1, locked_until = $1 WHERE id = ( \
                     SELECT id FROM jobs WHERE (state = 'queued' AND run_after <= $2) \
                         OR (state = 'running' AND locked_until < $3) \
                     ORDER BY run_after, id LIMIT 1) \
                 RETURNING id, kind, payload, attempts"
            }
            Self::Postgres => {
                "UPDATE jobs SET state = 'running', attempts = attempts + 1, locked_until = $1 WHERE id = ( \
                     SELECT id FROM jobs WHERE (state = 'queued' AND run_after <= $2) \
                         OR (state = 'running' AND locked_until < $3) \
                     ORDER BY run_after, id LIMIT 1 FOR UPDATE SKIP LOCKED) \
                 RETURNING id, kind, payload, attempts"
            }
        }
    }

    /// Finds the key `$2` of the namespace `$1` unless it is revoked, and keeps it so until the transaction ends.
    pub(super) fn hold_key(self) -> &'static str {
        match self {
            Self::Sqlite => {
                "SELECT counts_from, enrolled_at, endorsed_by FROM author_keys \
                 WHERE namespace_id = $1 AND key_id = $2 AND revoked_at IS NULL"
            }
            Self::Postgres => {
                "SELECT counts_from, enrolled_at, endorsed_by FROM author_keys \
                 WHERE namespace_id = $1 AND key_id = $2 AND revoked_at IS NULL FOR SHARE"
            }
        }
    }

    /// Makes the transaction the only sequencer until it ends. SQLite has one writer anyway.
    pub(super) fn lock_sequencer(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some("SELECT pg_advisory_xact_lock(7309940873257443)"),
        }
    }

    /// Makes the transaction the only writer of the tree until it ends. On SQLite the process is.
    pub(super) fn lock_tree(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some("SELECT pg_advisory_xact_lock(7309940873257444)"),
        }
    }
}
