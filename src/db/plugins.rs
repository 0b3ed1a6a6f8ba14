//! Plugins: the catalog's rows, lists and search.

use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::DatabaseError;
use super::releases::{risk_from_text, verification_from_text};
use super::row::Columns;
use super::statement::StatementBuilder;
use crate::domain::{Manifest, Objection, PluginName, Risk, Timestamp, VerificationState, Version};

/// A plugin with its newest release, as lists show it.
#[derive(Debug, Clone)]
pub struct PluginRecord {
    /// Row id.
    pub id: i64,
    /// Full name.
    pub name: PluginName,
    /// Version of the newest release.
    pub version: Version,
    /// Manifest of the newest release.
    pub manifest: Manifest,
    /// Its highest risk.
    pub risk: Option<Risk>,
    /// Where its verification stands.
    pub verification: VerificationState,
    /// Key id of its signer.
    pub key_id: String,
    /// Size of its package in bytes.
    pub size_bytes: u64,
    /// When it was published.
    pub published_at: Timestamp,
    /// Whether even the newest release is yanked.
    pub is_yanked: bool,
    /// Advice against it.
    pub deprecated: Option<String>,
    /// What the operator holds against it, the gravest first; only where no release is without.
    pub objection: Option<Objection>,
    /// Whether it needs more than the release before it.
    pub is_widening: bool,
    /// Downloads of all releases.
    pub downloads: u64,
}

pub(super) const RECORD: &str = "SELECT p.id, p.full_name, p.downloads, r.version, r.manifest, r.risk, r.verification, r.key_id, \
     r.size_bytes, r.published_at, CASE WHEN r.yanked_at IS NULL THEN 0 ELSE 1 END AS is_yanked, r.deprecated, \
     r.quarantined, r.taken_down, r.recalled, \
     CASE WHEN r.widening IS NULL THEN 0 ELSE 1 END AS is_widening \
     FROM plugins p JOIN releases r ON r.id = p.newest_release_id";

pub(super) fn record(row: &AnyRow) -> Result<PluginRecord, DatabaseError> {
    Ok(PluginRecord {
        id: row.number("id")?,
        name: row.parsed("full_name")?,
        version: row.parsed("version")?,
        manifest: row.json("manifest")?,
        risk: row.text_or_null("risk")?.map(|risk| risk_from_text(&risk)).transpose()?,
        verification: verification_from_text(&row.text("verification")?)?,
        key_id: row.text("key_id")?,
        size_bytes: row.size("size_bytes")?,
        published_at: row.time("published_at")?,
        is_yanked: row.flag("is_yanked")?,
        deprecated: row.text_or_null("deprecated")?,
        objection: Objection::gravest(
            &row.text_or_null("taken_down")?,
            &row.text_or_null("quarantined")?,
            &row.text_or_null("recalled")?,
        ),
        is_widening: row.flag("is_widening")?,
        downloads: row.size("downloads")?,
    })
}

/// The plugin's row id; it is created when it is not there.
pub async fn upsert(
    connection: &mut AnyConnection,
    namespace_id: i64,
    manifest: &Manifest,
    now: Timestamp,
) -> Result<i64, DatabaseError> {
    let name = &manifest.plugin.name;
    let row = sqlx::query(
        "INSERT INTO plugins (namespace_id, name, full_name, created_at, updated_at, search_text) \
         VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT (full_name) DO UPDATE SET updated_at = excluded.updated_at \
         RETURNING id",
    )
    .bind(namespace_id)
    .bind(name.name())
    .bind(name.to_string())
    .bind(now.as_micros())
    .bind(now.as_micros())
    .bind(search_text(manifest))
    .fetch_one(connection)
    .await?;
    row.number("id")
}

/// Points a plugin to its newest visible release and takes its search text from there.
///
/// Newest is the highest version that nobody withdrew and that is no pre-release; failing that, what there is:
/// yanked before recalled or signed by a key revoked since, before quarantined, before taken down.
pub async fn refresh_newest(connection: &mut AnyConnection, plugin_id: i64) -> Result<(), DatabaseError> {
    point_to_newest(connection, plugin_id).await?;
    let row =
        sqlx::query(statement(" WHERE p.id = $1")).bind(plugin_id).fetch_optional(&mut *connection).await?;
    match row.as_ref().map(record).transpose()? {
        Some(newest) => set_search_text(connection, plugin_id, &newest.manifest).await,
        None => Ok(()),
    }
}

/// The same after a release was inserted, whose manifest is at hand.
pub async fn refresh_newest_after(
    connection: &mut AnyConnection,
    plugin_id: i64,
    release_id: i64,
    manifest: &Manifest,
) -> Result<(), DatabaseError> {
    if point_to_newest(connection, plugin_id).await? == Some(release_id) {
        set_search_text(connection, plugin_id, manifest).await?;
    }
    Ok(())
}

/// The row id of the release it points to now.
async fn point_to_newest(
    connection: &mut AnyConnection,
    plugin_id: i64,
) -> Result<Option<i64>, DatabaseError> {
    let row = sqlx::query(
        "UPDATE plugins SET newest_release_id = ( \
             SELECT r.id FROM releases r WHERE r.plugin_id = $1 AND r.sequence IS NOT NULL \
             ORDER BY CASE WHEN r.taken_down IS NOT NULL THEN 4 WHEN r.quarantined IS NOT NULL THEN 3 \
                           WHEN r.recalled IS NOT NULL OR r.signer_revoked = 1 THEN 2 \
                           WHEN r.yanked_at IS NOT NULL THEN 1 ELSE 0 END, \
                      r.is_pre_release, r.version_key DESC LIMIT 1) \
         WHERE id = $2 RETURNING newest_release_id",
    )
    .bind(plugin_id)
    .bind(plugin_id)
    .fetch_optional(connection)
    .await?;
    row.map_or(Ok(None), |row| row.number_or_null("newest_release_id"))
}

/// Replaces the words a plugin is found by.
async fn set_search_text(
    connection: &mut AnyConnection,
    plugin_id: i64,
    manifest: &Manifest,
) -> Result<(), DatabaseError> {
    sqlx::query("UPDATE plugins SET search_text = $1 WHERE id = $2")
        .bind(search_text(manifest))
        .bind(plugin_id)
        .execute(connection)
        .await?;
    Ok(())
}

/// The plugin of this name, when it has a visible release.
pub async fn find(
    connection: &mut AnyConnection,
    name: &PluginName,
) -> Result<Option<PluginRecord>, DatabaseError> {
    let row = sqlx::query(statement(" WHERE p.full_name = $1"))
        .bind(name.to_string())
        .fetch_optional(connection)
        .await?;
    row.as_ref().map(record).transpose()
}

/// All plugins of a namespace that lists show.
pub async fn list_of_namespace(
    connection: &mut AnyConnection,
    namespace: &str,
    limit: i64,
) -> Result<Vec<PluginRecord>, DatabaseError> {
    let rows = sqlx::query(statement(
        " JOIN namespaces n ON n.id = p.namespace_id \
         WHERE n.name = $1 AND r.quarantined IS NULL AND r.taken_down IS NULL ORDER BY p.full_name LIMIT $2",
    ))
    .bind(namespace)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    rows.iter().map(record).collect()
}

/// Which of these plugins have a visible release.
pub async fn existing(
    connection: &mut AnyConnection,
    names: &[PluginName],
) -> Result<Vec<PluginName>, DatabaseError> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = StatementBuilder::new(
        "SELECT full_name FROM plugins WHERE newest_release_id IS NOT NULL AND full_name IN (",
    );
    let mut list = query.separated(", ");
    for name in names {
        list.push_bind(name.to_string());
    }
    query.push(")");
    let rows = query.build().fetch_all(connection).await?;
    rows.iter().map(|row| row.parsed("full_name")).collect()
}

/// How many plugins are visible.
pub async fn count(connection: &mut AnyConnection) -> Result<u64, DatabaseError> {
    let row = sqlx::query("SELECT COUNT(*) AS plugins FROM plugins WHERE newest_release_id IS NOT NULL")
        .fetch_one(connection)
        .await?;
    row.size("plugins")
}

fn statement(tail: &str) -> sqlx::AssertSqlSafe<String> {
    // Both halves are constants of this file; nothing a user sends gets here.
    sqlx::AssertSqlSafe(format!("{RECORD}{tail}"))
}

pub(super) fn escape_like(word: &str) -> String {
    let mut escaped = String::with_capacity(word.len());
    for character in word.to_lowercase().chars() {
        if matches!(character, '%' | '_' | '\\') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

fn search_text(manifest: &Manifest) -> String {
    let plugin = &manifest.plugin;
    let mut text = format!("{} {}", plugin.name, plugin.description);
    for word in plugin.keywords.iter().chain(&plugin.categories) {
        text.push(' ');
        text.push_str(word);
    }
    for capability in manifest.capabilities.keys() {
        text.push(' ');
        text.push_str(capability.as_str());
    }
    text.to_lowercase()
}
