use super::*;
use crate::log::{Checkpoint, TilePath, Tiles, TreeEdge, prove_consistency};

const ORIGIN: &str = "example.org/log";
const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

fn key(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32])
}

fn witness(folder: &Path) -> Witness {
    let log = NoteVerifier::of_log(ORIGIN, key(7).public_key()).unwrap().to_string();
    Witness::open("witness.example.org", key(8), &[log], folder).unwrap()
}

fn request(old_size: u64, word: &str, size: u64) -> String {
    let (mut edge, mut tiles) = (TreeEdge::new(), Tiles::default());
    for index in 0..size {
        edge.append(format!("{word} {index}").as_bytes()).unwrap();
    }
    for (path, bytes) in edge.take_tiles() {
        if let TilePath::Hashes(tile) = path {
            tiles.insert(tile, bytes).unwrap();
        }
    }
    let proof = prove_consistency(old_size, size, &tiles).unwrap();
    let checkpoint = Checkpoint { origin: ORIGIN.into(), tree_size: size, root: edge.root() };
    AddCheckpoint { old_size, proof, checkpoint: checkpoint.sign(&[(ORIGIN, &key(7))]) }.to_string()
}

#[test]
fn a_cosignature_verifies_and_the_cosigned_checkpoint_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let witness = witness(folder.path());

    let line = witness.add_checkpoint(&request(0, "a", 5), NOW).unwrap();

    let digest = Digest::of(ORIGIN.as_bytes()).to_hex();
    let kept = witness.newest_checkpoint(&digest).unwrap().unwrap();
    assert!(kept.ends_with(&line), "{kept}");
    let kept = SignedCheckpoint::parse(&kept).unwrap();
    let cosignatures = kept.cosignatures(&[witness.verifier().clone()]);
    assert_eq!(cosignatures[0].timestamp, 1_700_000_000);
}

#[test]
fn a_witness_remembers_over_a_restart_and_refuses_a_fork_and_a_rollback() {
    let folder = tempfile::tempdir().unwrap();
    let first = witness(folder.path());
    first.add_checkpoint(&request(0, "a", 5), NOW).unwrap();
    drop(first);
    let again = witness(folder.path());

    let fork = again.add_checkpoint(&request(5, "b", 9), NOW).unwrap_err();
    let rollback = again.add_checkpoint(&request(0, "a", 3), NOW).unwrap_err();
    let growth = again.add_checkpoint(&request(5, "a", 9), NOW);

    assert!(matches!(fork, CosignError::Refused(WitnessRefusal::Inconsistent { .. })), "{fork}");
    let conflict = CosignError::Refused(WitnessRefusal::Conflict { old_size: 0, known_size: 5 });
    assert_eq!(rollback.to_string(), conflict.to_string());
    assert!(growth.is_ok());
}

#[test]
fn a_damaged_memory_is_no_reason_to_start_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = {
        let witness = witness(folder.path());
        witness.add_checkpoint(&request(0, "a", 5), NOW).unwrap();
        witness.path(ORIGIN)
    };
    let note = fs::read_to_string(&path).unwrap();
    for damaged in [String::new(), note[..note.len() / 2].to_owned(), note.replacen("\n5\n", "\n4\n", 1)] {
        fs::write(&path, &damaged).unwrap();

        let answer = witness(folder.path()).add_checkpoint(&request(0, "a", 3), NOW);

        assert!(matches!(answer, Err(CosignError::Memory { .. })), "{damaged:?}: {answer:?}");
    }
}

#[test]
fn two_witnesses_cannot_share_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let _first = witness(folder.path());

    let second = Witness::open("witness.example.org", key(8), &[], folder.path());

    assert!(matches!(second, Err(OpenWitnessError::InUse(_))));
}

#[test]
fn settings_that_make_no_witness_are_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let witness_key = NoteVerifier::of_witness("w", key(8).public_key()).unwrap().to_string();
    let cases = [("", Vec::new()), ("w", vec!["nonsense".to_owned()]), ("w", vec![witness_key])];

    let told = cases.map(|(name, logs)| {
        let refusal = Witness::open(name, key(8), &logs, folder.path()).err().unwrap();
        format!("{refusal}\n  {}", refusal.mend().unwrap_or_default())
    });

    insta::assert_snapshot!(told.join("\n"));
}
