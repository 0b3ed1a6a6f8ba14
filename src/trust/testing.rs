//! A registry in memory for unit tests: its keys, its log, and honest answers about what was published.

use std::borrow::Cow;

use wasm_encoder::{CustomSection, Section as _};

use super::*;
use crate::domain::{Digest, HostProfile, Manifest, Namespace, ReleaseId, Timestamp, VerificationState};
use crate::log::{Checkpoint, TilePath, Tiles, TreeEdge, prove_inclusion};
use crate::signing::Envelope;
use crate::signing::{KeyId, ReleaseStatement, SecretKey, sign_release};

/// When the first entry was logged; each later one follows an hour after the one before.
pub(crate) const START: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);

pub(crate) const ORIGIN: &str = "plugins.example.org";

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
pub(crate) const QUIET: &str = r#"(module (import "env" "log" (func (param i32))) (func (export "run")))"#;
/// A module that talks to servers.
pub(crate) const TALKATIVE: &str =
    r#"(module (import "env" "fetch" (func (param i32) (result i32))) (func (export "run")))"#;

pub(crate) fn profile() -> HostProfile {
    HostProfile::from_toml(PROFILE).unwrap()
}

pub(crate) fn log_key() -> SecretKey {
    SecretKey::from_seed(&[101; 32])
}

pub(crate) fn registry_key() -> SecretKey {
    SecretKey::from_seed(&[102; 32])
}

pub(crate) fn author() -> SecretKey {
    SecretKey::from_seed(&[1; 32])
}

/// A package with its manifest, unsigned.
pub(crate) struct TestPackage {
    pub(crate) bytes: Vec<u8>,
    pub(crate) manifest: Manifest,
}

impl TestPackage {
    /// Version 0.1.0 of `name`, whose manifest asks for `capabilities` (TOML lines).
    pub(crate) fn new(name: &str, module: &str, capabilities: &str) -> Self {
        let manifest = Manifest::from_toml(&format!(
            "[plugin]\nname = \"{name}\"\nversion = \"0.1.0\"\ndescription = \"A test\"\nlicense = \"MIT\"\n\
             [host]\nprofile = \"test:host\"\nversion = \"^1.0\"\nextension-points = [\"tool\"]\n\
             [capabilities]\n{capabilities}\n"
        ))
        .unwrap();
        let mut bytes = wat::parse_str(module).unwrap();
        let data = Cow::Owned(manifest.to_canonical_json());
        CustomSection { name: Cow::Borrowed("pluginry:manifest"), data }.append_to(&mut bytes);
        Self { bytes, manifest }
    }

    pub(crate) fn release(&self) -> ReleaseId {
        self.manifest.release_id()
    }

    pub(crate) fn digest(&self) -> Digest {
        Digest::of(&self.bytes)
    }

    /// The author's statement, signed with `key`.
    pub(crate) fn attestation(&self, key: &SecretKey) -> Envelope {
        let statement = ReleaseStatement {
            release: self.release(),
            digest: self.digest(),
            manifest_digest: Digest::of(&self.manifest.to_canonical_json()),
            capabilities: self.manifest.capabilities.clone(),
        };
        sign_release(&statement, key)
    }
}

/// A registry that tells the truth about its log, whatever was put there.
pub(crate) struct TestLog {
    pub(crate) log_key: SecretKey,
    pub(crate) registry_key: SecretKey,
    pub(crate) entries: Vec<Vec<u8>>,
    pub(crate) recalls: Vec<RecallItem>,
    pub(crate) revoked_keys: Vec<RevokedKey>,
}

impl TestLog {
    /// A log whose first entry enrols the author's key for `acme`.
    pub(crate) fn new() -> Self {
        let mut log = Self {
            log_key: log_key(),
            registry_key: registry_key(),
            entries: Vec::new(),
            recalls: Vec::new(),
            revoked_keys: Vec::new(),
        };
        log.enroll(&author());
        log
    }

    /// When the next entry is logged.
    pub(crate) fn now(&self) -> Timestamp {
        START.plus_seconds(3600 * i64::try_from(self.entries.len()).unwrap())
    }

    pub(crate) fn append(&mut self, statement: &LogStatement) -> u64 {
        self.entries.push(statement.to_bytes().unwrap());
        self.entries.len() as u64 - 1
    }

    /// Lets `key` sign for `acme` at once.
    pub(crate) fn enroll(&mut self, key: &SecretKey) -> u64 {
        self.enroll_from(key, self.now())
    }

    pub(crate) fn enroll_from(&mut self, key: &SecretKey, counts_from: Timestamp) -> u64 {
        let entry = KeyEnrollment {
            at: self.now(),
            public_key: key.public_key(),
            counts_from,
            endorsement: None,
            account: "ada".into(),
            approved_by: Vec::new(),
        };
        let statement = LogStatement::of_key(&acme(), key.public_key().id(), LogEvent::KeyEnroll(entry));
        self.append(&statement)
    }

    pub(crate) fn revoke(&mut self, key: KeyId, from_index: Option<u64>) -> u64 {
        let index = self.entries.len() as u64;
        let entry = KeyRevocation { at: self.now(), from_index, account: "ada".into(), reason: None };
        self.revoked_keys.push(RevokedKey {
            namespace: acme(),
            key_id: key,
            from_index: from_index.unwrap_or(index),
            index,
        });
        self.append(&LogStatement::of_key(&acme(), key, LogEvent::KeyRevoke(entry)))
    }

    /// Logs a release signed by `key`.
    pub(crate) fn publish(&mut self, package: &TestPackage, key: &SecretKey) -> u64 {
        let entry = PublishEntry {
            at: self.now(),
            size_bytes: package.bytes.len() as u64,
            manifest_digest: Digest::of(&package.manifest.to_canonical_json()),
            signer: key.public_key().id(),
            profile: profile().name,
            profile_version: profile().version,
            risk: None,
            widening: false,
            attestation: package.attestation(key),
        };
        self.event(package, LogEvent::Publish(entry))
    }

    pub(crate) fn verify(&mut self, package: &TestPackage, state: VerificationState) -> u64 {
        let (release, digest) = (package.release(), package.digest());
        let (_, publish) = self.find(&release, |event| matches!(event, LogEvent::Publish(_))).unwrap();
        let LogEvent::Publish(publish) = publish else { unreachable!() };
        let verdict = Verdict {
            release,
            digest,
            verifier: format!("https://{ORIGIN}"),
            runtime_version: "wasmtime 48.0.8".into(),
            policy_uri: format!("https://{ORIGIN}/api/v1/verification-policies/1"),
            policy_digest: Digest::of(b"policy"),
            attestation_digest: Digest::of(&publish.attestation.to_json()),
            state,
            facts: serde_json::Value::Null,
            verified_at: self.now(),
        };
        let summary = sign_verdict(&verdict, &self.registry_key);
        self.event(package, LogEvent::Verdict(VerdictEntry { at: self.now(), state, summary }))
    }

    /// Logs something about a release.
    pub(crate) fn event(&mut self, package: &TestPackage, event: LogEvent) -> u64 {
        let statement = LogStatement::of_release(&package.release(), package.digest(), event);
        self.append(&statement)
    }

    /// Publishes and passes: what most tests need.
    pub(crate) fn release(&mut self, package: &TestPackage) {
        self.publish(package, &author());
        self.verify(package, VerificationState::Passed);
    }

    /// Logs a recall and puts it into the feed.
    pub(crate) fn recall(&mut self, package: &TestPackage, reason: &str) {
        let advice = Advice { at: self.now(), reason: Some(reason.into()) };
        let index = self.event(package, LogEvent::Recall(advice));
        self.recalls.push(RecallItem {
            release: package.release(),
            digest: package.digest(),
            kind: RecallKind::Recall,
            reason: reason.into(),
            index,
        });
    }

    pub(crate) fn trust(&self) -> TrustDocument {
        TrustDocument {
            version: 1,
            origin: ORIGIN.into(),
            issued_at: START,
            log_keys: vec![DatedKey::new(self.log_key.public_key())],
            registry_keys: vec![DatedKey::new(self.registry_key.public_key())],
            witnesses: Vec::new(),
            witness_quorum: 0,
        }
    }

    pub(crate) fn chain(&self) -> TrustChain {
        TrustChain(vec![self.trust().sign(&[&self.registry_key])])
    }

    pub(crate) fn feed(&self) -> RecallFeed {
        RecallFeed {
            issued_at: self.now(),
            expires_at: self.now().plus_seconds(RECALLS_LIFE_SECONDS),
            tree_size: self.entries.len() as u64,
            recalls: self.recalls.clone(),
            revoked_keys: self.revoked_keys.clone(),
        }
    }

    pub(crate) fn signed_feed(&self) -> Envelope {
        sign_recalls(&self.feed(), &self.registry_key)
    }

    /// Every tile of the tree and its head.
    pub(crate) fn tree(&self) -> (Vec<(TilePath, Vec<u8>)>, Checkpoint) {
        let mut edge = TreeEdge::new();
        for entry in &self.entries {
            edge.append(entry).unwrap();
        }
        let checkpoint = Checkpoint { origin: ORIGIN.into(), tree_size: edge.size(), root: edge.root() };
        (edge.take_tiles(), checkpoint)
    }

    pub(crate) fn note(&self) -> String {
        self.tree().1.sign(&[(ORIGIN, &self.log_key)])
    }

    pub(crate) fn logged(&self, index: u64) -> LoggedEntry {
        let (written, checkpoint) = self.tree();
        let mut tiles = Tiles::default();
        for (path, bytes) in written {
            if let TilePath::Hashes(tile) = path {
                tiles.insert(tile, bytes).unwrap();
            }
        }
        LoggedEntry {
            index,
            entry: String::from_utf8(self.entries[usize::try_from(index).unwrap()].clone()).unwrap(),
            proof: prove_inclusion(index, checkpoint.tree_size, &tiles).unwrap(),
        }
    }

    fn statements(&self) -> impl Iterator<Item = (u64, LogStatement)> {
        (0..).zip(self.entries.iter().map(|entry| LogStatement::from_bytes(entry).unwrap()))
    }

    fn find(&self, release: &ReleaseId, wanted: impl Fn(&LogEvent) -> bool) -> Option<(u64, LogEvent)> {
        let of = |subject: &LogSubject| matches!(subject, LogSubject::Release { release: of, .. } if of == release);
        let found =
            self.statements().filter(|(_, statement)| of(&statement.subject) && wanted(&statement.event));
        found.last().map(|(index, statement)| (index, statement.event))
    }

    fn find_key(&self, key: KeyId, wanted: impl Fn(&LogEvent) -> bool) -> Option<u64> {
        let is_key =
            |subject: &LogSubject| matches!(subject, LogSubject::Key { key_id, .. } if *key_id == key);
        self.statements()
            .find(|(_, statement)| is_key(&statement.subject) && wanted(&statement.event))
            .map(|(index, _)| index)
    }

    /// What an honest registry says now about a release.
    pub(crate) fn standing(&self, package: &TestPackage) -> Standing {
        let (_, checkpoint) = self.tree();
        let release = package.release();
        let last = |wanted: fn(&LogEvent) -> bool| self.find(&release, wanted).map(|(_, event)| event);
        let reason = |event: Option<LogEvent>| match event {
            Some(
                LogEvent::Deprecate(advice)
                | LogEvent::Quarantine(advice)
                | LogEvent::Takedown(advice)
                | LogEvent::Recall(advice),
            ) => advice.reason,
            _ => None,
        };
        let signer = match last(|event| matches!(event, LogEvent::Publish(_))) {
            Some(LogEvent::Publish(entry)) => entry.signer,
            _ => author().public_key().id(),
        };
        Standing {
            digest: package.digest(),
            tree_size: checkpoint.tree_size,
            root: checkpoint.root,
            issued_at: self.now(),
            verification: match last(|event| matches!(event, LogEvent::Verdict(_))) {
                Some(LogEvent::Verdict(entry)) => entry.state,
                _ => VerificationState::Pending,
            },
            yanked: matches!(
                last(|event| matches!(event, LogEvent::Yank(_) | LogEvent::Unyank(_))),
                Some(LogEvent::Yank(_))
            ),
            deprecated: reason(last(|event| matches!(event, LogEvent::Deprecate(_)))),
            quarantined: reason(last(|event| matches!(event, LogEvent::Quarantine(_)))),
            taken_down: reason(last(|event| matches!(event, LogEvent::Takedown(_)))),
            recalled: reason(last(|event| matches!(event, LogEvent::Recall(_)))),
            signer_revoked_from: self
                .revoked_keys
                .iter()
                .find(|revoked| revoked.key_id == signer)
                .map(|revoked| revoked.from_index),
            release,
        }
    }

    /// The bundle an honest registry gives.
    pub(crate) fn bundle(&self, package: &TestPackage) -> Bundle {
        let release = package.release();
        let (publish_index, publish) =
            self.find(&release, |event| matches!(event, LogEvent::Publish(_))).unwrap();
        let LogEvent::Publish(publish) = publish else { unreachable!() };
        let verdict = self.find(&release, |event| matches!(event, LogEvent::Verdict(_)));
        let enrollment =
            self.find_key(publish.signer, |event| matches!(event, LogEvent::KeyEnroll(_))).unwrap();
        let public_key = match LogStatement::from_bytes(&self.entries[usize::try_from(enrollment).unwrap()]) {
            Ok(LogStatement { event: LogEvent::KeyEnroll(entry), .. }) => entry.public_key,
            other => panic!("{other:?}"),
        };
        let is_other = |event: &LogEvent| !matches!(event, LogEvent::Publish(_) | LogEvent::Verdict(_));
        let of_release = |subject: &LogSubject| matches!(subject, LogSubject::Release { release: of, .. } if *of == release);
        let events: Vec<u64> = self
            .statements()
            .filter(|(_, statement)| of_release(&statement.subject) && is_other(&statement.event))
            .map(|(index, _)| index)
            .collect();
        let revocation = self.find_key(publish.signer, |event| matches!(event, LogEvent::KeyRevoke(_)));
        Bundle {
            format: BUNDLE_FORMAT,
            plugin: release.plugin,
            version: release.version,
            digest: package.digest(),
            size_bytes: package.bytes.len() as u64,
            manifest_digest: publish.manifest_digest,
            attestation: publish.attestation,
            public_key,
            key_id: publish.signer,
            profile: profile(),
            checkpoint: self.note(),
            publish: self.logged(publish_index),
            key_enrollment: self.logged(enrollment),
            key_revocation: revocation.map(|index| self.logged(index)),
            verdict: verdict.map(|(index, _)| self.logged(index)),
            events: events.into_iter().map(|index| self.logged(index)).collect(),
            standing: sign_standing(&self.standing(package), &self.registry_key),
        }
    }

    /// The bundle of a lock an honest registry gives.
    pub(crate) fn lock_bundle(&self, packages: &[&TestPackage]) -> LockBundle {
        let bundles =
            packages.iter().map(|package| Bundle { checkpoint: String::new(), ..self.bundle(package) });
        LockBundle {
            format: BUNDLE_FORMAT,
            checkpoint: self.note(),
            recalls: self.signed_feed(),
            bundles: bundles.collect(),
        }
    }
}

pub(crate) fn acme() -> Namespace {
    "acme".parse().unwrap()
}
