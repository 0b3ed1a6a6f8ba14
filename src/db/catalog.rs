//! The catalog's list of plugins, narrowed by what its filters can say.

use sqlx::AnyConnection;

use super::DatabaseError;
use super::plugins::{PluginRecord, RECORD, escape_like, record};
use super::row::Columns;
use super::statement::StatementBuilder;
use crate::domain::{PluginName, Risk};

/// What the plugins of a list have in common; the default is all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PluginFilter {
    /// Each is in its name, description, keywords, categories or capability names.
    pub words: Vec<String>,
    /// The highest risk that may be; the inner `None`: pure computation only.
    pub risk_at_most: Option<Option<Risk>>,
    /// Whether its newest release must have passed its verification run.
    pub verified: bool,
    /// A capability its newest release declares.
    pub capability: Option<String>,
    /// The host profile it is made for.
    pub profile: Option<String>,
}

impl PluginFilter {
    /// Whether it asks for a text that no row can hold: Postgres keeps no NUL, and no name or word has one.
    fn asks_for_nul(&self) -> bool {
        let others = [&self.capability, &self.profile].into_iter().flatten();
        self.words.iter().chain(others).any(|text| text.contains('\0'))
    }
}

/// How the list is ordered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CatalogOrder {
    /// The name asked for, names that start so, then by downloads.
    #[default]
    Fit,
    /// Latest release first.
    Newest,
    /// By full name.
    Name,
}

/// A piece of the list: plugins with a release to show (recalled ones say so), as far as `limit`, from `offset` on.
pub async fn list(
    connection: &mut AnyConnection,
    filter: &PluginFilter,
    order: CatalogOrder,
    offset: i64,
    limit: i64,
) -> Result<Vec<PluginRecord>, DatabaseError> {
    if filter.asks_for_nul() {
        return Ok(Vec::new());
    }
    let mut query = StatementBuilder::new(RECORD);
    query.push(
        " WHERE r.yanked_at IS NULL AND r.signer_revoked = 0 AND r.quarantined IS NULL AND r.taken_down IS NULL",
    );
    push_filter(&mut query, filter);
    push_order(&mut query, order, filter.words.first().map(String::as_str));
    query.push(" LIMIT ").push_bind(limit).push(" OFFSET ").push_bind(offset);
    let rows = query.build().fetch_all(connection).await?;
    rows.iter().map(record).collect()
}

fn push_filter(query: &mut StatementBuilder, filter: &PluginFilter) {
    for word in &filter.words {
        query
            .push(" AND p.search_text LIKE ")
            .push_bind(format!("%{}%", escape_like(word)))
            .push(" ESCAPE '\\'");
    }
    match filter.risk_at_most {
        None | Some(Some(Risk::High)) => {}
        Some(None) => {
            query.push(" AND r.risk IS NULL");
        }
        Some(Some(Risk::Low)) => {
            query.push(" AND (r.risk IS NULL OR r.risk = 'low')");
        }
        Some(Some(Risk::Medium)) => {
            query.push(" AND (r.risk IS NULL OR r.risk IN ('low', 'medium'))");
        }
    }
    if filter.verified {
        query.push(" AND r.verification = 'passed'");
    }
    if let Some(capability) = &filter.capability {
        query
            .push(" AND EXISTS (SELECT 1 FROM release_capabilities c WHERE c.release_id = r.id AND c.capability = ")
            .push_bind(capability.clone())
            .push(")");
    }
    if let Some(profile) = &filter.profile {
        query.push(" AND r.profile_name = ").push_bind(profile.clone());
    }
}

fn push_order(query: &mut StatementBuilder, order: CatalogOrder, first_word: Option<&str>) {
    match (order, first_word) {
        (CatalogOrder::Newest, _) => {
            query.push(" ORDER BY p.updated_at DESC, p.id DESC");
        }
        (CatalogOrder::Name, _) => {
            query.push(" ORDER BY p.full_name");
        }
        (CatalogOrder::Fit, None) => {
            query.push(" ORDER BY p.downloads DESC, p.id DESC");
        }
        (CatalogOrder::Fit, Some(word)) => {
            query
                .push(" ORDER BY CASE WHEN p.name = ")
                .push_bind(word.to_owned())
                .push(" OR p.full_name = ")
                .push_bind(word.to_owned())
                .push(" THEN 0 WHEN p.name LIKE ")
                .push_bind(format!("{}%", escape_like(word)))
                .push(" ESCAPE '\\' THEN 1 ELSE 2 END, p.downloads DESC, p.full_name");
        }
    }
}

/// Plugins that may have been meant by a name that is not there: the same name elsewhere, or one with the
/// same beginning, in this namespace or any.
pub async fn near(
    connection: &mut AnyConnection,
    name: &PluginName,
    limit: i64,
) -> Result<Vec<PluginName>, DatabaseError> {
    let beginning: String = name.name().chars().take(2).collect();
    let rows = sqlx::query(
        "SELECT p.full_name FROM plugins p \
         JOIN namespaces n ON n.id = p.namespace_id \
         JOIN releases r ON r.id = p.newest_release_id \
         WHERE r.quarantined IS NULL AND r.taken_down IS NULL AND (p.name LIKE $1 OR n.name = $2) \
         ORDER BY p.downloads DESC, p.full_name LIMIT $3",
    )
    .bind(format!("{beginning}%"))
    .bind(name.namespace().as_str())
    .bind(limit)
    .fetch_all(connection)
    .await?;
    rows.iter().map(|row| row.parsed("full_name")).collect()
}
