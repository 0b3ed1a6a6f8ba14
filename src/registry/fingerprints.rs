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

    /// Begins with these.
    pub(super) fn begin_with(&self, kept: Self) {
        *self.lock() = kept.0.into_inner().unwrap_or_else(PoisonError::into_inner);
    }

    /// As bytes, by name: for each plugin its name, how many lines it has, and the two hashes of each.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let known = self.lock();
        let mut plugins: Vec<_> = known.iter().collect();
        plugins.sort_unstable_by_key(|(plugin, _)| *plugin);
        let mut bytes = Vec::new();
        for (plugin, lines) in plugins {
            let name = plugin.to_string();
            bytes.extend_from_slice(&(name.len() as u64).to_le_bytes());
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(&(lines.len() as u64).to_le_bytes());
            for (version, line) in lines {
                bytes.extend_from_slice(&version.to_le_bytes());
                bytes.extend_from_slice(&line.to_le_bytes());
            }
        }
        bytes
    }

    /// The ones of these bytes, if they are whole.
    pub(super) fn from_bytes(mut bytes: &[u8]) -> Option<Self> {
        let mut known = HashMap::new();
        while !bytes.is_empty() {
            let length = usize::try_from(take_number(&mut bytes)?).ok()?;
            let (name, rest) = bytes.split_at_checked(length)?;
            bytes = rest;
            let name: PluginName = std::str::from_utf8(name).ok()?.parse().ok()?;
            let lines = (0..take_number(&mut bytes)?)
                .map(|_| Some((take_number(&mut bytes)?, take_number(&mut bytes)?)))
                .collect::<Option<Vec<_>>>()?;
            known.insert(name, lines);
        }
        Some(Self(Mutex::new(known)))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PluginName, Vec<(u64, u64)>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn take_number(bytes: &mut &[u8]) -> Option<u64> {
    let (number, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(u64::from_le_bytes(*number))
}

/// The hash of a line with every field: hashes that another program worked out differently are of no use.
pub(super) fn told_as() -> u64 {
    hash_of(&line(&sample_line()))
}

/// A line in which every field says something.
pub(super) fn sample_line() -> IndexRelease {
    serde_json::from_str(
        r#"{"version":"1.2.0-rc.1","digest":"sha256:0000000000000000000000000000000000000000000000000000000000000000",
            "size_bytes":1,"sequence":1,"published_at":"2026-01-01T00:00:00Z","profile":"a:host",
            "profile_version":"^1.0","extension_points":["tool"],"capabilities":{"network":{"reason":"r","hosts":["h"]}},
            "risk":"low","dependencies":{"a:b":"^1","a:c":{"version":"^1","optional":true}},"provides":{"a:d":"1.0.0"},
            "conflicts":{"a:e":"*"},"license":"MIT","singleton":true,"signer":"k","widening":true,"signer_revoked":true,
            "trust":"partner","verification":"passed","yanked":true,"deprecated":"d","quarantined":"q","taken_down":"t",
            "recalled":"r"}"#,
    )
    .expect("a line of the index")
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
