//! Readers written by others, which know nothing of Pluginry: they accept what a registry serves and refuse it
//! tampered with.
//!
//! securesystemslib and in-toto-attestation (Python) read the envelopes; `golang.org/x/mod/sumdb` (Go) and the crates
//! `signed_note` and `tlog_tiles` read the log. `tests/run` brings Python and Go; without them these tests say that
//! they are left out.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic like tests")]

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Once;

use pluginry::log::{NoteVerifier, SignedCheckpoint, TlogProof, prove_consistency, prove_inclusion};
use pluginry::log::{TileId, Tiles, tiles_for_consistency, tiles_for_inclusion};
use pluginry::signing::{Envelope, PublicKey, SecretKey};
use pluginry::trust::{Bundle, LogEvent, LogStatement, TrustChain, TrustDocument};
use serde_json::{Value, json};
use signed_note::{Note, StandardVerifier, VerifierList};

use crate::harness::proxy::Proxy;
use crate::harness::server::{ADDER, TestPackage, TestServer, core_manifest};
use crate::harness::{say_once, variable};

/// A Python that has securesystemslib and in-toto-attestation.
const PYTHON_VARIABLE: &str = "PLUGINRY_TEST_PYTHON";
/// `tests/interop/read_log`, built.
const READ_LOG_VARIABLE: &str = "PLUGINRY_TEST_READ_LOG";

static PYTHON_LEFT_OUT: Once = Once::new();
static GO_LEFT_OUT: Once = Once::new();

fn python() -> Option<String> {
    let python = variable(PYTHON_VARIABLE);
    if python.is_none() {
        let line =
            "securesystemslib and in-toto-attestation did not look at envelopes; tests/run brings them";
        say_once(&PYTHON_LEFT_OUT, line);
    }
    python
}

fn read_log() -> Option<String> {
    let read_log = variable(READ_LOG_VARIABLE);
    if read_log.is_none() {
        say_once(&GO_LEFT_OUT, "Go's sumdb did not read the log; tests/run builds its reader");
    }
    read_log
}

/// A registry with two releases and a verdict each.
async fn registry() -> TestServer {
    let server = TestServer::start().await;
    let author = server.author("acme").await;
    for version in ["1.0.0", "1.1.0"] {
        let package = TestPackage::pack(&core_manifest(&format!("acme:adder@{version}"), ""), ADDER);
        author.publish(&package).await;
        let path = format!("/api/v1/plugins/acme/adder/{version}/verification?wait_seconds=20");
        assert_eq!(server.get_json(&path).await["state"], "passed");
    }
    drop(author);
    server
}

async fn chain_of(server: &TestServer) -> (TrustChain, TrustDocument) {
    let chain: TrustChain = serde_json::from_value(server.get_json("/api/v1/trust").await).unwrap();
    let document = chain.verify().unwrap();
    (chain, document)
}

/// A case for `check_envelopes.py`.
fn case(name: &str, envelope: &Envelope, key: &PublicKey, predicate: Option<&str>) -> Value {
    let envelope: Value = serde_json::from_slice(&envelope.to_json()).unwrap();
    let hex: String = key.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let mut case =
        json!({ "name": name, "envelope": envelope, "public_key": hex, "key_id": key.id().to_hex() });
    if let Some(predicate) = predicate {
        case["predicate"] = predicate.into();
    }
    case
}

/// Every kind of envelope that the registry hands out.
async fn envelopes(server: &TestServer) -> Vec<Value> {
    let (chain, document) = chain_of(server).await;
    let registry_key = document.registry_keys()[0];
    let bundle = server.get_json("/api/v1/plugins/acme/adder/1.0.0/bundle").await;
    let bundle: Bundle = serde_json::from_value(bundle).unwrap();
    let verdict = LogStatement::from_bytes(bundle.verdict.unwrap().entry.as_bytes()).unwrap();
    let LogEvent::Verdict(verdict) = verdict.event else { panic!("the verdict is another entry") };
    let recalls: Envelope = serde_json::from_value(server.get_json("/api/v1/recalls").await).unwrap();
    vec![
        case("author attestation", &bundle.attestation, &bundle.public_key, Some("statement")),
        case("verdict", &verdict.summary, &registry_key, Some("vsa")),
        case("standing", &bundle.standing, &registry_key, Some("statement")),
        case("trust document", &chain.0[0], &registry_key, None),
        case("recall feed", &recalls, &registry_key, None),
    ]
}

/// What the Python reader says: whether it accepts, and its lines.
fn check_envelopes(python: &str, cases: &[Value]) -> (bool, String) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop/check_envelopes.py");
    let mut command = Command::new(python);
    let mut child = command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&serde_json::to_vec(cases).unwrap()).unwrap();
    let output = child.wait_with_output().unwrap();
    (output.status.success(), String::from_utf8(output.stdout).unwrap())
}

/// The same case with another payload under the same signature.
fn with_another_payload(case: &Value) -> Value {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    let mut tampered = case.clone();
    let payload = STANDARD.decode(case["envelope"]["payload"].as_str().unwrap()).unwrap();
    let text = String::from_utf8(payload).unwrap();
    let digit = text.rfind(|c: char| c.is_ascii_digit()).unwrap();
    let another = if &text[digit..=digit] == "7" { "8" } else { "7" };
    let text = format!("{}{another}{}", &text[..digit], &text[digit + 1..]);
    tampered["envelope"]["payload"] = STANDARD.encode(text).into();
    tampered
}

#[tokio::test]
async fn every_envelope_is_accepted_by_securesystemslib_and_in_toto_and_refused_when_tampered_with() {
    let Some(python) = python() else { return };
    let server = registry().await;
    let cases = envelopes(&server).await;
    let stranger = SecretKey::from_seed(&[77; 32]).public_key();

    let accepted = check_envelopes(&python, &cases);
    let mut refused = String::new();
    for case in &cases {
        let mut of_stranger = case.clone();
        let hex: String = stranger.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        of_stranger["public_key"] = hex.into();
        for tampered in [with_another_payload(case), of_stranger] {
            let (is_accepted, said) = check_envelopes(&python, &[tampered]);
            assert!(!is_accepted, "{said}");
            refused += &said;
        }
    }

    assert!(accepted.0, "{}", accepted.1);
    insta::assert_snapshot!("accepted-envelopes", accepted.1);
    insta::assert_snapshot!("refused-envelopes", refused);
}

async fn text_of(server: &TestServer, path: &str) -> String {
    let response = server.get(path).await;
    assert!(response.status().is_success(), "{path}");
    response.text().await.unwrap()
}

/// Whether Go accepts the log at `url`, and what it says.
fn run_read_log(program: &str, url: &str, key: &NoteVerifier, files: &[&str]) -> (bool, String) {
    let output = Command::new(program).args([url, &key.to_string()]).args(files).output().unwrap();
    (output.status.success(), String::from_utf8(output.stdout).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_and_its_proofs_are_accepted_by_go_and_refused_when_tampered_with() {
    let Some(program) = read_log() else { return };
    let server = registry().await;
    let key = chain_of(&server).await.1.log_verifiers().remove(0);
    let old = text_of(&server, "/log/checkpoint").await;
    let author = pluginry_author(&server).await;
    author.publish(&TestPackage::pack(&core_manifest("acme:adder@1.2.0", ""), ADDER)).await;
    drop(author);
    let proof = text_of(&server, "/api/v1/plugins/acme/adder/1.1.0/tlog-proof").await;
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (old, proof_file) = (file("old", &old), file("proof", &proof));

    let accepted = run_read_log(&program, &server.url, &key, &["-old", &old, &proof_file]);
    assert!(accepted.0, "{}", accepted.1);

    let stranger = SecretKey::from_seed(&[77; 32]);
    let other_key = NoteVerifier::of_log(key.name(), stranger.public_key()).unwrap();
    let mut other_index = TlogProof::parse(&proof).unwrap();
    other_index.index -= 1;
    let other_index = file("other-index", &other_index.to_string());
    let fork = SignedCheckpoint::parse(&std::fs::read_to_string(&old).unwrap()).unwrap();
    let fork = pluginry::log::Checkpoint { root: pluginry::log::Hash([1; 32]), ..fork.unverified().clone() };
    let fork = file("fork", &fork.sign(&[(key.name(), &stranger)]));
    let tile = Proxy::start(&server.url, |path, mut body| {
        if path.starts_with("/log/tile/0/") {
            body[0] ^= 1;
        }
        Some(body)
    });
    let entry = Proxy::start(&server.url, |path, mut body| {
        if path.starts_with("/log/tile/entries/") {
            body[40] ^= 1;
        }
        Some(body)
    });
    let refused = [
        run_read_log(&program, &server.url, &other_key, &[]),
        run_read_log(&program, &server.url, &key, &[&other_index]),
        run_read_log(&program, &server.url, &key, &["-old", &fork]),
        run_read_log(&program, &tile.url, &key, &[]),
        run_read_log(&program, &entry.url, &key, &[]),
    ];
    for (is_accepted, said) in refused {
        assert!(!is_accepted && said.starts_with("refused: "), "{said}");
    }
}

async fn pluginry_author(server: &TestServer) -> crate::harness::server::Author<'_> {
    crate::harness::server::Author::signed_in(server, "acme").await
}

fn theirs(hashes: &[pluginry::log::Hash]) -> Vec<tlog_tiles::Hash> {
    hashes.iter().map(|hash| tlog_tiles::Hash(hash.0)).collect()
}

async fn tiles_of(server: &TestServer, wanted: Vec<TileId>) -> Tiles {
    let mut tiles = Tiles::default();
    for tile in wanted {
        let bytes = server.get(&format!("/log/{}", tile.path())).await.bytes().await.unwrap();
        tiles.insert(tile, bytes).unwrap();
    }
    tiles
}

#[tokio::test]
async fn the_bytes_of_the_log_are_accepted_by_signed_note_and_tlog_tiles() {
    let server = registry().await;
    let key = chain_of(&server).await.1.log_verifiers().remove(0);
    let checkpoint = text_of(&server, "/log/checkpoint").await;

    let verifier = StandardVerifier::new(&key.to_string()).unwrap();
    let note = Note::from_bytes(checkpoint.as_bytes()).unwrap();
    let (verified, _) = note.verify(&VerifierList::new(vec![Box::new(verifier)])).unwrap();
    assert_eq!(verified.len(), 1);
    let read = tlog_tiles::Checkpoint::from_bytes(note.text()).unwrap();
    let (size, root) = (read.size(), *read.hash());

    let bundle = server.get(&format!("/log/tile/entries/000.p/{size}")).await.bytes().await.unwrap();
    let entries = pluginry::log::read_entry_bundle(&bundle, size as u16).unwrap();
    for (index, entry) in (0..).zip(entries) {
        let tiles = tiles_of(&server, tiles_for_inclusion(index, size)).await;
        let proof = theirs(&prove_inclusion(index, size, &tiles).unwrap());
        let leaf = tlog_tiles::record_hash(entry);
        tlog_tiles::check_record(&proof, size, root, index, leaf).unwrap();
        assert!(
            tlog_tiles::check_record(&proof, size, root, index, tlog_tiles::record_hash(b"else")).is_err()
        );
    }
    for old in 1..=size {
        let tiles = tiles_of(&server, tiles_for_consistency(old, size)).await;
        let proof = theirs(&prove_consistency(old, size, &tiles).unwrap());
        let before = tiles_of(&server, pluginry::log::tiles_for_root(old)).await;
        let old_root = tlog_tiles::Hash(pluginry::log::root(old, &before).unwrap().0);
        tlog_tiles::check_tree(&proof, size, root, old, old_root).unwrap();
        assert!(tlog_tiles::check_tree(&proof, size, root, old, tlog_tiles::Hash([1; 32])).is_err());
    }
}
