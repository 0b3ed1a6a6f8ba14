//! A release, the log it is in and its bundle, as an honest registry makes them: what checks start from.
//!
//! The fuzz targets read this file too, so it knows nothing but the public API.

use pluginry::domain::{Digest, Manifest, Timestamp, VerificationState};
use pluginry::log::{
    Checkpoint, NoteVerifier, SignedCheckpoint, TilePath, Tiles, TreeEdge, cosign, prove_inclusion,
};
use pluginry::signing::{Envelope, ReleaseStatement, SecretKey, sign_release};
use pluginry::trust::{
    Advice, BUNDLE_FORMAT, Bundle, DatedKey, KeyEnrollment, KeyRevocation, LogEvent, LogStatement,
    LogSubject, LoggedEntry, Moment, Owners, PublishEntry, RECALLS_LIFE_SECONDS, RecallFeed, RecallItem,
    RecallKind, RevokedKey, Standing, TrustDocument, Verdict, VerdictEntry, sign_standing, sign_verdict,
};
use pluginry::wasm::{PackFiles, built_in_profile, pack};

/// The name of the log.
pub(crate) const ORIGIN: &str = "plugins.example.org";
/// The name of its witness.
pub(crate) const WITNESS: &str = "witness.example";
/// When everything happens.
pub(crate) const AT: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);

const MANIFEST: &str = "[plugin]\nname = \"acme:hello\"\nversion = \"1.0.0\"\ndescription = \"A sample\"\n\
     license = \"MIT\"\n[host]\nprofile = \"extism:pdk\"\nversion = \"^1.0\"\n";

/// Key 1 is the log's, 2 the registry's, 3 the author's, 4 the witness's.
pub(crate) fn key(number: u8) -> SecretKey {
    SecretKey::from_seed(&[number; 32])
}

/// Everything a host needs to check the release.
pub(crate) struct HonestRelease {
    /// The package.
    pub(crate) package: Vec<u8>,
    /// Its bundle.
    pub(crate) bundle: Bundle,
    /// The registry's keys.
    pub(crate) trust: TrustDocument,
    /// The registry's recall feed.
    pub(crate) recalls: RecallFeed,
    /// A statement of each kind about it; the first four are in the log.
    pub(crate) statements: Vec<LogStatement>,
}

/// A release of `module` in the middle of a log of `log_size` entries (at least 4).
pub(crate) fn release_of(module: &[u8], log_size: u64) -> HonestRelease {
    let manifest = Manifest::from_toml(MANIFEST).expect("the manifest is valid");
    let package = pack(module, &manifest, &PackFiles::default()).expect("the module can be packed");
    let statement = ReleaseStatement {
        release: manifest.release_id(),
        digest: Digest::of(&package),
        manifest_digest: Digest::of(&manifest.to_canonical_json()),
        capabilities: manifest.capabilities.clone(),
    };
    let attestation = sign_release(&statement, &key(3));
    let statements = statements_of(&statement, &attestation, package.len() as u64);
    let entries: Vec<Vec<u8>> =
        statements[..4].iter().map(|statement| statement.to_bytes().expect("a small statement")).collect();

    let first = (log_size - 4) / 2;
    let (edge, tiles) = log_around(&entries, first, log_size);
    let logged = |number: usize| LoggedEntry {
        index: first + number as u64,
        entry: String::from_utf8(entries[number].clone()).expect("JSON"),
        proof: prove_inclusion(first + number as u64, log_size, &tiles).expect("all tiles"),
    };
    let profile = built_in_profile("extism:pdk").expect("a built-in profile").clone();
    let bundle = Bundle {
        format: BUNDLE_FORMAT,
        plugin: manifest.release_id().plugin,
        version: manifest.release_id().version,
        digest: statement.digest,
        size_bytes: package.len() as u64,
        manifest_digest: statement.manifest_digest,
        attestation,
        public_key: key(3).public_key(),
        key_id: key(3).public_key().id(),
        profile,
        checkpoint: checkpoint_of(&edge),
        key_enrollment: logged(0),
        publish: logged(1),
        verdict: Some(logged(2)),
        key_revocation: None,
        events: vec![logged(3)],
        standing: sign_standing(&standing_of(&statement, &edge), &key(2)),
    };
    HonestRelease { package, bundle, trust: trust(), recalls: recalls(log_size), statements }
}

/// These entries from index `first` on, and others before and behind.
fn log_around(entries: &[Vec<u8>], first: u64, log_size: u64) -> (TreeEdge, Tiles) {
    let mut edge = TreeEdge::new();
    while edge.size() < log_size {
        let own = edge.size().checked_sub(first).and_then(|number| entries.get(number as usize));
        edge.append(own.map_or(b"another entry".as_slice(), Vec::as_slice)).expect("a small entry");
    }
    let mut tiles = Tiles::default();
    for (path, bytes) in edge.take_tiles() {
        if let TilePath::Hashes(tile) = path {
            tiles.insert(tile, bytes).expect("the edge's own tile");
        }
    }
    (edge, tiles)
}

/// A statement of each kind about the release: enrolment, publish, verdict and advice come first, as its bundle has them.
fn statements_of(statement: &ReleaseStatement, attestation: &Envelope, size_bytes: u64) -> Vec<LogStatement> {
    let author = key(3).public_key();
    let profile = built_in_profile("extism:pdk").expect("a built-in profile");
    let enrolled = KeyEnrollment {
        at: AT,
        public_key: author,
        counts_from: AT,
        endorsement: None,
        account: "ada".into(),
        approved_by: Vec::new(),
    };
    let published = PublishEntry {
        at: AT,
        size_bytes,
        manifest_digest: statement.manifest_digest,
        signer: author.id(),
        profile: profile.name.clone(),
        profile_version: profile.version.clone(),
        risk: None,
        widening: false,
        attestation: attestation.clone(),
    };
    let summary = sign_verdict(&verdict_on(statement, attestation), &key(2));
    let verdict = VerdictEntry { at: AT, state: VerificationState::Passed, summary };
    let advice = || Advice { at: AT, reason: Some("a better one is out".into()) };
    let moment = || Moment { at: AT };
    let revoked = KeyRevocation { at: AT, from_index: Some(1), account: "ada".into(), reason: None };
    let namespace = statement.release.plugin.namespace();
    let of_key = |event| LogStatement::of_key(namespace, author.id(), event);
    let of_release = |event| LogStatement::of_release(&statement.release, statement.digest, event);
    let (owners, profile_id) = (vec!["ada".into()], profile.id());
    vec![
        of_key(LogEvent::KeyEnroll(enrolled)),
        of_release(LogEvent::Publish(published)),
        of_release(LogEvent::Verdict(verdict)),
        of_release(LogEvent::Deprecate(advice())),
        of_release(LogEvent::Yank(moment())),
        of_release(LogEvent::Unyank(moment())),
        of_release(LogEvent::Quarantine(advice())),
        of_release(LogEvent::Takedown(advice())),
        of_release(LogEvent::Recall(advice())),
        of_key(LogEvent::KeyRevoke(revoked)),
        LogStatement {
            subject: LogSubject::Namespace(namespace.clone()),
            event: LogEvent::OwnerChange(Owners { at: AT, owners }),
        },
        LogStatement {
            subject: LogSubject::Profile { profile: profile_id, digest: Digest::of(b"profile") },
            event: LogEvent::Profile(moment()),
        },
    ]
}

fn verdict_on(statement: &ReleaseStatement, attestation: &Envelope) -> Verdict {
    Verdict {
        release: statement.release.clone(),
        digest: statement.digest,
        verifier: format!("https://{ORIGIN}"),
        runtime_version: "wasmtime 48.0.8".into(),
        policy_uri: format!("https://{ORIGIN}/api/v1/verification-policies/1"),
        policy_digest: Digest::of(b"policy"),
        attestation_digest: Digest::of(&attestation.to_json()),
        state: VerificationState::Passed,
        facts: serde_json::json!({ "outcome": "passed", "fuel": 12_345 }),
        verified_at: AT,
    }
}

fn checkpoint_of(edge: &TreeEdge) -> String {
    let head = Checkpoint { origin: ORIGIN.into(), tree_size: edge.size(), root: edge.root() };
    let signed = SignedCheckpoint::parse(&head.sign(&[(ORIGIN, &key(1))])).expect("our own note");
    let line = cosign(&signed, WITNESS, &key(4), 1_767_225_600);
    signed.with_cosignature(&line).expect("our own line").to_string()
}

fn standing_of(statement: &ReleaseStatement, edge: &TreeEdge) -> Standing {
    Standing {
        release: statement.release.clone(),
        digest: statement.digest,
        tree_size: edge.size(),
        root: edge.root(),
        issued_at: AT,
        verification: VerificationState::Passed,
        yanked: false,
        deprecated: Some("a better one is out".into()),
        quarantined: None,
        taken_down: None,
        recalled: None,
        signer_revoked_from: None,
    }
}

fn trust() -> TrustDocument {
    TrustDocument {
        version: 1,
        origin: ORIGIN.into(),
        issued_at: AT,
        log_keys: vec![DatedKey::new(key(1).public_key())],
        registry_keys: vec![DatedKey::new(key(2).public_key())],
        witnesses: vec![NoteVerifier::of_witness(WITNESS, key(4).public_key()).expect("a name")],
        witness_quorum: 1,
    }
}

fn recalls(tree_size: u64) -> RecallFeed {
    RecallFeed {
        issued_at: AT,
        expires_at: AT.plus_seconds(RECALLS_LIFE_SECONDS),
        tree_size,
        recalls: vec![RecallItem {
            release: "acme:another@1.0.0".parse().expect("a release"),
            digest: Digest::of(b"another package"),
            kind: RecallKind::Recall,
            reason: "it leaks tokens".into(),
            index: 0,
        }],
        revoked_keys: vec![RevokedKey {
            namespace: "another".parse().expect("a name"),
            key_id: key(9).public_key().id(),
            from_index: 1,
            index: 2,
        }],
    }
}
