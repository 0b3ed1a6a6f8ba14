//! What the fuzz targets share: their seeds, and an honest registry to start from.
//!
//! Seeds are made when a target starts, so they are always of the formats of today; nothing of `corpus/` is kept in
//! the repository.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use pluginry::domain::Grants;
use pluginry::log::{Checkpoint, Hash, NoteVerifier, SignedCheckpoint, TilePath, Tiles, TreeEdge, cosign};
use pluginry::signing::{Envelope, SecretKey};
use pluginry::trust::{
    Bundle, Check, CheckedPackage, Demands, LogEvent, LogStatement, RecallFeed, Standing, TrustDocument,
    Verdict, check_package, read_standing, read_verdict, sign_recalls,
};
use pluginry::wasm::PackageLimits;

#[path = "../../benches/honest/mod.rs"]
mod honest;

/// Writes the seeds of a target into its corpus, where libFuzzer looks next.
pub fn seed(target: &str, seeds: impl IntoIterator<Item = impl AsRef<[u8]>>) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    fs::create_dir_all(&corpus).expect("the corpus can be made");
    for (number, seed) in seeds.into_iter().enumerate() {
        fs::write(corpus.join(format!("seed-{number}")), seed).expect("a seed can be written");
    }
}

/// Key 1 is the log's, 2 the registry's, 3 the author's, 4 the witness's.
pub fn key(number: u8) -> SecretKey {
    honest::key(number)
}

/// The log's key.
pub fn log_verifier() -> NoteVerifier {
    NoteVerifier::of_log(honest::ORIGIN, key(1).public_key()).expect("a name")
}

/// The witness's key.
pub fn witness_verifier() -> NoteVerifier {
    NoteVerifier::of_witness(honest::WITNESS, key(4).public_key()).expect("a name")
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
    let head = Checkpoint { origin: honest::ORIGIN.into(), tree_size, root };
    let signed = SignedCheckpoint::parse(&head.sign(&[(honest::ORIGIN, &key(1))])).expect("our own note");
    let line = cosign(&signed, honest::WITNESS, &key(4), 1_700_000_000);
    signed.with_cosignature(&line).expect("our own line").to_string()
}

/// A statement of each kind.
pub fn log_statements() -> &'static [LogStatement] {
    &honest().statements
}

/// The entries of [`log_statements`].
pub fn log_entries() -> Vec<Vec<u8>> {
    log_statements().iter().map(|statement| statement.to_bytes().expect("a small statement")).collect()
}

/// The registry's verdict on the release.
pub fn verdict() -> Verdict {
    let signed = log_statements().iter().find_map(|statement| match &statement.event {
        LogEvent::Verdict(entry) => Some(&entry.summary),
        _ => None,
    });
    read_verdict(signed.expect("one of each kind"), &[key(2).public_key()]).expect("the registry's own")
}

/// What a registry may say of a release, all of it at once.
pub fn standing() -> Standing {
    let said = read_standing(&honest().bundle.standing, &[key(2).public_key()]).expect("the registry's own");
    let words = Some("it leaks tokens".to_owned());
    Standing {
        yanked: true,
        quarantined: words.clone(),
        taken_down: words.clone(),
        recalled: words,
        signer_revoked_from: Some(1),
        ..said
    }
}

/// The recall feed.
pub fn recalls() -> RecallFeed {
    honest().recalls.clone()
}

/// The recall feed as the registry signs it.
pub fn signed_recalls() -> Envelope {
    sign_recalls(&recalls(), &key(2))
}

/// The first trust document.
pub fn document() -> TrustDocument {
    honest().trust.clone()
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
