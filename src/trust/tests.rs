//! What a registry signs reads back, and nothing else does.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::domain::{Digest, Refusal, ReleaseId, Timestamp, VerificationState};
use crate::log::{Hash, NoteVerifier};
use crate::signing::{Envelope, PAYLOAD_TYPE, SecretKey};

const AT: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

fn key(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32])
}

fn release() -> ReleaseId {
    "acme:markdown@1.2.0-rc.1".parse().unwrap()
}

fn verdict(state: VerificationState) -> Verdict {
    Verdict {
        release: release(),
        digest: Digest::of(b"package"),
        verifier: "https://plugins.example.org".into(),
        runtime_version: "wasmtime 48.0.8".into(),
        policy_uri: "https://plugins.example.org/api/v1/verification-policies/sha256:00".into(),
        policy_digest: Digest::of(b"policy"),
        attestation_digest: Digest::of(b"attestation"),
        state,
        facts: json!({"fuel": 12_345, "outcome": "passed"}),
        verified_at: AT,
    }
}

fn standing() -> Standing {
    Standing {
        release: release(),
        digest: Digest::of(b"package"),
        tree_size: 9,
        root: Hash([7; 32]),
        issued_at: AT,
        verification: VerificationState::Passed,
        yanked: true,
        deprecated: Some("use acme:html".into()),
        quarantined: None,
        taken_down: None,
        recalled: Some("leaks tokens".into()),
        signer_revoked_from: Some(4),
    }
}

fn feed() -> RecallFeed {
    let item = |kind, index| RecallItem {
        release: release(),
        digest: Digest::of(b"package"),
        kind,
        reason: "leaks tokens".into(),
        index,
    };
    RecallFeed {
        issued_at: AT,
        expires_at: AT.plus_seconds(RECALLS_LIFE_SECONDS),
        tree_size: 9,
        recalls: vec![item(RecallKind::Quarantine, 5), item(RecallKind::Recall, 7)],
        revoked_keys: vec![RevokedKey {
            namespace: "acme".parse().unwrap(),
            key_id: key(7).public_key().id(),
            from_index: 4,
            index: 8,
        }],
    }
}

fn document() -> TrustDocument {
    TrustDocument {
        version: 1,
        origin: "plugins.example.org".into(),
        issued_at: AT,
        log_keys: vec![DatedKey::new(key(1).public_key())],
        registry_keys: vec![DatedKey::new(key(2).public_key())],
        witnesses: vec![NoteVerifier::of_witness("witness.example", key(9).public_key()).unwrap()],
        witness_quorum: 1,
    }
}

/// The document after a rotation of the registry key 2 to 3, at tree size 40.
fn rotated() -> TrustDocument {
    let mut next = document();
    next.version = 2;
    next.registry_keys[0].retired_at = Some(40);
    next.registry_keys.push(DatedKey::new(key(3).public_key()));
    next
}

fn chain() -> TrustChain {
    TrustChain(vec![document().sign(&[&key(2)]), rotated().sign(&[&key(2), &key(3)])])
}

#[test]
fn everything_reads_back_under_the_key_that_signed_it() {
    let registry = [key(2).public_key()];

    for state in [VerificationState::Passed, VerificationState::Failed] {
        assert_eq!(read_verdict(&sign_verdict(&verdict(state), &key(2)), &registry), Ok(verdict(state)));
    }
    assert_eq!(read_standing(&sign_standing(&standing(), &key(2)), &registry), Ok(standing()));
    assert_eq!(read_recalls(&sign_recalls(&feed(), &key(2)), &registry), Ok(feed()));
    assert_eq!(TrustChain(vec![document().sign(&[&key(2)])]).verify(), Ok(document()));
}

#[test]
fn a_verdict_is_a_summary_as_slsa_specifies_it() {
    let envelope = sign_verdict(&verdict(VerificationState::Passed), &key(2));

    let statement: Value = serde_json::from_slice(envelope.payload()).unwrap();

    insta::assert_json_snapshot!(statement);
}

#[test]
fn a_trust_document_names_its_log_keys_as_other_tools_read_them() {
    let statement: Value = serde_json::from_slice(rotated().sign(&[&key(2)]).payload()).unwrap();

    insta::assert_json_snapshot!(statement);
}

#[test]
fn the_gravest_word_about_a_package_is_the_one_that_is_told() {
    let feed = feed();

    assert_eq!(feed.item(Digest::of(b"package")).unwrap().kind, RecallKind::Recall);
    assert_eq!(feed.item(Digest::of(b"another")), None);
    assert!(!feed.is_expired(feed.expires_at.plus_seconds(-1)) && feed.is_expired(feed.expires_at));
}

#[test]
fn a_client_that_pinned_the_first_version_follows_a_rotation() {
    let chain = TrustChain::from_json(&chain().to_json()).unwrap();

    let followed = chain.follow(&document()).unwrap();

    assert_eq!(followed, rotated());
    assert_eq!(followed.registry_keys(), [key(3).public_key()]);
    assert_eq!(followed.registry_keys_at(40), [key(2).public_key(), key(3).public_key()]);
    assert_eq!(followed.registry_keys_at(41), [key(3).public_key()]);
    assert_eq!(chain.follow(&rotated()), Ok(rotated()));
}

#[test]
fn a_pinned_document_reads_back_from_the_memory_of_a_client() {
    let text = serde_json::to_string(&rotated()).unwrap();

    assert_eq!(serde_json::from_str::<TrustDocument>(&text).unwrap(), rotated());
}

/// What each of the many wrong inputs is answered.
#[test]
fn every_refusal_reads_well() {
    let mut told = String::new();
    let mut tell = |case: &str, error: &dyn Refusal| {
        let mend = error.mend().unwrap();
        told += &format!("{case}\n  {}\n  {}\n  {mend}\n", error.code(), error);
    };

    for (case, error) in statement_refusals() {
        tell(case, &error);
    }
    for (case, error) in chain_refusals() {
        tell(case, &error);
    }

    insta::assert_snapshot!(told);
}

fn statement_refusals() -> Vec<(&'static str, StatementError)> {
    let registry = [key(2).public_key()];
    let passed = sign_verdict(&verdict(VerificationState::Passed), &key(2));
    let standing = sign_standing(&standing(), &key(2));
    let altered = |envelope: &Envelope, from: &str, to: &str| {
        let text = String::from_utf8(envelope.payload().to_vec()).unwrap();
        assert!(text.contains(from), "{text}");
        Envelope::sign(PAYLOAD_TYPE, text.replacen(from, to, 1).into_bytes(), &key(2))
    };
    let forged = {
        let mut wire: Value = serde_json::from_slice(&passed.to_json()).unwrap();
        wire["payload"] = serde_json::from_slice::<Value>(&standing.to_json()).unwrap()["payload"].clone();
        serde_json::from_value::<Envelope>(wire).unwrap()
    };
    let other: ReleaseId = "acme:markdown@1.2.1".parse().unwrap();
    let mut undying = feed();
    undying.expires_at = AT.plus_seconds(RECALLS_LIFE_SECONDS + 1);
    let long = Envelope::sign(PAYLOAD_TYPE, vec![b' '; 41 * 1024], &key(2));
    let foreign = sign_standing(&self::standing(), &key(8));
    let verdict_of = |envelope: &Envelope| read_verdict(envelope, &registry).unwrap_err();
    vec![
        ("a standing by a stranger's key", read_standing(&foreign, &registry).unwrap_err()),
        ("a signature over other bytes", verdict_of(&forged)),
        ("a standing in place of a verdict", verdict_of(&standing)),
        ("a recall feed in place of a verdict", verdict_of(&sign_recalls(&feed(), &key(2)))),
        ("an endless verdict", verdict_of(&long)),
        ("another statement type", verdict_of(&altered(&passed, "in-toto.io/Statement/v1", "in-toto.io/v2"))),
        (
            "a subject that is no release",
            verdict_of(&altered(&passed, "\"name\":\"pkg:pluginry", "\"name\":\"pkg:npm")),
        ),
        ("a verdict that contradicts itself", verdict_of(&altered(&passed, "\"PASSED\"", "\"FAILED\""))),
        (
            "an unknown field",
            read_standing(&altered(&standing, "\"yanked\"", "\"x\":1,\"yanked\""), &registry).unwrap_err(),
        ),
        (
            "a feed that lives too long",
            read_recalls(&sign_recalls(&undying, &key(2)), &registry).unwrap_err(),
        ),
        (
            "a verdict about another release",
            verdict(VerificationState::Passed).check_subject(&other, Digest::of(b"package")).unwrap_err(),
        ),
        (
            "a standing about other bytes",
            self::standing().check_subject(&release(), Digest::of(b"others")).unwrap_err(),
        ),
    ]
}

fn chain_refusals() -> Vec<(&'static str, TrustChainError)> {
    let first = || document().sign(&[&key(2)]);
    let refused = |second: TrustDocument, keys: &[&SecretKey]| {
        TrustChain(vec![first(), second.sign(keys)]).follow(&document()).unwrap_err()
    };
    let changed = |change: &dyn Fn(&mut TrustDocument)| {
        let mut document = rotated();
        change(&mut document);
        document
    };
    let both = [&key(2), &key(3)];
    let mut stranger = document();
    stranger.registry_keys = vec![DatedKey::new(key(8).public_key())];
    let strangers = TrustChain(vec![stranger.sign(&[&key(8)])]);
    vec![
        ("no JSON", TrustChain::from_json(b"{").unwrap_err()),
        ("no version", TrustChain::from_json(b"{\"versions\":[]}").unwrap().verify().unwrap_err()),
        ("a new key the old one did not sign", refused(rotated(), &[&key(3)])),
        ("a new key that did not sign itself", refused(rotated(), &[&key(2)])),
        ("another registry altogether", strangers.follow(&document()).unwrap_err()),
        ("an older answer", TrustChain(vec![first()]).follow(&rotated()).unwrap_err()),
        ("a version left out", refused(changed(&|next| next.version = 3), &both)),
        ("another origin", refused(changed(&|next| next.origin = "evil.example".into()), &both)),
        ("a key left out", refused(changed(&|next| next.registry_keys = vec![next.registry_keys[1]]), &both)),
        ("a key listed twice", refused(changed(&|next| next.log_keys = vec![next.log_keys[0]; 2]), &both)),
        ("no log key that counts", refused(changed(&|next| next.log_keys[0].retired_at = Some(1)), &both)),
        ("more witnesses asked for than named", refused(changed(&|next| next.witness_quorum = 2), &both)),
    ]
}

#[test]
fn a_retired_key_never_comes_back() {
    let mut revived = rotated();
    revived.version = 3;
    revived.registry_keys[0].retired_at = None;
    let mut chain = chain();
    chain.0.push(revived.sign(&[&key(3)]));

    let refused = chain.follow(&document()).unwrap_err();

    assert_eq!(refused.code(), "trust-rule-broken");
}

#[test]
fn a_retired_key_signs_no_further_version() {
    let mut third = rotated();
    third.version = 3;
    third.registry_keys.push(DatedKey::new(key(8).public_key()));
    let mut chain = chain();
    chain.0.push(third.sign(&[&key(2), &key(8)]));

    let refused = chain.follow(&document()).unwrap_err();

    assert_eq!(refused.code(), "trust-changed");
}

proptest! {
    #[test]
    fn reading_what_a_key_signed_never_panics(text in r#"[\{\}\[\]",:a-zA-Z0-9+/=. ]{0,300}"#) {
        let registry = [key(2).public_key()];
        for payload_type in [PAYLOAD_TYPE, RECALLS_PAYLOAD_TYPE, TRUST_PAYLOAD_TYPE] {
            let envelope = Envelope::sign(payload_type, text.clone().into_bytes(), &key(2));
            let _ = read_verdict(&envelope, &registry);
            let _ = read_standing(&envelope, &registry);
            let _ = read_recalls(&envelope, &registry);
            let _ = TrustChain(vec![envelope]).verify();
        }
        let _ = TrustChain::from_json(text.as_bytes());
    }

    #[test]
    fn a_damaged_standing_is_never_read_as_another(position in 0_usize..2000, byte in any::<u8>()) {
        let mut json = sign_standing(&standing(), &key(2)).to_json();
        let position = position % json.len();
        json[position] = byte;

        if let Ok(envelope) = Envelope::from_json(&json)
            && let Ok(found) = read_standing(&envelope, &[key(2).public_key()])
        {
            prop_assert_eq!(found, standing());
        }
    }
}
