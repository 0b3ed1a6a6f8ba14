//! Each migration is applied over rows that the schema before it took.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic like tests")]

use std::collections::BTreeMap;
use std::path::Path;

use pluginry::db::{Database, Dialect, migrate_to, migration_count};
use sqlx::{AnyConnection, AssertSqlSafe, Executor as _};

use crate::harness::database::TestDatabase;

#[tokio::test]
async fn every_migration_keeps_the_rows_it_finds() {
    for number in 1..=migration_count() {
        let test = TestDatabase::new().await;
        let database = Database::connect_without_migrating(test.url()).await.unwrap();
        migrate_to(&database, number - 1).await.unwrap();
        let mut connection = test.raw_connection().await;
        for earlier in 1..number {
            connection.execute(AssertSqlSafe(sample_rows(earlier, test.dialect()))).await.unwrap();
        }
        let before = row_counts(&mut connection, test.dialect()).await;

        migrate_to(&database, number).await.unwrap();

        let after = row_counts(&mut connection, test.dialect()).await;
        for (table, rows) in before {
            assert!(rows > 0, "tests/migrations has no rows for {table}");
            assert_eq!(after.get(&table), Some(&rows), "migration {number} lost rows of {table}");
        }
    }
}

#[tokio::test]
async fn the_newest_schema_takes_the_sample_rows_of_every_table() {
    let test = TestDatabase::new().await;
    drop(test.connect().await);
    let mut connection = test.raw_connection().await;

    for number in 1..=migration_count() {
        connection.execute(AssertSqlSafe(sample_rows(number, test.dialect()))).await.unwrap();
    }

    for (table, rows) in row_counts(&mut connection, test.dialect()).await {
        assert!(rows > 0, "tests/migrations has no rows for {table}");
    }
}

/// `tests/migrations/NNNN.sql`: rows that fit the schema at that number; `~<hex>~` becomes a byte string.
fn sample_rows(number: i64, dialect: Dialect) -> String {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/migrations").join(format!("{number:04}.sql"));
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}; each migration needs sample rows", path.display()));
    match dialect {
        Dialect::Sqlite => text.replace("~<", "x'").replace(">~", "'"),
        Dialect::Postgres => text.replace("~<", "'\\x").replace(">~", "'::bytea"),
    }
}

async fn row_counts(connection: &mut AnyConnection, dialect: Dialect) -> BTreeMap<String, i64> {
    let tables: Vec<String> = sqlx::query_scalar(match dialect {
        Dialect::Sqlite => {
            "SELECT name FROM sqlite_schema
             WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '_sqlx_%'"
        }
        Dialect::Postgres => {
            "SELECT tablename::text FROM pg_tables
             WHERE schemaname = 'public' AND tablename NOT LIKE '\\_sqlx\\_%'"
        }
    })
    .fetch_all(&mut *connection)
    .await
    .unwrap();
    let mut counts = BTreeMap::new();
    for table in tables {
        let count = AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}"));
        counts.insert(table, sqlx::query_scalar(count).fetch_one(&mut *connection).await.unwrap());
    }
    counts
}
