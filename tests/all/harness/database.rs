//! A fresh database for a test: SQLite, or Postgres when `tests/run` gives the address of one.

use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

use pluginry::db::{Database, Dialect};
use sqlx::{AnyConnection, Connection as _, Executor as _};
use tempfile::TempDir;

use super::{say_once, variable};

/// Address of a Postgres server whose user may create databases.
pub const POSTGRES_VARIABLE: &str = "PLUGINRY_TEST_DATABASE_URL";

static POSTGRES_LEFT_OUT: Once = Once::new();
static NUMBER: AtomicU32 = AtomicU32::new(0);

/// A database of one test alone. `tests/run` throws the Postgres server away afterwards.
pub struct TestDatabase {
    url: String,
    dialect: Dialect,
    _folder: Option<TempDir>,
}

impl TestDatabase {
    /// An empty database of the kind this run is for.
    pub async fn new() -> Self {
        match variable(POSTGRES_VARIABLE) {
            Some(server) => Self::postgres(&server).await,
            None => {
                say_once(
                    &POSTGRES_LEFT_OUT,
                    "the tests run on SQLite alone; tests/run runs them on Postgres too",
                );
                Self::sqlite()
            }
        }
    }

    /// An empty SQLite file.
    pub fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let url = format!("sqlite:{}", folder.path().join("registry.db").display());
        Self { url, dialect: Dialect::Sqlite, _folder: Some(folder) }
    }

    /// An empty database on this Postgres server.
    pub async fn postgres(server: &str) -> Self {
        Self::postgres_like(server, "template0").await
    }

    async fn postgres_like(server: &str, template: &str) -> Self {
        sqlx::any::install_default_drivers();
        let name = format!("test_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let mut connection = AnyConnection::connect(server).await.expect("the Postgres server answers");
        let create = sqlx::AssertSqlSafe(format!("CREATE DATABASE {name} TEMPLATE {template}"));
        connection.execute(create).await.expect("the user may create databases");
        connection.close().await.expect("the connection closes");
        let mut url = url::Url::parse(server).expect("an address");
        url.set_path(&name);
        Self { url: url.into(), dialect: Dialect::Postgres, _folder: None }
    }

    /// A database of its own with the same rows. Nobody may be connected to this one.
    pub async fn copy(&self) -> Self {
        match self.dialect {
            Dialect::Sqlite => {
                let copy = Self::sqlite();
                for end in ["", "-wal"] {
                    let path = |url: &str| format!("{}{end}", url.trim_start_matches("sqlite:"));
                    if std::fs::exists(path(&self.url)).expect("a database's folder") {
                        std::fs::copy(path(&self.url), path(&copy.url)).expect("a file is copied");
                    }
                }
                copy
            }
            Dialect::Postgres => {
                let mut server = url::Url::parse(&self.url).expect("an address");
                let template = server.path().trim_start_matches('/').to_owned();
                server.set_path("postgres");
                Self::postgres_like(server.as_str(), &template).await
            }
        }
    }

    /// The same database for another process; SQLite has only one.
    pub fn shared(&self) -> Option<Self> {
        let shared = || Self { url: self.url.clone(), dialect: self.dialect, _folder: None };
        (self.dialect == Dialect::Postgres).then(shared)
    }

    /// Its address, for `Database::connect` and for the server's configuration.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Which database it is.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Opens it with the whole schema.
    pub async fn connect(&self) -> Database {
        Database::connect(&self.url).await.expect("a fresh database is migrated")
    }

    /// A plain connection past the pools and rules of the server.
    pub async fn raw_connection(&self) -> AnyConnection {
        sqlx::any::install_default_drivers();
        AnyConnection::connect(&self.url).await.expect("the database opens")
    }
}
