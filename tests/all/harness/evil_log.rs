//! A registry's log in the hands of somebody who holds its keys: it can be rewritten, continued and signed again.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic like tests")]

use pluginry::domain::{Digest, Timestamp, VerificationState};
use pluginry::log::{
    Checkpoint, EntryBundleId, SignedCheckpoint, TilePath, Tiles, TreeEdge, prove_inclusion,
    read_entry_bundle,
};
use pluginry::signing::{Envelope, SecretKey};
use pluginry::trust::{
    Bundle, LockBundle, LogEvent, LogStatement, LoggedEntry, PublishEntry, RecallFeed, Standing, TrustChain,
    read_recalls, read_standing, sign_recalls, sign_standing,
};
use serde_json::Value;

use super::evil_proxy::EvilProxy;
use super::server::{TestPackage, TestServer};

/// A copy of a log, with the keys of the registry.
pub struct EvilLog {
    /// The leaves.
    pub entries: Vec<Vec<u8>>,
    /// Its name.
    pub origin: String,
    log_key: SecretKey,
    registry_key: SecretKey,
}

impl EvilLog {
    /// Steals log and keys.
    pub async fn of(server: &TestServer) -> Self {
        let note = server.get("/log/checkpoint").await.text().await.unwrap();
        let head = SignedCheckpoint::parse(&note).unwrap().unverified().clone();
        let mut entries = Vec::new();
        while (entries.len() as u64) < head.tree_size {
            let bundle = EntryBundleId::holding(entries.len() as u64, head.tree_size).unwrap();
            let bytes = server.get(&format!("/log/{}", bundle.path())).await.bytes().await.unwrap();
            entries
                .extend(read_entry_bundle(&bytes, bundle.width()).unwrap().into_iter().map(<[u8]>::to_vec));
        }
        let key = |name: &str| {
            let text = std::fs::read_to_string(server.data().join("keys").join(name)).unwrap();
            text.trim().parse::<SecretKey>().unwrap()
        };
        Self { entries, origin: head.origin, log_key: key("log.key"), registry_key: key("registry.key") }
    }

    /// Every tile, and the head.
    fn tree(&self) -> (Vec<(TilePath, Vec<u8>)>, Checkpoint) {
        let mut edge = TreeEdge::new();
        for entry in &self.entries {
            edge.append(entry).unwrap();
        }
        let head = Checkpoint { origin: self.origin.clone(), tree_size: edge.size(), root: edge.root() };
        (edge.take_tiles(), head)
    }

    /// The head, signed with the registry's real log key.
    pub fn note(&self) -> String {
        self.tree().1.sign(&[(&self.origin, &self.log_key)])
    }

    /// Lets the proxy show this log.
    pub fn serve(&self, proxy: &EvilProxy) {
        proxy.answer("/log/checkpoint", self.note());
        for (path, bytes) in self.tree().0 {
            proxy.answer(&format!("/log/{}", path.path()), bytes);
        }
    }

    /// An entry with its proof.
    pub fn logged(&self, index: u64) -> LoggedEntry {
        let (written, head) = self.tree();
        let mut tiles = Tiles::default();
        for (path, bytes) in written {
            if let TilePath::Hashes(tile) = path {
                tiles.insert(tile, bytes).unwrap();
            }
        }
        let entry = String::from_utf8(self.entries[usize::try_from(index).unwrap()].clone()).unwrap();
        LoggedEntry { index, entry, proof: prove_inclusion(index, head.tree_size, &tiles).unwrap() }
    }

    /// Logs `package`, signed by `key`, as if the registry had taken it in; `like` is a release it is made after.
    pub fn publish(&mut self, package: &TestPackage, key: &SecretKey, like: &Bundle) -> u64 {
        let statement = LogStatement::from_bytes(like.publish.entry.as_bytes()).unwrap();
        let LogEvent::Publish(like) = statement.event else { panic!("not a publish") };
        let entry = PublishEntry {
            at: like.at.plus_seconds(1),
            size_bytes: package.bytes.len() as u64,
            manifest_digest: package.statement().manifest_digest,
            signer: key.public_key().id(),
            attestation: package.sign(key),
            ..like
        };
        let digest = Digest::of(&package.bytes);
        let statement = LogStatement::of_release(&package.release, digest, LogEvent::Publish(entry));
        self.append(&statement)
    }

    /// Logs anything.
    pub fn append(&mut self, statement: &LogStatement) -> u64 {
        self.entries.push(statement.to_bytes().unwrap());
        self.entries.len() as u64 - 1
    }

    /// A bundle of `package` out of this log, made after the bundle of a release by the same author, that says
    /// whatever is good for it.
    pub fn bundle(&self, package: &TestPackage, publish: u64, like: &Bundle) -> Bundle {
        let logged = self.logged(publish);
        let statement = LogStatement::from_bytes(logged.entry.as_bytes()).unwrap();
        let LogEvent::Publish(entry) = statement.event else { panic!("not a publish") };
        let (_, head) = self.tree();
        let standing = Standing {
            release: package.release.clone(),
            digest: Digest::of(&package.bytes),
            tree_size: head.tree_size,
            root: head.root,
            issued_at: Timestamp::now(),
            verification: VerificationState::Pending,
            yanked: false,
            deprecated: None,
            quarantined: None,
            taken_down: None,
            recalled: None,
            signer_revoked_from: None,
        };
        Bundle {
            plugin: package.release.plugin.clone(),
            version: package.release.version.clone(),
            digest: Digest::of(&package.bytes),
            size_bytes: package.bytes.len() as u64,
            manifest_digest: entry.manifest_digest,
            attestation: entry.attestation,
            publish: logged,
            key_enrollment: self.logged(like.key_enrollment.index),
            key_revocation: None,
            verdict: None,
            events: Vec::new(),
            standing: sign_standing(&standing, &self.registry_key),
            checkpoint: String::new(),
            ..like.clone()
        }
    }

    /// Signs what is true of a bundle's standing after `change`.
    pub fn restate(&self, standing: &Envelope, change: impl FnOnce(&mut Standing)) -> Envelope {
        let mut standing = read_standing(standing, &[self.registry_key.public_key()]).unwrap();
        change(&mut standing);
        sign_standing(&standing, &self.registry_key)
    }

    /// Signs the feed after `change`.
    pub fn refeed(&self, feed: &Value, change: impl FnOnce(&mut RecallFeed)) -> Envelope {
        let envelope: Envelope = serde_json::from_value(feed.clone()).unwrap();
        let mut feed = read_recalls(&envelope, &[self.registry_key.public_key()]).unwrap();
        change(&mut feed);
        sign_recalls(&feed, &self.registry_key)
    }

    /// A trust document that names the registry, with keys of the liar's own.
    pub fn other_trust(server_trust: &Value) -> TrustChain {
        let chain: TrustChain = serde_json::from_value(server_trust.clone()).unwrap();
        let mut document = chain.verify().unwrap();
        let key = SecretKey::from_seed(&[66; 32]);
        for dated in document.log_keys.iter_mut().chain(&mut document.registry_keys) {
            dated.public_key = key.public_key();
        }
        TrustChain(vec![document.sign(&[&key])])
    }

    /// A lock bundle of one release.
    pub fn lock_bundle(&self, bundle: Bundle, recalls: Envelope) -> LockBundle {
        LockBundle { format: bundle.format, checkpoint: self.note(), recalls, bundles: vec![bundle] }
    }
}
