//! Finding plugins: the list behind the search page and the front page.

use super::Registry;
use crate::db::DatabaseError;
use crate::db::catalog::{self, CatalogOrder, PluginFilter};
use crate::db::plugins::{self, PluginRecord};
use crate::db::releases;
use crate::domain::PluginName;

/// How far into a list one may page; behind it, better words help more.
const OFFSET_MAX: i64 = 10_000;

/// What is looked for.
#[derive(Debug, Clone, Default)]
pub struct CatalogSearch {
    /// What the plugins have in common.
    pub filter: PluginFilter,
    /// How they are ordered.
    pub order: CatalogOrder,
    /// How many come before this page.
    pub offset: i64,
    /// How many the page holds.
    pub limit: i64,
}

/// One page of what was found.
#[derive(Debug, Clone)]
pub struct CatalogPage {
    /// The plugins.
    pub plugins: Vec<PluginRecord>,
    /// Where the next page starts, if there is one.
    pub next_offset: Option<i64>,
}

/// The catalog's front page.
#[derive(Debug, Clone)]
pub struct CatalogFront {
    /// How many plugins there are.
    pub plugins: u64,
    /// How many releases.
    pub releases: u64,
    /// The newest.
    pub newest: Vec<PluginRecord>,
    /// The newest that passed their verification run.
    pub verified: Vec<PluginRecord>,
}

/// One page of the plugins that `search` asks for.
pub async fn search_catalog(
    registry: &Registry,
    search: &CatalogSearch,
) -> Result<CatalogPage, DatabaseError> {
    let offset = search.offset.clamp(0, OFFSET_MAX);
    let mut connection = registry.database().read().await?;

    let mut plugins =
        catalog::list(&mut connection, &search.filter, search.order, offset, search.limit + 1).await?;

    let limit = usize::try_from(search.limit).unwrap_or_default();
    let has_more = plugins.len() > limit && offset + search.limit <= OFFSET_MAX;
    plugins.truncate(limit);
    Ok(CatalogPage { plugins, next_offset: has_more.then_some(offset + search.limit) })
}

/// What the front page tells, `count` plugins a list.
pub async fn show_front(registry: &Registry, count: i64) -> Result<CatalogFront, DatabaseError> {
    let mut connection = registry.database().read().await?;
    let verified = PluginFilter { verified: true, ..PluginFilter::default() };
    Ok(CatalogFront {
        plugins: plugins::count(&mut connection).await?,
        releases: releases::count(&mut connection).await?,
        newest: catalog::list(&mut connection, &PluginFilter::default(), CatalogOrder::Newest, 0, count)
            .await?,
        verified: catalog::list(&mut connection, &verified, CatalogOrder::Newest, 0, count).await?,
    })
}

/// At most three plugins whose names are near one that is not there.
pub async fn nearest_plugins(
    registry: &Registry,
    name: &PluginName,
) -> Result<Vec<PluginName>, DatabaseError> {
    let mut connection = registry.database().read().await?;
    let wanted = name.to_string();
    let mut near: Vec<_> = catalog::near(&mut connection, name, 200)
        .await?
        .into_iter()
        .map(|found| {
            let distance = strsim::damerau_levenshtein(&found.to_string(), &wanted)
                .min(strsim::damerau_levenshtein(found.name(), name.name()));
            (distance, found)
        })
        .filter(|(distance, _)| *distance <= name.name().len() / 3 + 1)
        .collect();
    near.sort();
    Ok(near.into_iter().take(3).map(|(_, found)| found).collect())
}
