//! Plugins, their author and a host, made in memory.

use std::borrow::Cow;

use wasm_encoder::{CustomSection, Section as _};

use super::{Answer, TestRegistry};
use crate::client::{Client, ClientError, FetchOptions, FetchedPackage};
use crate::domain::{Digest, HostProfile, Manifest};
use crate::resolver::{Lock, LockedRelease};
use crate::signing::{Bundle, ReleaseStatement, SecretKey, sign_release};

const PROFILE: &str = r#"
name = "test:host"
version = "1.0.0"
abi = "core"
[[import]]
module = "env"
name = "log"
type = "(i32)"
[[import]]
module = "env"
name = "fetch"
type = "(i32) -> i32"
capability = "network"
[[extension-point]]
name = "tool"
exports = [{ name = "run", type = "()" }]
[[capability]]
name = "network"
risk = "high"
description = "Can exchange data with servers"
scopes = ["hosts"]
"#;

/// A module that only logs.
pub(super) const QUIET: &str = r#"(module (import "env" "log" (func (param i32))) (func (export "run")))"#;
/// A module that talks to servers.
pub(super) const TALKATIVE: &str =
    r#"(module (import "env" "fetch" (func (param i32) (result i32))) (func (export "run")))"#;

/// A released plugin: what the author made and what an honest registry says about it.
pub(super) struct TestPlugin {
    pub(super) package: Vec<u8>,
    pub(super) bundle: Bundle,
    pub(super) locked: LockedRelease,
}

impl TestPlugin {
    pub(super) fn new(name: &str, module: &str, capabilities: &str) -> Self {
        let key = author();
        let manifest = Manifest::from_toml(&format!(
            "[plugin]\nname = \"{name}\"\nversion = \"0.1.0\"\ndescription = \"A test\"\nlicense = \"MIT\"\n\
             [host]\nprofile = \"test:host\"\nversion = \"^1.0\"\nextension-points = [\"tool\"]\n\
             [capabilities]\n{capabilities}\n"
        ))
        .unwrap();
        let package = package(module, &manifest);
        let (release, digest) = (manifest.release_id(), Digest::of(&package));
        let manifest_digest = Digest::of(&manifest.to_canonical_json());
        let statement = ReleaseStatement {
            release: release.clone(),
            digest,
            manifest_digest,
            capabilities: manifest.capabilities.clone(),
        };
        let bundle = Bundle {
            plugin: release.plugin.clone(),
            version: release.version.clone(),
            digest,
            size_bytes: package.len() as u64,
            manifest_digest,
            attestation: sign_release(&statement, &key),
            public_key: key.public_key(),
            key_id: key.public_key().id(),
            profile: profile(),
        };
        let locked = serde_json::from_value(serde_json::json!({
            "name": name, "version": "0.1.0", "digest": digest, "size_bytes": package.len(),
            "url": format!("/blobs/sha256/{}", digest.to_hex()), "signer": key.public_key().id(),
            "verification": "passed", "load_level": 0, "capabilities": manifest.capabilities,
        }))
        .unwrap();
        Self { package, bundle, locked }
    }

    /// Serves it honestly.
    pub(super) fn serve(&self, registry: &TestRegistry) {
        self.serve_package(registry, &self.package);
        self.serve_bundle(registry, &serde_json::to_value(&self.bundle).unwrap());
    }

    pub(super) fn serve_package(&self, registry: &TestRegistry, bytes: &[u8]) {
        registry.answer(&self.locked.url, Answer::bytes(bytes));
    }

    pub(super) fn serve_bundle(&self, registry: &TestRegistry, bundle: &serde_json::Value) {
        let path = format!("/api/v1/plugins/{}/0.1.0/bundle", self.locked.name.path());
        registry.answer(&path, Answer::json(bundle));
    }
}

pub(super) fn author() -> SecretKey {
    SecretKey::from_seed(&[1; 32])
}

pub(super) fn profile() -> HostProfile {
    HostProfile::from_toml(PROFILE).unwrap()
}

fn package(module: &str, manifest: &Manifest) -> Vec<u8> {
    let mut bytes = wat::parse_str(module).unwrap();
    CustomSection {
        name: Cow::Borrowed("pluginry:manifest"),
        data: Cow::Owned(manifest.to_canonical_json()),
    }
    .append_to(&mut bytes);
    bytes
}

/// A host with an empty folder, a registry and a lock.
pub(super) struct World {
    pub(super) registry: TestRegistry,
    pub(super) folder: tempfile::TempDir,
    pub(super) lock: Lock,
    pub(super) options: FetchOptions,
}

impl World {
    /// A host of the test profile that grants what the JSON says.
    pub(super) fn granting(grants: &str, plugins: &[&TestPlugin]) -> Self {
        let host = format!(r#"{{"profile":"test:host","version":"1.0.0","grants":{grants}}}"#);
        let lock = Lock {
            host: Some(serde_json::from_str(&host).unwrap()),
            releases: plugins.iter().map(|plugin| plugin.locked.clone()).collect(),
            ..Lock::default()
        };
        Self {
            registry: TestRegistry::start(),
            folder: tempfile::tempdir().unwrap(),
            lock,
            options: FetchOptions { profiles: vec![profile()], ..FetchOptions::default() },
        }
    }

    pub(super) fn fetch(&self) -> Result<Vec<FetchedPackage>, ClientError> {
        let client = Client::new(&self.registry.url()).unwrap();
        block_on(client.fetch(&self.lock, self.folder.path(), &self.options))
    }

    /// Fetches, expects a refusal and that nothing was left behind; gives its words.
    pub(super) fn refusal(&self) -> String {
        let error = self.fetch().unwrap_err();
        let left: Vec<_> = walkdir::WalkDir::new(self.folder.path()).min_depth(1).into_iter().collect();
        assert!(left.is_empty(), "left behind: {left:?}");
        format!("{error}\n[{}] {}", error.code(), error.mend().unwrap_or_default())
            .replace(&self.registry.url(), "http://registry")
    }
}

pub(super) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}
