//! Index files: one JSON line a release, kept in memory (bounded by bytes) in front of the object store.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use moka::sync::Cache;

use crate::domain::{Digest, IndexRelease, PluginName, Version};
use crate::kill_points;
use crate::storage::{Storage, StorageError};

/// What an entry weighs beside its bytes.
const ENTRY_OVERHEAD_BYTES: usize = 256;

/// An index file as it is served.
#[derive(Debug, Clone)]
pub struct IndexFile {
    /// The lines.
    pub bytes: Bytes,
    /// Strong entity tag, quotes included.
    pub etag: Bytes,
}

impl IndexFile {
    /// The file with these bytes.
    pub fn new(bytes: Bytes) -> Self {
        let digest = Digest::of(&bytes).to_hex();
        Self { etag: Bytes::from(format!("\"{}\"", &digest[..32])), bytes }
    }

    /// The file with these releases, oldest first.
    pub fn of_releases(releases: &[IndexRelease]) -> Self {
        let mut bytes = Vec::new();
        for release in releases {
            bytes.extend_from_slice(&line(release));
        }
        Self::new(bytes.into())
    }

    /// The same file with the line of `release` replaced, or added at the end.
    #[must_use]
    pub fn with(&self, release: &IndexRelease) -> Self {
        let start = line_start(&release.version);
        let mut bytes = BytesMut::with_capacity(self.bytes.len() + 512);
        let mut is_replaced = false;
        for old in self.bytes.split_inclusive(|byte| *byte == b'\n') {
            if old.starts_with(start.as_bytes()) {
                bytes.extend_from_slice(&line(release));
                is_replaced = true;
            } else {
                bytes.extend_from_slice(old);
            }
        }
        if !is_replaced {
            bytes.extend_from_slice(&line(release));
        }
        Self::new(bytes.freeze())
    }

    /// The release of this version.
    pub fn release(&self, version: &Version) -> Result<Option<IndexRelease>, serde_json::Error> {
        let start = line_start(version);
        let mut lines = self.bytes.split(|byte| *byte == b'\n');
        lines.find(|line| line.starts_with(start.as_bytes())).map(serde_json::from_slice).transpose()
    }

    /// The releases of the lines.
    pub fn releases(&self) -> Result<Vec<IndexRelease>, serde_json::Error> {
        self.bytes
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(serde_json::from_slice)
            .collect()
    }
}

/// The line of a release, with the line break.
pub(super) fn line(release: &IndexRelease) -> Vec<u8> {
    let mut line = serde_json::to_vec(release).expect("a release is plain data");
    line.push(b'\n');
    line
}

/// How the line of a version begins: `version` is the first field of [`IndexRelease`].
fn line_start(version: &Version) -> String {
    format!("{{\"version\":\"{version}\",")
}

/// The cache and the object store behind it.
pub(super) struct IndexFiles {
    cache: Cache<Arc<str>, IndexFile>,
    storage: Storage,
    unchecked: Mutex<BTreeSet<PluginName>>,
}

impl IndexFiles {
    pub(super) fn new(storage: Storage, cache_bytes: u64) -> Self {
        let cache = Cache::builder()
            .weigher(|key: &Arc<str>, file: &IndexFile| {
                u32::try_from(key.len() + file.bytes.len() + ENTRY_OVERHEAD_BYTES).unwrap_or(u32::MAX)
            })
            .max_capacity(cache_bytes)
            .build();
        Self { cache, storage, unchecked: Mutex::default() }
    }

    /// The file of the plugin at `path` (`namespace/name`) if it is in memory: the hot path.
    pub(super) fn cached(&self, path: &str) -> Option<IndexFile> {
        self.cache.get(path)
    }

    /// The file of a plugin as the object store has it.
    pub(super) async fn fetch(&self, plugin: &PluginName) -> Result<Option<IndexFile>, StorageError> {
        Ok(self.storage.get_index(plugin).await?.map(IndexFile::new))
    }

    /// Keeps the file of a plugin in memory.
    pub(super) fn keep(&self, plugin: &PluginName, file: IndexFile) {
        self.cache.insert(plugin.path().into(), file);
    }

    /// Writes the file of a plugin to the object store, then to memory.
    pub(super) async fn write(&self, plugin: &PluginName, file: IndexFile) -> Result<(), StorageError> {
        kill_points::pass("index-before-write");
        self.storage.put_index(plugin, file.bytes.clone()).await?;
        kill_points::pass("index-after-write");
        if !self.storage.is_directory() {
            self.unchecked.lock().unwrap_or_else(PoisonError::into_inner).insert(plugin.clone());
        }
        self.keep(plugin, file);
        Ok(())
    }

    /// The plugins whose file was put into a bucket since the last time.
    pub(super) fn take_unchecked(&self) -> BTreeSet<PluginName> {
        std::mem::take(&mut *self.unchecked.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Forgets the file of a plugin that another replica rewrote.
    pub(super) fn forget(&self, plugin: &PluginName) {
        self.cache.invalidate(plugin.path().as_str());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Timestamp, VerificationState};

    fn release(version: &str, yanked: bool) -> IndexRelease {
        IndexRelease {
            version: version.parse().unwrap(),
            digest: Digest::of(b"x"),
            size_bytes: 1,
            sequence: 1,
            published_at: Timestamp::from_micros(0),
            profile: "acme:host".parse().unwrap(),
            profile_version: "^1".parse().unwrap(),
            extension_points: Vec::new(),
            capabilities: Default::default(),
            risk: None,
            dependencies: Default::default(),
            provides: Default::default(),
            conflicts: Default::default(),
            license: "MIT".into(),
            singleton: false,
            signer: "k".into(),
            widening: false,
            signer_revoked: false,
            trust: crate::domain::TrustLevel::default(),
            verification: VerificationState::Pending,
            yanked,
            deprecated: None,
            quarantined: None,
            taken_down: None,
            recalled: None,
        }
    }

    #[test]
    fn a_changed_release_replaces_its_own_line_and_no_other() {
        let file = IndexFile::of_releases(&[release("1.0.0", false), release("1.0.0-rc.1", false)]);

        let changed = file.with(&release("1.0.0", true)).with(&release("1.0.1", false));

        let expected = [release("1.0.0", true), release("1.0.0-rc.1", false), release("1.0.1", false)];
        assert_eq!(changed.releases().unwrap(), expected);
        assert_ne!(changed.etag, file.etag);
    }
}
