//! Both databases have the same schema: tables, columns, classes of types, constraints, indexes.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic like tests")]

use std::collections::BTreeSet;
use std::sync::Once;

use pluginry::db::Database;
use sqlx::AnyConnection;

use crate::harness::database::{POSTGRES_VARIABLE, TestDatabase};
use crate::harness::{say_once, variable};

static LEFT_OUT: Once = Once::new();

#[tokio::test]
async fn sqlite_and_postgres_have_the_same_schema() {
    let Some(server) = variable(POSTGRES_VARIABLE) else {
        return say_once(&LEFT_OUT, "the comparison of both schemas needs Postgres; tests/run does it");
    };
    let sqlite = TestDatabase::sqlite();
    let postgres = TestDatabase::postgres(&server).await;
    drop((sqlite.connect().await, postgres.connect().await));

    let on_sqlite = sqlite_schema(&mut sqlite.raw_connection().await).await;
    let on_postgres = postgres_schema(&mut postgres.raw_connection().await).await;

    let only_sqlite: Vec<_> = on_sqlite.difference(&on_postgres).collect();
    let only_postgres: Vec<_> = on_postgres.difference(&on_sqlite).collect();
    assert!(
        only_sqlite.is_empty() && only_postgres.is_empty(),
        "only on SQLite: {only_sqlite:#?}\nonly on Postgres: {only_postgres:#?}"
    );
    assert!(on_sqlite.len() > 100, "too little was compared: {on_sqlite:#?}");
}

#[tokio::test]
async fn every_unique_constraint_is_named_alike_in_errors() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;

    let mut transaction = database.write().await.unwrap();
    let name = "acme".parse().unwrap();
    let now = pluginry::domain::Timestamp::from_micros(1);
    pluginry::db::namespaces::insert(&mut transaction, &name, now).await.unwrap();
    let error = pluginry::db::namespaces::insert(&mut transaction, &name, now).await.unwrap_err();

    assert!(error.is_unique("namespaces_name_unique"), "{error:?}");
}

#[tokio::test]
async fn a_changed_or_newer_schema_is_refused() {
    let test = TestDatabase::new().await;
    drop(test.connect().await);

    let mut connection = test.raw_connection().await;
    sqlx::query("UPDATE _sqlx_migrations SET version = 9999 WHERE version = 1")
        .execute(&mut connection)
        .await
        .unwrap();
    let newer = Database::connect(test.url()).await.err().unwrap();
    sqlx::query("UPDATE _sqlx_migrations SET version = 1, checksum = $1 WHERE version = 9999")
        .bind(vec![0_u8; 48])
        .execute(&mut connection)
        .await
        .unwrap();
    let changed = Database::connect(test.url()).await.err().unwrap();

    assert!(newer.to_string().contains("9999"), "{newer}");
    assert!(changed.to_string().contains("migration 1 was previously applied"), "{changed}");
}

#[tokio::test]
async fn several_servers_may_start_on_an_empty_database_at_once() {
    let test = TestDatabase::new().await;

    let started = futures::future::join_all((0..4).map(|_| Database::connect(test.url()))).await;

    for database in started {
        database.unwrap().ping().await.unwrap();
    }
}

async fn sqlite_schema(connection: &mut AnyConnection) -> BTreeSet<String> {
    let mut facts = BTreeSet::new();
    let columns: Vec<(String, String, String, i64, i64, Option<String>)> = sqlx::query_as(
        "SELECT t.name, c.name, c.type, c.\"notnull\", c.pk, c.dflt_value
         FROM sqlite_schema t, pragma_table_info(t.name) c
         WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' AND t.name NOT LIKE '_sqlx_%'",
    )
    .fetch_all(&mut *connection)
    .await
    .unwrap();
    for (table, column, ty, not_null, key, default) in columns {
        let is_null = not_null == 0 && key == 0;
        facts.insert(column_fact(&table, &column, &ty, is_null, default.as_deref()));
    }
    let tables: Vec<(String, String)> = sqlx::query_as(
        "SELECT name, sql FROM sqlite_schema
         WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '_sqlx_%'",
    )
    .fetch_all(&mut *connection)
    .await
    .unwrap();
    for (table, sql) in tables {
        for line in sql.lines().map(|line| line.trim().trim_end_matches(',')) {
            if let Some(constraint) = line.strip_prefix("CONSTRAINT ") {
                facts.insert(format!("constraint {table}: {constraint}"));
            } else if line.contains("PRIMARY KEY") {
                let column = line.split(' ').next().unwrap();
                facts.insert(format!("constraint {table}: {table}_pkey PRIMARY KEY ({column})"));
            }
        }
    }
    let references: Vec<(String, String, String, String)> = sqlx::query_as(
        "SELECT t.name, f.\"from\", f.\"table\", f.\"to\"
         FROM sqlite_schema t, pragma_foreign_key_list(t.name) f
         WHERE t.type = 'table'",
    )
    .fetch_all(&mut *connection)
    .await
    .unwrap();
    for (table, from, target, to) in references {
        facts.insert(format!("reference {table}: FOREIGN KEY ({from}) REFERENCES {target}({to})"));
    }
    let indexes: Vec<String> =
        sqlx::query_scalar("SELECT sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL")
            .fetch_all(&mut *connection)
            .await
            .unwrap();
    facts.extend(indexes.iter().map(|sql| index_fact(sql)));
    facts
}

async fn postgres_schema(connection: &mut AnyConnection) -> BTreeSet<String> {
    let mut facts = BTreeSet::new();
    let columns: Vec<(String, String, String, String, Option<String>)> = sqlx::query_as(
        "SELECT table_name::text, column_name::text, data_type::text, is_nullable::text, column_default::text
         FROM information_schema.columns
         WHERE table_schema = 'public' AND table_name NOT LIKE '\\_sqlx\\_%'",
    )
    .fetch_all(&mut *connection)
    .await
    .unwrap();
    for (table, column, ty, nullable, default) in columns {
        facts.insert(column_fact(&table, &column, &ty, nullable == "YES", default.as_deref()));
    }
    let constraints: Vec<(String, String, String, String)> = sqlx::query_as(
        "SELECT t.relname::text, c.conname::text, c.contype::text, pg_get_constraintdef(c.oid)::text
         FROM pg_constraint c
         JOIN pg_class t ON t.oid = c.conrelid
         WHERE c.connamespace = 'public'::regnamespace AND t.relname NOT LIKE '\\_sqlx\\_%'",
    )
    .fetch_all(&mut *connection)
    .await
    .unwrap();
    for (table, name, kind, definition) in constraints {
        facts.insert(match kind.as_str() {
            "f" => format!("reference {table}: {definition}"),
            // Postgres quotes names that are also words of SQL, such as "position".
            _ => format!("constraint {table}: {name} {}", definition.replace('"', "")),
        });
    }
    let indexes: Vec<String> = sqlx::query_scalar(
        "SELECT indexdef::text
         FROM pg_indexes
         WHERE schemaname = 'public' AND tablename NOT LIKE '\\_sqlx\\_%'
           AND indexname NOT IN (SELECT conname FROM pg_constraint)",
    )
    .fetch_all(&mut *connection)
    .await
    .unwrap();
    facts.extend(indexes.iter().map(|sql| index_fact(sql)));
    facts
}

fn column_fact(table: &str, column: &str, ty: &str, is_null: bool, default: Option<&str>) -> String {
    let class = match ty.to_lowercase().as_str() {
        "integer" | "bigint" => "number",
        "text" => "text",
        "blob" | "bytea" => "bytes",
        other => panic!("{table}.{column} has the type {other}, which is not one of the shared subset"),
    };
    let null = if is_null { "or null" } else { "not null" };
    let default = default.map(|text| text.split("::").next().unwrap()).unwrap_or("none");
    format!("column {table}.{column}: {class} {null}, default {default}")
}

/// `CREATE INDEX name ON table (columns)` in one form for both.
fn index_fact(sql: &str) -> String {
    let words: Vec<&str> = sql.split_whitespace().collect();
    words.join(" ").replace("public.", "").replace("USING btree ", "").replace('"', "")
}
