//! The migrations, embedded in the binary. Forward only; an applied one never changes.

use std::borrow::Cow;

use sqlx::SqlSafeStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};

use super::{Database, DatabaseError, Dialect};

macro_rules! migrations {
    ($($number:literal $file:literal),* $(,)?) => {
        const MIGRATIONS: &[(i64, &str, &str, &str)] = &[$((
            $number,
            $file,
            include_str!(concat!("../../migrations/sqlite/", $file, ".sql")),
            include_str!(concat!("../../migrations/postgres/", $file, ".sql")),
        )),*];
    };
}

migrations! {
    1 "0001_accounts",
    2 "0002_releases",
    3 "0003_log_and_jobs",
    4 "0004_trust",
    5 "0005_key_life",
    6 "0006_namespace_trust",
}

/// How many migrations this binary carries.
pub fn migration_count() -> i64 {
    i64::try_from(MIGRATIONS.len()).expect("a handful of migrations")
}

/// Applies every migration that is missing. Several processes may do so at once.
pub async fn migrate(database: &Database) -> Result<(), DatabaseError> {
    run(database, None).await
}

/// Applies the migrations up to `target`; for the test that each is applied over rows.
pub async fn migrate_to(database: &Database, target: i64) -> Result<(), DatabaseError> {
    run(database, Some(target)).await
}

async fn run(database: &Database, target: Option<i64>) -> Result<(), DatabaseError> {
    let migrator = migrator(database.dialect());
    match database.dialect() {
        // The migrator locks nothing on SQLite: the write lock keeps a second process waiting.
        Dialect::Sqlite => {
            let mut transaction = database.write().await?;
            migrator.run_direct(target, &mut *transaction, false).await?;
            transaction.commit().await?;
        }
        // It holds an advisory lock on Postgres, outside the transaction of each migration.
        Dialect::Postgres => {
            let mut connection = database.writer().await?;
            migrator.run_direct(target, &mut *connection, false).await?;
        }
    }
    Ok(())
}

fn migrator(dialect: Dialect) -> Migrator {
    let migrations = MIGRATIONS
        .iter()
        .map(|(number, name, sqlite, postgres)| {
            let sql = match dialect {
                Dialect::Sqlite => *sqlite,
                Dialect::Postgres => *postgres,
            };
            Migration::new(*number, Cow::Borrowed(*name), MigrationType::Simple, sql.into_sql_str(), false)
        })
        .collect();
    Migrator::with_migrations(migrations)
}

/// The texts for SQLite.
#[cfg(test)]
pub(super) fn sqlite_migrations() -> impl Iterator<Item = &'static str> {
    MIGRATIONS.iter().map(|(_, _, sqlite, _)| *sqlite)
}
