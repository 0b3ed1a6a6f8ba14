//! The database: the only room with SQL.
//!
//! One file per table family, one statement per function. SQL is written once, in the subset that SQLite and
//! Postgres share; what differs stands in [`dialect`]. Use cases own the transactions; no rule of the registry
//! belongs here.

pub mod accounts;
pub mod audit;
pub mod catalog;
pub mod dialect;
pub mod downloads;
mod error;
pub mod jobs;
pub mod keys;
pub mod log;
mod migrations;
pub mod namespaces;
pub mod new_release;
pub mod objections;
pub mod plugins;
pub mod profiles;
pub mod releases;
mod row;
mod statement;
pub mod tokens;
pub mod trust_documents;
pub mod verification_runs;

use std::sync::Arc;
use std::time::Duration;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyConnection, AnyPool, Executor, Transaction};

pub use dialect::Dialect;
pub use error::DatabaseError;
pub use migrations::{migrate, migrate_to, migration_count};

const READERS_SQLITE: u32 = 4;
const CONNECTIONS_POSTGRES: u32 = 16;

/// A migrated database: SQLite in one file, or Postgres.
#[derive(Clone)]
pub struct Database {
    inner: Arc<Inner>,
}

struct Inner {
    dialect: Dialect,
    readers: AnyPool,
    writers: AnyPool,
    /// The runtime that opens connections. A socket lives only as long as the runtime it was opened on, and the web
    /// server's worker threads have runtimes of their own, which end before the last publish is written.
    home: tokio::runtime::Handle,
}

impl Database {
    /// Connects to `sqlite:PATH` or `postgres://…` and applies every migration that is missing.
    pub async fn connect(url: &str) -> Result<Self, DatabaseError> {
        let database = Self::connect_without_migrating(url).await?;
        migrations::migrate(&database).await?;
        Ok(database)
    }

    /// Connects and leaves the schema as it is; for the tests of the migrations themselves.
    pub async fn connect_without_migrating(url: &str) -> Result<Self, DatabaseError> {
        sqlx::any::install_default_drivers();
        let dialect = Dialect::of_url(url)?;
        let (readers, writers) = match dialect {
            Dialect::Sqlite => {
                let url = if url.contains('?') { url.to_owned() } else { format!("{url}?mode=rwc") };
                // The writer comes first: it creates the file and turns on the write-ahead log.
                let writers = pool(&url, 1, dialect::SQLITE_WRITER_SETTINGS).await?;
                (pool(&url, READERS_SQLITE, dialect::SQLITE_READER_SETTINGS).await?, writers)
            }
            Dialect::Postgres => {
                let both = pool(url, CONNECTIONS_POSTGRES, dialect::POSTGRES_SETTINGS).await?;
                (both.clone(), both)
            }
        };
        Ok(Self {
            inner: Arc::new(Inner { dialect, readers, writers, home: tokio::runtime::Handle::current() }),
        })
    }

    /// Which database it is.
    pub fn dialect(&self) -> Dialect {
        self.inner.dialect
    }

    /// A connection to read with.
    pub async fn read(&self) -> Result<PoolConnection<Any>, DatabaseError> {
        if let Some(connection) = self.inner.readers.try_acquire() {
            return Ok(connection);
        }
        let readers = self.inner.readers.clone();
        Ok(self.at_home(async move { readers.acquire().await }).await?)
    }

    /// A transaction to write in; on SQLite the only one at a time. Dropped without `commit`, it is rolled back.
    pub async fn write(&self) -> Result<Transaction<'static, Any>, DatabaseError> {
        let begin = self.inner.dialect.begin_write();
        if let Some(transaction) = self.inner.writers.try_begin_with(begin).await? {
            return Ok(transaction);
        }
        let writers = self.inner.writers.clone();
        Ok(self.at_home(async move { writers.begin_with(begin).await }).await?)
    }

    /// Runs what may open a connection on the runtime that outlives all its users.
    async fn at_home<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, sqlx::Error>> + Send + 'static,
    ) -> Result<T, sqlx::Error> {
        self.inner.home.spawn(work).await.unwrap_or(Err(sqlx::Error::PoolClosed))
    }

    /// A writing connection outside a transaction, for migrations.
    pub(crate) async fn writer(&self) -> Result<PoolConnection<Any>, DatabaseError> {
        Ok(self.inner.writers.acquire().await?)
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), DatabaseError> {
        let mut connection = self.read().await?;
        (&mut *connection as &mut AnyConnection).execute("SELECT 1").await?;
        Ok(())
    }

    /// Closes every connection once it is idle.
    pub async fn close(&self) {
        self.inner.readers.close().await;
        self.inner.writers.close().await;
    }
}

async fn pool(url: &str, connections: u32, settings: &'static str) -> Result<AnyPool, DatabaseError> {
    let options: AnyConnectOptions = url.parse()?;
    let pool = AnyPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(Duration::from_secs(10))
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .after_connect(move |connection, _| {
            Box::pin(async move {
                for setting in settings.split(';').map(str::trim).filter(|setting| !setting.is_empty()) {
                    connection.execute(setting).await?;
                }
                Ok(())
            })
        })
        .connect_with(options)
        .await?;
    Ok(pool)
}

/// Refuses a write that changed another number of rows than it had to.
fn expect_rows(statement: &'static str, rows: u64, expected: u64) -> Result<(), DatabaseError> {
    if rows == expected { Ok(()) } else { Err(DatabaseError::UnexpectedRows { statement, rows }) }
}
