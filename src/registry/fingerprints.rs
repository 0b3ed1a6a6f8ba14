//! What the index files must be, as hashes: so a stale or torn file in the store is known without the database.
//!
//! The hashes tell accidents, not attacks; whoever can write into the store deceives no client, who checks the log.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::index_files::line;
use crate::domain::{IndexRelease, PluginName, Version};

/// The hashes of every line of every index file: by plugin, the hash of a version and the one of its line.
#[derive(Default)]
pub(super) struct Fingerprints(Mutex<HashMap<PluginName, Vec<(u64, u64)>>>);

impl Fingerprints {
    /// Takes in releases as they now stand.
    pub(super) fn apply(&self, lines: &BTreeMap<PluginName, Vec<IndexRelease>>) {
        let mut known = self.lock();
        for (plugin, lines) in lines {
            let of_plugin = known.entry(plugin.clone()).or_default();
            for release in lines {
                let (version, line) = (hash_of_version(&release.version), hash_of(&line(release)));
                match of_plugin.iter_mut().find(|(known, _)| *known == version) {
                    Some((_, known)) => *known = line,
                    None => of_plugin.push((version, line)),
                }
            }
        }
    }

    /// Whether the plugin has a release.
    pub(super) fn know(&self, plugin: &PluginName) -> bool {
        self.lock().contains_key(plugin)
    }

    /// Whether `file` holds exactly the lines of the plugin.
    pub(super) fn agree(&self, plugin: &PluginName, file: &[u8]) -> bool {
        let mut found: Vec<u64> = file.split_inclusive(|byte| *byte == b'\n').map(hash_of).collect();
        let known = self.lock();
        let Some(of_plugin) = known.get(plugin) else { return false };
        let mut wanted: Vec<u64> = of_plugin.iter().map(|(_, line)| *line).collect();
        found.sort_unstable();
        wanted.sort_unstable();
        found == wanted
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PluginName, Vec<(u64, u64)>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn hash_of(line: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(line);
    hasher.finish()
}

fn hash_of_version(version: &Version) -> u64 {
    let mut hasher = DefaultHasher::new();
    version.hash(&mut hasher);
    hasher.finish()
}
