//! What can go wrong in the database, with constraint names the same on both.

/// Why a statement failed.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The URL names no database we know.
    #[error("the database URL must start with sqlite: or postgres://")]
    UnknownUrl,
    /// A row with the same key is there already.
    #[error("the row breaks the unique constraint {constraint}")]
    Unique {
        /// Name of the constraint as the migrations give it.
        constraint: String,
    },
    /// A migration that was applied has changed since, or the schema is newer than this binary.
    #[error("the database schema does not fit this binary: {0}")]
    Schema(#[from] sqlx::migrate::MigrateError),
    /// A write changed another number of rows than it had to.
    #[error("{statement} changed {rows} rows")]
    UnexpectedRows {
        /// Which statement.
        statement: &'static str,
        /// How many rows.
        rows: u64,
    },
    /// A stored value cannot be read back.
    #[error("stored {what} cannot be read: {problem}")]
    Corrupt {
        /// Which value.
        what: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// Anything else: connection, disk, statement.
    #[error("database: {0}")]
    Sqlx(sqlx::Error),
}

impl DatabaseError {
    /// Whether it is a breach of the named unique constraint.
    pub fn is_unique(&self, name: &str) -> bool {
        matches!(self, Self::Unique { constraint } if constraint == name)
    }
}

impl From<sqlx::Error> for DatabaseError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(inner) if inner.is_unique_violation() => {
                let constraint = match inner.constraint() {
                    Some(name) => name.to_owned(),
                    None => constraint_of_columns(inner.message()),
                };
                Self::Unique { constraint }
            }
            _ => Self::Sqlx(error),
        }
    }
}

/// SQLite names the columns (`UNIQUE constraint failed: accounts.name`), Postgres the constraint.
fn constraint_of_columns(message: &str) -> String {
    let columns = message.rsplit(": ").next().unwrap_or_default();
    let constraint = match columns {
        "accounts.name" => "accounts_name_unique",
        "accounts.email" => "accounts_email_unique",
        "tokens.token_hash" => "tokens_token_hash_unique",
        "namespaces.name" => "namespaces_name_unique",
        "namespace_members.namespace_id, namespace_members.account_id" => "namespace_members_pk",
        "author_keys.namespace_id, author_keys.key_id" => "author_keys_namespace_key_unique",
        "host_profiles.name, host_profiles.version" => "host_profiles_name_version_unique",
        "plugins.namespace_id, plugins.name" => "plugins_namespace_name_unique",
        "plugins.full_name" => "plugins_full_name_unique",
        "releases.plugin_id, releases.version" => "releases_plugin_version_unique",
        "release_dependencies.release_id, release_dependencies.dependency" => "release_dependencies_pk",
        "release_capabilities.release_id, release_capabilities.capability" => "release_capabilities_pk",
        "release_imports.release_id, release_imports.position" => "release_imports_pk",
        "release_exports.release_id, release_exports.position" => "release_exports_pk",
        "log_entries.sequence" => "log_entries_pk",
        "log_head.id" => "log_head_pk",
        "trust_documents.version" => "trust_documents_pk",
        "key_approvals.author_key_id, key_approvals.account_id" => "key_approvals_pk",
        "download_counts.release_id, download_counts.day" => "download_counts_pk",
        other => other,
    };
    constraint.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `(table, constraint, columns)` of every unique constraint in the migrations.
    fn unique_constraints() -> Vec<(String, String, Vec<String>)> {
        let mut found = Vec::new();
        let mut table = String::new();
        for line in super::super::migrations::sqlite_migrations().flat_map(str::lines).map(str::trim) {
            if let Some(rest) = line.strip_prefix("CREATE TABLE ") {
                table = rest.trim_end_matches(" (").to_owned();
            }
            if let Some((name, rule)) = line.strip_prefix("CONSTRAINT ").and_then(|rest| rest.split_once(' '))
            {
                let columns = rule.split_once('(').unwrap().1.split_once(')').unwrap().0;
                let columns = columns.split(", ").map(str::to_owned).collect();
                found.push((table.clone(), name.to_owned(), columns));
            }
        }
        found
    }

    #[test]
    fn every_unique_constraint_of_sqlite_gets_its_name_back() {
        let constraints = unique_constraints();

        for (table, name, columns) in &constraints {
            let columns: Vec<_> = columns.iter().map(|column| format!("{table}.{column}")).collect();
            let message = format!("UNIQUE constraint failed: {}", columns.join(", "));
            assert_eq!(constraint_of_columns(&message), *name);
        }
        assert!(constraints.len() > 10);
    }
}
