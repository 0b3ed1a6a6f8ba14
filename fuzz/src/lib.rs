//! What the fuzz targets share: their seeds, and valid things to start from.
//!
//! Seeds are made when a target starts, so they are always of the formats of today; nothing of `corpus/` is kept in
//! the repository.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use pluginry::domain::{Digest, Grants, Timestamp, VerificationState};
use pluginry::log::{
    Checkpoint, Hash, NoteVerifier, SignedCheckpoint, TilePath, Tiles, TreeEdge, cosign, prove_inclusion,
};
use pluginry::signing::{Envelope, PAYLOAD_TYPE, SecretKey};
use pluginry::trust::{
    Advice, Bundle, Check, CheckedPackage, DatedKey, Demands, KeyEnrollment, KeyRevocation, LogEvent,
    LogStatement, LogSubject, LoggedEntry, Moment, Owners, PublishEntry, RecallFeed, RecallItem, RecallKind,
    RevokedKey, Standing, TrustDocument, Verdict, VerdictEntry, check_package, sign_recalls, sign_standing,
    sign_verdict,
};
use pluginry::wasm::{PackageLimits, built_in_profile};

#[path = "../../benches/honest/mod.rs"]
mod honest;

/// The log's name.
pub const ORIGIN: &str = "log.example";

/// When everything happens.
pub const AT: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

/// Writes the seeds of a target into its corpus, where libFuzzer looks next.
pub fn seed(target: &str, seeds: impl IntoIterator<Item = impl AsRef<[u8]>>) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    fs::create_dir_all(&corpus).expect("the corpus can be made");
    for (number, seed) in seeds.into_iter().enumerate() {
        fs::write(corpus.join(format!("seed-{number}")), seed).expect("a seed can be written");
    }
}

/// Key 1 is the log's, 2 the registry's, 3 an author's, 4 a witness's.
pub fn key(number: u8) -> SecretKey {
    SecretKey::from_seed(&[number; 32])
}

/// The log's key.
pub fn log_verifier() -> NoteVerifier {
    NoteVerifier::of_log(ORIGIN, key(1).public_key()).expect("a name")
}

/// The witness's key.
pub fn witness_verifier() -> NoteVerifier {
    NoteVerifier::of_witness("witness.example", key(4).public_key()).expect("a name")
}

/// A tree of these entries, with its tiles.
pub fn tree<'a>(entries: impl IntoIterator<Item = &'a [u8]>) -> (TreeEdge, Tiles) {
    let mut edge = TreeEdge::new();
    for entry in entries {
        edge.append(entry).expect("a small entry");
    }
    let mut tiles = Tiles::default();
    for (path, bytes) in edge.take_tiles() {
        if let TilePath::Hashes(tile) = path {
            tiles.insert(tile, bytes).expect("the edge's own tile");
        }
    }
    (edge, tiles)
}

/// The head of a log, signed by it and cosigned by the witness.
pub fn checkpoint(tree_size: u64, root: Hash) -> String {
    let note = Checkpoint { origin: ORIGIN.into(), tree_size, root }.sign(&[(ORIGIN, &key(1))]);
    let signed = SignedCheckpoint::parse(&note).expect("our own note");
    let line = cosign(&signed, "witness.example", &key(4), 1_700_000_000);
    signed.with_cosignature(&line).expect("our own line").to_string()
}

/// One statement of each kind, about one release.
pub fn log_statements() -> Vec<LogStatement> {
    let digest = Digest::of(b"package");
    let (release, namespace) =
        ("acme:hello@1.0.0".parse().expect("a release"), "acme".parse().expect("a name"));
    let advice = || Advice { at: AT, reason: Some("it leaks tokens".into()) };
    let attestation = Envelope::sign(PAYLOAD_TYPE, b"{}".to_vec(), &key(3));
    let author = key(3).public_key();
    let enrolled = KeyEnrollment {
        at: AT,
        public_key: author,
        counts_from: AT,
        endorsement: Some(attestation.clone()),
        account: "ada".into(),
        approved_by: vec!["grace".into()],
    };
    let published = PublishEntry {
        at: AT,
        size_bytes: 7,
        manifest_digest: Digest::of(b"manifest"),
        signer: author.id(),
        profile: "pluginry:reference".parse().expect("a name"),
        profile_version: "1.0.0".parse().expect("a version"),
        risk: None,
        widening: false,
        attestation,
    };
    let verdict =
        VerdictEntry { at: AT, state: VerificationState::Passed, summary: sign_verdict(&verdict(), &key(2)) };
    let of_release = |event| LogStatement::of_release(&release, digest, event);
    vec![
        LogStatement::of_key(&namespace, author.id(), LogEvent::KeyEnroll(enrolled)),
        of_release(LogEvent::Publish(published)),
        of_release(LogEvent::Verdict(verdict)),
        of_release(LogEvent::Yank(Moment { at: AT })),
        of_release(LogEvent::Unyank(Moment { at: AT })),
        of_release(LogEvent::Deprecate(advice())),
        of_release(LogEvent::Quarantine(advice())),
        of_release(LogEvent::Takedown(advice())),
        of_release(LogEvent::Recall(advice())),
        LogStatement::of_key(
            &namespace,
            author.id(),
            LogEvent::KeyRevoke(KeyRevocation { at: AT, from_index: Some(1), account: "ada".into() }),
        ),
        LogStatement {
            subject: LogSubject::Namespace(namespace),
            event: LogEvent::OwnerChange(Owners { at: AT, owners: vec!["ada".into()] }),
        },
        LogStatement {
            subject: LogSubject::Profile { profile: release, digest },
            event: LogEvent::Profile(Moment { at: AT }),
        },
    ]
}

/// The entries of [`log_statements`].
pub fn log_entries() -> Vec<Vec<u8>> {
    log_statements().iter().map(|statement| statement.to_bytes().expect("a small statement")).collect()
}

/// A verdict about the release.
pub fn verdict() -> Verdict {
    Verdict {
        release: "acme:hello@1.0.0".parse().expect("a release"),
        digest: Digest::of(b"package"),
        verifier: "https://plugins.example".into(),
        runtime_version: "wasmtime 48".into(),
        policy_uri: "https://plugins.example/policy".into(),
        policy_digest: Digest::of(b"policy"),
        attestation_digest: Digest::of(b"attestation"),
        state: VerificationState::Passed,
        facts: serde_json::json!({"fuel": 7}),
        verified_at: AT,
    }
}

/// What the registry says about the release.
pub fn standing() -> Standing {
    Standing {
        release: "acme:hello@1.0.0".parse().expect("a release"),
        digest: Digest::of(b"package"),
        tree_size: 12,
        root: Hash([7; 32]),
        issued_at: AT,
        verification: VerificationState::Passed,
        yanked: true,
        deprecated: Some("use another".into()),
        quarantined: None,
        taken_down: None,
        recalled: Some("it leaks tokens".into()),
        signer_revoked_from: Some(1),
    }
}

/// A recall feed.
pub fn recalls() -> RecallFeed {
    RecallFeed {
        issued_at: AT,
        expires_at: AT,
        tree_size: 12,
        recalls: vec![RecallItem {
            release: "acme:hello@1.0.0".parse().expect("a release"),
            digest: Digest::of(b"package"),
            kind: RecallKind::Recall,
            reason: "it leaks tokens".into(),
            index: 8,
        }],
        revoked_keys: vec![RevokedKey {
            namespace: "acme".parse().expect("a name"),
            key_id: key(3).public_key().id(),
            from_index: 1,
            index: 9,
        }],
    }
}

/// The first trust document.
pub fn document() -> TrustDocument {
    TrustDocument {
        version: 1,
        origin: ORIGIN.into(),
        issued_at: AT,
        log_keys: vec![DatedKey::new(key(1).public_key())],
        registry_keys: vec![DatedKey::new(key(2).public_key())],
        witnesses: vec![witness_verifier()],
        witness_quorum: 1,
    }
}

/// A bundle of the release whose proofs hold.
pub fn bundle() -> Bundle {
    let entries = log_entries();
    let (edge, tiles) = tree(entries.iter().map(Vec::as_slice));
    let logged = |index: usize| LoggedEntry {
        index: index as u64,
        entry: String::from_utf8(entries[index].clone()).expect("JSON"),
        proof: prove_inclusion(index as u64, edge.size(), &tiles).expect("all tiles"),
    };
    Bundle {
        format: 2,
        plugin: "acme:hello".parse().expect("a name"),
        version: "1.0.0".parse().expect("a version"),
        digest: Digest::of(b"package"),
        size_bytes: 7,
        manifest_digest: Digest::of(b"manifest"),
        attestation: Envelope::sign(PAYLOAD_TYPE, b"{}".to_vec(), &key(3)),
        public_key: key(3).public_key(),
        key_id: key(3).public_key().id(),
        profile: built_in_profile("extism:pdk").expect("a built-in profile").clone(),
        checkpoint: checkpoint(edge.size(), edge.root()),
        publish: logged(1),
        key_enrollment: logged(0),
        key_revocation: Some(logged(9)),
        verdict: Some(logged(2)),
        events: [3, 5, 8].map(logged).to_vec(),
        standing: sign_standing(&standing(), &key(2)),
    }
}

/// The signed recall feed.
pub fn signed_recalls() -> Envelope {
    sign_recalls(&recalls(), &key(2))
}

/// The bundle of a release that passes every step.
pub fn honest_bundle() -> &'static Bundle {
    &honest().bundle
}

/// What a host decides about the honest release's package by this bundle.
pub fn checked_by(bundle: &Bundle) -> Option<CheckedPackage> {
    let honest = honest();
    let check = Check {
        release: &honest.bundle.release_id(),
        trust: &honest.trust,
        known_log: None,
        recalls: Some(&honest.recalls),
        pinned: None,
        authors: None,
        demands: &Demands::default(),
        grants: Some(&Grants::default()),
        host: None,
        profiles: &[],
        believe_bundle_profile: false,
        limits: &PackageLimits::default(),
        now: honest::AT,
    };
    check_package(&honest.package, bundle, &check).ok()
}

fn honest() -> &'static honest::HonestRelease {
    static RELEASE: LazyLock<honest::HonestRelease> =
        LazyLock::new(|| honest::release_of(b"\0asm\x01\0\0\0", 300));
    &RELEASE
}
