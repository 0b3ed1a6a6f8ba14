//! Plugins, their author, a registry and a host, made in memory.

use super::{Answer, TestRegistry};
use crate::client::{Client, ClientError, Contact, FetchOptions, Fetched};
use crate::domain::{Requirement, Timestamp};
use crate::log::TilePath;
use crate::resolver::{Lock, LockedRelease};
use crate::signing::SecretKey;
use crate::trust::LockBundle;
use crate::trust::testing::{TestLog, TestPackage, author, profile};

/// A plugin: its package and how a lock pins it.
pub(super) struct TestPlugin {
    pub(super) package: TestPackage,
    pub(super) locked: LockedRelease,
}

impl TestPlugin {
    pub(super) fn new(name: &str, module: &str, capabilities: &str) -> Self {
        let package = TestPackage::new(name, module, capabilities);
        let digest = package.digest();
        let locked = serde_json::from_value(serde_json::json!({
            "name": name, "version": "0.1.0", "digest": digest, "size_bytes": package.bytes.len(),
            "url": format!("/blobs/sha256/{}", digest.to_hex()), "signer": author().public_key().id(),
            "verification": "passed", "load_level": 0, "capabilities": package.manifest.capabilities,
        }))
        .unwrap();
        Self { package, locked }
    }

    pub(super) fn serve_package(&self, registry: &TestRegistry, bytes: &[u8]) {
        registry.set(&self.locked.url, Answer::bytes(bytes));
    }
}

/// A host with an empty folder, a registry with a log, and a lock.
pub(super) struct World {
    pub(super) registry: TestRegistry,
    pub(super) log: TestLog,
    pub(super) folder: tempfile::TempDir,
    pub(super) lock: Lock,
    pub(super) options: FetchOptions,
    pub(super) client: Client,
}

impl World {
    /// A host of the test profile that grants what the JSON says; every plugin was released and passed, and is
    /// served honestly.
    pub(super) fn granting(grants: &str, plugins: &[&TestPlugin]) -> Self {
        let host = format!(r#"{{"profile":"test:host","version":"1.0.0","grants":{grants}}}"#);
        let mut log = TestLog::new();
        for plugin in plugins {
            log.release(&plugin.package);
        }
        let registry = TestRegistry::start();
        let lock = Lock {
            sequence: log.entries.len() as u64,
            checkpoint: Some(log.note()),
            host: Some(serde_json::from_str(&host).unwrap()),
            roots: plugins.iter().map(|plugin| (plugin.locked.name.clone(), Requirement::any())).collect(),
            releases: plugins.iter().map(|plugin| plugin.locked.clone()).collect(),
            ..Lock::default()
        };
        let client = Client::new(&registry.url()).unwrap();
        let options = FetchOptions { profiles: vec![profile()], ..FetchOptions::default() };
        let folder = tempfile::tempdir().unwrap();
        let world = Self { registry, log, folder, lock, options, client };
        for plugin in plugins {
            plugin.serve_package(&world.registry, &plugin.package.bytes);
        }
        world.serve_log();
        world.serve_bundle(&world.honest_bundle(plugins));
        world
    }

    /// Serves keys, log and recall feed as they are now.
    pub(super) fn serve_log(&self) {
        let registry = &self.registry;
        registry.set("/api/v1/trust", Answer::json(&self.log.chain()));
        registry.set("/api/v1/recalls", Answer::json(&self.log.signed_feed()));
        registry.set("/log/checkpoint", Answer::bytes(self.log.note()));
        for (path, bytes) in self.log.tree().0 {
            if let TilePath::Hashes(tile) = path {
                registry.set(&format!("/log/{}", tile.path()), Answer::bytes(bytes));
            }
        }
    }

    pub(super) fn honest_bundle(&self, plugins: &[&TestPlugin]) -> LockBundle {
        let packages: Vec<&TestPackage> = plugins.iter().map(|plugin| &plugin.package).collect();
        self.log.lock_bundle(&packages)
    }

    pub(super) fn serve_bundle(&self, bundle: &impl serde::Serialize) {
        self.registry.set("/api/v1/bundles", Answer::json(bundle));
    }

    /// An hour after the last entry.
    pub(super) fn now(&self) -> Timestamp {
        self.log.now().plus_seconds(3600)
    }

    pub(super) fn contact(&self) -> Result<Contact, ClientError> {
        block_on(self.client.contact(self.now()))
    }

    pub(super) fn fetch(&self) -> Result<Fetched, ClientError> {
        let contact = self.contact()?;
        block_on(self.client.fetch(&self.lock, self.folder.path(), &self.options, &contact))
    }

    /// Fetches, expects a refusal and that nothing was left behind; gives its words.
    pub(super) fn refusal(&self) -> String {
        let words = self.words_of(&self.fetch().unwrap_err());
        let left: Vec<_> = walkdir::WalkDir::new(self.folder.path()).min_depth(1).into_iter().collect();
        assert!(left.is_empty(), "left behind: {left:?}");
        words
    }

    pub(super) fn words_of(&self, error: &ClientError) -> String {
        format!("{error}\n[{}] {}", error.code(), error.mend().unwrap_or_default())
            .replace(&self.registry.url(), "http://registry")
    }
}

/// A key that nobody enrolled.
pub(super) fn stranger() -> SecretKey {
    SecretKey::from_seed(&[66; 32])
}

pub(in crate::client) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}
