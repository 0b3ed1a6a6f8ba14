//! Showing what the log holds: index files first, then the projections in memory.

use std::collections::BTreeMap;

use futures::StreamExt as _;

use super::Registry;
use super::follow::IndexError;
use super::index_files::IndexFile;
use crate::db::{DatabaseError, Dialect};
use crate::domain::{IndexRelease, PluginName};
use crate::kill_points;

/// How many index files are written at once.
const INDEX_WRITES_AT_ONCE: usize = 8;

/// Releases as they now stand, by plugin, in the order of their changes.
pub(super) type Lines = BTreeMap<PluginName, Vec<IndexRelease>>;

/// Why a plugin's index file is not written, by plugin. It stays owed.
pub(super) type Unwritten = BTreeMap<PluginName, String>;

/// Writes the index files of the plugins that changed and takes the changes into the projections; `last` is the last
/// place of the log they come from.
pub(super) async fn show_changes(
    registry: &Registry,
    lines: &Lines,
    last: u64,
) -> Result<Unwritten, DatabaseError> {
    let shown = futures::stream::iter(lines.clone())
        .map(|(plugin, lines)| show_plugin(registry.clone(), plugin, lines))
        .buffer_unordered(INDEX_WRITES_AT_ONCE)
        .collect::<Vec<_>>()
        .await;
    let mut unwritten = Unwritten::new();
    for (plugin, outcome) in shown {
        if let Err(error) = outcome {
            registry.shared.index_files.forget(&plugin);
            registry.shared.index_debt.owe(&plugin);
            unwritten.insert(plugin, error.to_string());
        }
    }
    kill_points::pass("show-before-projections");
    if registry.database().dialect() == Dialect::Postgres {
        registry.follow_log().await?;
    } else {
        registry.shared.projections.apply(lines, last);
    }
    Ok(unwritten)
}

async fn show_plugin(
    registry: Registry,
    plugin: PluginName,
    lines: Vec<IndexRelease>,
) -> (PluginName, Result<(), IndexError>) {
    let shown = async {
        if registry.database().dialect() == Dialect::Postgres {
            return registry.rewrite_index_file(&plugin).await;
        }
        let mut file = registry.index_file(&plugin).await?.unwrap_or_else(|| IndexFile::of_releases(&[]));
        for line in &lines {
            file = file.with(line);
        }
        Ok(registry.shared.index_files.write(&plugin, file).await?)
    };
    let outcome = shown.await;
    (plugin, outcome)
}
