//! Notes, checkpoints, cosignatures and the texts of proofs.

use proptest::prelude::*;

use super::{Grown, ORIGIN, entry, log_key, witness_key};
use crate::log::{
    AddCheckpoint, Checkpoint, CheckpointError, Cosignature, Hash, NoteError, NoteVerifier, SignedCheckpoint,
    SignedNote, TlogProof, cosign, leaf_hash, prove_consistency, prove_inclusion, verify_consistency,
    verify_inclusion,
};

fn log_verifier() -> NoteVerifier {
    NoteVerifier::of_log(ORIGIN, log_key().public_key()).unwrap()
}

fn witness(number: u8) -> NoteVerifier {
    NoteVerifier::of_witness(&format!("witness.example/w{number}"), witness_key(number).public_key()).unwrap()
}

fn checkpoint(size: u64) -> Checkpoint {
    Checkpoint { origin: ORIGIN.into(), tree_size: size, root: Grown::to(size).root() }
}

fn signed(size: u64) -> SignedCheckpoint {
    SignedCheckpoint::parse(&checkpoint(size).sign(&[(ORIGIN, &log_key())])).unwrap()
}

fn cosigned(checkpoint: &SignedCheckpoint, number: u8, at: u64) -> SignedCheckpoint {
    let line = cosign(checkpoint, witness(number).name(), &witness_key(number), at);
    checkpoint.with_cosignature(&line).unwrap()
}

#[test]
fn the_example_of_the_specification_verifies() {
    let verifier: NoteVerifier =
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k".parse().unwrap();
    let text = "This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

    let note = SignedNote::parse(text.as_bytes()).unwrap();

    assert!(note.signed_by(&verifier));
    assert_eq!(note.text(), "This is an example message.\n");
    assert_eq!(note.to_string(), text);
}

#[test]
fn a_checkpoint_is_believed_for_the_keys_of_its_origin_alone() {
    let other_origin = NoteVerifier::of_log("other.example/log", log_key().public_key()).unwrap();
    let other_key = NoteVerifier::of_log(ORIGIN, witness_key(1).public_key()).unwrap();
    let as_witness = NoteVerifier::of_witness(ORIGIN, log_key().public_key()).unwrap();
    let read = signed(9);

    assert_eq!(read.verify(&[other_key.clone(), log_verifier()]), Ok(checkpoint(9)));
    for keys in [&[][..], &[other_origin], &[other_key], &[as_witness]] {
        assert!(matches!(read.verify(keys), Err(CheckpointError::Unsigned { .. })), "{keys:?}");
    }
}

#[test]
fn a_log_may_sign_for_another_origin_without_being_believed() {
    let forged = Checkpoint { origin: "other.example/log".into(), ..checkpoint(9) };
    let note = forged.sign(&[(ORIGIN, &log_key())]);

    let read = SignedCheckpoint::parse(&note).unwrap();

    assert!(read.note().signed_by(&log_verifier()));
    assert!(matches!(read.verify(&[log_verifier()]), Err(CheckpointError::Unsigned { .. })));
}

#[test]
fn both_keys_of_a_rotation_verify_and_one_bad_signature_refuses_the_note() {
    let next = NoteVerifier::of_log(ORIGIN, witness_key(9).public_key()).unwrap();
    let note = checkpoint(9).sign(&[(ORIGIN, &log_key()), (ORIGIN, &witness_key(9))]);
    let read = SignedCheckpoint::parse(&note).unwrap();
    for keys in [vec![log_verifier()], vec![next.clone()], vec![log_verifier(), next.clone()]] {
        assert_eq!(read.verify(&keys), Ok(checkpoint(9)));
    }

    // The second key's line now carries the signature of a smaller tree.
    let stale = checkpoint(8).sign(&[(ORIGIN, &witness_key(9))]);
    let read = read.with_cosignature(stale.lines().last().unwrap()).unwrap();

    assert_eq!(read.verify(&[log_verifier()]), Ok(checkpoint(9)));
    let refused = read.verify(&[log_verifier(), next]);
    assert!(matches!(refused, Err(CheckpointError::BadSignature { .. })));
}

#[test]
fn cosignatures_are_counted_once_for_a_key_and_the_newest_time_is_told() {
    let (first, second) = (witness(1), witness(2));
    let alias = NoteVerifier::of_witness("witness.example/alias", witness_key(1).public_key()).unwrap();
    let read = cosigned(&cosigned(&signed(9), 1, 1_700_000_000), 2, 1_700_000_005);
    let read = read.with_cosignature(&cosign(&read, alias.name(), &witness_key(1), 1_700_000_009)).unwrap();

    let counted = read.cosignatures(&[first.clone(), alias, second, first, witness(3)]);

    let of = |number: u8, timestamp| Cosignature { witness: witness(number).name().into(), timestamp };
    assert_eq!(counted, [of(1, 1_700_000_000), of(2, 1_700_000_005)]);
    assert_eq!(read.verify(&[log_verifier()]), Ok(checkpoint(9)));
    assert_eq!(read.without_cosignatures(), signed(9));
}

#[test]
fn a_witness_that_signs_again_replaces_what_it_said_before() {
    let read = cosigned(&cosigned(&signed(9), 1, 1_700_000_000), 1, 1_700_000_600);

    assert_eq!(read.note().signatures().len(), 2);
    assert_eq!(read.cosignatures(&[witness(1)])[0].timestamp, 1_700_000_600);
}

#[test]
fn a_cosignature_of_another_checkpoint_or_time_or_kind_does_not_count() {
    let line = cosign(&signed(8), witness(1).name(), &witness_key(1), 1_700_000_000);
    assert_eq!(signed(9).with_cosignature(&line).unwrap().cosignatures(&[witness(1)]), []);

    let late = cosign(&signed(9), witness(1).name(), &witness_key(1), 1 << 63);
    assert_eq!(signed(9).with_cosignature(&late).unwrap().cosignatures(&[witness(1)]), []);

    let plain = checkpoint(9).sign(&[(witness(1).name(), &witness_key(1))]);
    let plain = signed(9).with_cosignature(plain.lines().last().unwrap()).unwrap();
    assert_eq!(plain.cosignatures(&[witness(1)]), []);
    assert_eq!(read_as_log(&cosigned(&signed(9), 1, 1_700_000_000)), None);
}

/// What is believed where a witness's key is taken for a log's.
fn read_as_log(checkpoint: &SignedCheckpoint) -> Option<Checkpoint> {
    let verifier = NoteVerifier::of_log(witness(1).name(), witness_key(1).public_key()).unwrap();
    checkpoint.verify(&[verifier]).ok()
}

#[test]
fn lines_after_the_third_are_signed_but_not_read() {
    use signed_note::{Note, StandardSigner};
    let text = format!("{}extension line\n", checkpoint(9).text());
    let mut note = Note::new(text.as_bytes(), &[]).unwrap();
    let seed = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, [[1; 33]].concat());
    let signer = format!("PRIVATE+KEY+{ORIGIN}+{:08x}+{seed}", log_verifier().key_id());
    note.add_sigs(&[&StandardSigner::new(&signer).unwrap()]).unwrap();
    let read = SignedCheckpoint::parse(&String::from_utf8(note.to_bytes()).unwrap()).unwrap();

    assert_eq!(read.verify(&[log_verifier()]), Ok(checkpoint(9)));
    assert_eq!(cosigned(&read, 1, 5).cosignatures(&[witness(1)]).len(), 1);
}

#[test]
fn a_text_that_is_not_exactly_a_checkpoint_is_refused() {
    let root = Grown::to(9).root().to_string();
    let texts = [
        format!("{ORIGIN}\n9\n"),
        format!("\n9\n{root}\n"),
        format!("{ORIGIN}\n09\n{root}\n"),
        format!("{ORIGIN}\n+9\n{root}\n"),
        format!("{ORIGIN}\n-9\n{root}\n"),
        format!("{ORIGIN}\n\n{root}\n"),
        format!("{ORIGIN}\n9223372036854775808\n{root}\n"),
        format!("{ORIGIN}\n9\n{}\n", &root[..43]),
        format!("{ORIGIN}\n9\n{root} \n"),
        format!("{ORIGIN}\n9\n{root}\n\nafter an empty line\n"),
        format!("two words\n9\n{root}\n"),
    ];

    for text in texts {
        let signature = signed(9).to_string();
        let note = format!("{text}\n{}\n", signature.lines().last().unwrap());
        assert!(SignedNote::parse(note.as_bytes()).is_ok(), "{text:?}");
        let refused = SignedCheckpoint::parse(&note);
        assert!(matches!(refused, Err(CheckpointError::NotACheckpoint { .. })), "{text:?}");
    }
}

#[test]
fn notes_are_read_up_to_their_bounds() {
    let line = signed(9).to_string().lines().last().unwrap().to_owned() + "\n";
    let with = |count: usize| format!("text\n\n{}", line.repeat(count));

    assert_eq!(SignedNote::parse(with(64).as_bytes()).unwrap().signatures().len(), 64);
    assert!(matches!(SignedNote::parse(with(65).as_bytes()), Err(NoteError::TooManySignatures { .. })));
    let long = format!("{}\n\n{line}", "x".repeat(64 * 1024 - line.len() - 2));
    assert!(SignedNote::parse(long.as_bytes()).is_ok());
    assert!(matches!(SignedNote::parse(format!("x{long}").as_bytes()), Err(NoteError::TooLarge { .. })));
    let full = (0..63).fold(signed(9), |read, number| cosigned(&read, number, 5));
    assert!(full.with_cosignature(&cosign(&full, "one.more", &witness_key(1), 5)).is_err());
}

#[test]
fn a_proof_to_carry_away_proves_its_entry() {
    let grown = Grown::to(300);
    let proof = TlogProof {
        extra: Some(b"about it".to_vec()),
        index: 7,
        hashes: prove_inclusion(7, 300, &grown.tiles).unwrap(),
        checkpoint: cosigned(&signed(300), 1, 1_700_000_000).to_string(),
    };

    let read = TlogProof::parse(&proof.to_string()).unwrap();

    assert_eq!(read, proof);
    let head = SignedCheckpoint::parse(&read.checkpoint).unwrap().verify(&[log_verifier()]).unwrap();
    assert_eq!(
        verify_inclusion(leaf_hash(&entry(7)), read.index, head.tree_size, head.root, &read.hashes),
        Ok(())
    );
    assert!(proof.to_string().starts_with("c2sp.org/tlog-proof@v1\nextra YWJvdXQgaXQ=\nindex 7\n"));
}

#[test]
fn a_request_to_a_witness_proves_the_growth() {
    let grown = Grown::to(300);
    let request = AddCheckpoint {
        old_size: 20,
        proof: prove_consistency(20, 300, &grown.tiles).unwrap(),
        checkpoint: signed(300).to_string(),
    };

    let read = AddCheckpoint::parse(&request.to_string()).unwrap();

    assert_eq!(read, request);
    let head = SignedCheckpoint::parse(&read.checkpoint).unwrap().verify(&[log_verifier()]).unwrap();
    let old_root = Grown::to(20).root();
    assert_eq!(verify_consistency(20, old_root, head.tree_size, head.root, &read.proof), Ok(()));
    assert!(request.to_string().starts_with("old 20\n"));
}

#[test]
fn proof_texts_with_a_line_wrong_are_refused() {
    let hash = Grown::to(3).root();
    let proof = TlogProof { extra: None, index: 1, hashes: vec![hash; 2], checkpoint: signed(3).to_string() };
    let request = AddCheckpoint { old_size: 2, proof: vec![hash; 2], checkpoint: signed(3).to_string() };
    let (proof, request) = (proof.to_string(), request.to_string());
    assert!(TlogProof::parse(&proof).is_ok() && AddCheckpoint::parse(&request).is_ok());

    for (from, to) in [
        ("tlog-proof@v1", "tlog-proof@v2"),
        ("index 1", "index 01"),
        ("index 1", "index -1"),
        ("index 1", "Index 1"),
        ("index 1", "index 9223372036854775807"),
        ("index 1\n", ""),
        ("index 1", "extra !\nindex 1"),
        ("index 1", "extra YQ==\nextra YQ==\nindex 1"),
        ("=\n\n", "=\n"),
        ("\n\n", "\n\n\n"),
        ("3\n", "03\n"),
    ] {
        assert!(TlogProof::parse(&proof.replacen(from, to, 1)).is_err(), "{from:?} became {to:?}");
    }
    for (from, to) in [
        ("old 2", "old 02"),
        ("old 2", "old -2"),
        ("old 2", "old"),
        ("old 2", "old 9223372036854775808"),
        ("old 2\n", ""),
        ("=\n\n", "=\n"),
        ("=\n", "=\nx"),
    ] {
        assert!(AddCheckpoint::parse(&request.replacen(from, to, 1)).is_err(), "{from:?} became {to:?}");
    }
    let hashes =
        |count| AddCheckpoint { old_size: 2, proof: vec![hash; count], checkpoint: signed(3).to_string() };
    assert!(AddCheckpoint::parse(&hashes(63).to_string()).is_ok());
    assert!(AddCheckpoint::parse(&hashes(64).to_string()).is_err());
}

fn hashes() -> impl Strategy<Value = Vec<Hash>> {
    proptest::collection::vec(any::<[u8; 32]>().prop_map(Hash), 0..=63)
}

proptest! {
    #[test]
    fn proof_texts_read_back(extra in any::<Option<Vec<u8>>>(), number in 0..i64::MAX as u64, hashes in hashes()) {
        let checkpoint = signed(3).to_string();
        let proof = TlogProof { extra, index: number, hashes: hashes.clone(), checkpoint: checkpoint.clone() };
        let request = AddCheckpoint { old_size: number, proof: hashes, checkpoint };

        prop_assert_eq!(TlogProof::parse(&proof.to_string()), Ok(proof));
        prop_assert_eq!(AddCheckpoint::parse(&request.to_string()), Ok(request));
    }

    #[test]
    fn a_changed_byte_of_a_checkpoint_is_refused_or_changes_no_meaning(place in any::<proptest::sample::Index>(), byte in any::<u8>()) {
        let text = cosigned(&cosigned(&signed(300), 1, 1_700_000_000), 2, 1_700_000_000).to_string();
        let mut damaged = text.clone().into_bytes();
        let place = place.index(damaged.len());
        let changed = damaged[place] != byte;
        damaged[place] = byte;

        let Ok(damaged) = String::from_utf8(damaged) else { return Ok(()) };
        if let Ok(read) = SignedCheckpoint::parse(&damaged)
            && let Ok(checkpoint_read) = read.verify(&[log_verifier()])
        {
            prop_assert_eq!(checkpoint_read, checkpoint(300));
            let counted = read.cosignatures(&[witness(1), witness(2)]);
            prop_assert_eq!(counted.len(), if changed { 1 } else { 2 });
        }
    }

    #[test]
    fn reading_texts_never_panics_and_writes_them_back(text in "(old 1\n|c2sp.org/tlog-proof@v1\n|index 2\n|extra YQ==\n|a\n|0\n|47DEQpj8HBSa\\+/TImW\\+5JCeuQeRkm5NMpJWZG3hSuFU=\n|\n|— a AAAAAAA=\n|.){0,14}") {
        if let Ok(note) = SignedNote::parse(text.as_bytes()) {
            prop_assert_eq!(note.to_string(), text.clone());
        }
        if let Ok(checkpoint) = SignedCheckpoint::parse(&text) {
            prop_assert_eq!(checkpoint.to_string(), text.clone());
            prop_assert!(checkpoint.verify(&[log_verifier()]).is_err());
        }
        if let Ok(proof) = TlogProof::parse(&text) {
            prop_assert_eq!(proof.to_string(), text.clone());
        }
        if let Ok(request) = AddCheckpoint::parse(&text) {
            prop_assert_eq!(request.to_string(), text.clone());
        }
        if let Ok(hash) = text.parse::<Hash>() {
            prop_assert_eq!(hash.to_string(), text.clone());
        }
        let _ = signed(1).with_cosignature(&text);
    }

    #[test]
    fn reading_bytes_as_a_note_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = SignedNote::parse(&bytes);
    }

    #[test]
    fn reading_a_verifier_key_never_panics(text in "[a-z]{0,3}\\+?[0-9a-f]{0,9}\\+?.{0,50}") {
        if let Ok(verifier) = text.parse::<NoteVerifier>() {
            prop_assert_eq!(verifier.to_string(), text);
        }
    }

    #[test]
    fn verifier_keys_read_back(seed in any::<[u8; 32]>(), as_witness in any::<bool>()) {
        let key = crate::signing::SecretKey::from_seed(&seed).public_key();
        let verifier = if as_witness { NoteVerifier::of_witness("a", key) } else { NoteVerifier::of_log("a", key) }.unwrap();

        prop_assert_eq!(verifier.to_string().parse::<NoteVerifier>(), Ok(verifier.clone()));
        prop_assert_eq!(serde_json::from_str::<NoteVerifier>(&serde_json::to_string(&verifier).unwrap()).unwrap(), verifier);
    }
}
