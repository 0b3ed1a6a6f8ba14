//! The same tree, notes and keys by other implementations: `tlog_tiles` and `signed_note`, ports of the Go packages
//! that run the Go checksum database.

use proptest::prelude::*;
use signed_note::{Note, StandardSigner, StandardVerifier, VerifierList};
use tlog_tiles::{HashReader, Tile};

use super::{Grown, ORIGIN, entry, log_key};
use crate::log::{
    Checkpoint, Hash, NoteVerifier, SignedCheckpoint, SignedNote, TilePath, prove_consistency,
    prove_inclusion, verify_consistency, verify_inclusion,
};
use crate::signing::SecretKey;

/// The hashes of their tree, in their order.
#[derive(Default)]
struct Stored(Vec<tlog_tiles::Hash>);

impl HashReader for Stored {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog_tiles::Hash>, tlog_tiles::Error> {
        Ok(indexes.iter().map(|&index| self.0[index as usize]).collect())
    }
}

fn their_tree(size: u64) -> Stored {
    let mut stored = Stored::default();
    for index in 0..size {
        let hashes = tlog_tiles::stored_hashes(index, &entry(index), &stored).unwrap();
        stored.0.extend(hashes);
    }
    stored
}

fn ours(hashes: &[tlog_tiles::Hash]) -> Vec<Hash> {
    hashes.iter().map(|hash| Hash(hash.0)).collect()
}

fn theirs(hashes: &[Hash]) -> Vec<tlog_tiles::Hash> {
    hashes.iter().map(|hash| tlog_tiles::Hash(hash.0)).collect()
}

/// The path of their tile as C2SP writes it: without the height, and with another word for entries.
fn c2sp_path(tile: &Tile) -> String {
    tile.path().replacen("tile/8/data/", "tile/entries/", 1).replacen("tile/8/", "tile/", 1)
}

fn name() -> impl Strategy<Value = String> {
    "[a-z0-9./é-]{1,30}"
}

fn their_signer(name: &str, seed: &[u8; 32]) -> StandardSigner {
    use base64::Engine as _;
    let key = SecretKey::from_seed(seed);
    let verifier = NoteVerifier::of_log(name, key.public_key()).unwrap();
    let digits = base64::engine::general_purpose::STANDARD.encode([[1].as_slice(), seed].concat());
    StandardSigner::new(&format!("PRIVATE+KEY+{name}+{:08x}+{digits}", verifier.key_id())).unwrap()
}

fn their_verifier(verifier: &NoteVerifier) -> VerifierList {
    VerifierList::new(vec![Box::new(StandardVerifier::new(&verifier.to_string()).unwrap())])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn roots_and_proofs_are_the_same(size in 1_u64..700, at in any::<(proptest::sample::Index, proptest::sample::Index)>()) {
        let (grown, stored) = (Grown::to(size), their_tree(size));
        let (index, old) = (at.0.index(size as usize) as u64, at.1.index(size as usize) as u64 + 1);
        let root = tlog_tiles::tree_hash(size, &stored).unwrap();
        prop_assert_eq!(grown.root(), Hash(root.0));

        let inclusion = tlog_tiles::prove_record(size, index, &stored).unwrap();
        let consistency = tlog_tiles::prove_tree(size, old, &stored).unwrap();

        prop_assert_eq!(prove_inclusion(index, size, &grown.tiles).unwrap(), ours(&inclusion));
        prop_assert_eq!(prove_consistency(old, size, &grown.tiles).unwrap(), ours(&consistency));
    }

    #[test]
    fn a_proof_is_taken_or_refused_by_both(
        size in 1_u64..60,
        at in any::<[proptest::sample::Index; 4]>(),
        change in any::<Option<(proptest::sample::Index, u8)>>(),
    ) {
        let grown = Grown::to(size);
        let [index, claimed, old, claimed_old] = at.map(|at| at.index(size as usize) as u64);
        let (old, claimed_old) = (old + 1, claimed_old + 1);
        let leaf = crate::log::leaf_hash(&entry(index));
        let damaged = |mut proof: Vec<Hash>| {
            if let Some((place, byte)) = change && !proof.is_empty() {
                let place = place.index(proof.len() * 32);
                proof[place / 32].0[place % 32] ^= byte;
            }
            proof
        };

        let inclusion = damaged(prove_inclusion(index, size, &grown.tiles).unwrap());
        let consistency = damaged(prove_consistency(old, size, &grown.tiles).unwrap());

        let root = grown.root();
        let hash = |hash: Hash| tlog_tiles::Hash(hash.0);
        prop_assert_eq!(
            verify_inclusion(leaf, claimed, size, root, &inclusion).is_ok(),
            tlog_tiles::check_record(&theirs(&inclusion), size, hash(root), claimed, hash(leaf)).is_ok()
        );
        let old_root = Grown::to(old).root();
        prop_assert_eq!(
            verify_consistency(claimed_old, old_root, size, root, &consistency).is_ok(),
            tlog_tiles::check_tree(&theirs(&consistency), size, hash(root), claimed_old, hash(old_root)).is_ok()
        );
    }

    #[test]
    fn tiles_have_the_same_paths_and_bytes(old in 0_u64..700, more in 1_u64..700) {
        let mut grown = Grown::to(old);
        let stored = their_tree(old + more);

        let written = grown.grow(old + more);

        let hashes: Vec<&TilePath> = written.iter().filter(|path| matches!(path, TilePath::Hashes(_))).collect();
        let theirs = Tile::new_tiles(8, old, old + more);
        prop_assert_eq!(
            hashes.iter().map(|path| path.path()).collect::<Vec<_>>(),
            theirs.iter().map(c2sp_path).collect::<Vec<_>>()
        );
        for (path, tile) in hashes.iter().zip(&theirs) {
            prop_assert_eq!(&grown.stored[path], &tile.read_data(&stored).unwrap());
        }
    }

    #[test]
    fn paths_are_written_and_read_alike(level in 0_u8..=7, index in any::<u64>(), width in 1_u32..=256, entries in any::<bool>()) {
        let level = if entries { 0 } else { level };
        let index = index.checked_shr(8 * (u32::from(level) + 1)).unwrap_or(0) >> (index % 57);
        let theirs = c2sp_path(&Tile::new(8, level, index, width, entries));

        let ours = TilePath::parse(&theirs).unwrap();

        prop_assert_eq!(ours.path(), theirs);
        prop_assert_eq!(u32::from(ours.width()), width);
    }

    #[test]
    fn a_text_is_a_path_for_both_or_for_none(text in "(tile/)?(0|1|7|00|8|entries)(/x?[0-9]{2,4}){1,4}(\\.p/[0-9]{1,3})?") {
        let theirs = text.replacen("tile/", "tile/8/", 1).replacen("/8/entries/", "/8/data/", 1);

        let ours = TilePath::parse(&text);

        // Some texts that are no path make them panic ("invalid tile").
        let theirs = std::panic::catch_unwind(|| Tile::from_path(&theirs).ok()).unwrap_or_default();
        let theirs = theirs.filter(|tile| tile.level() <= 7 && tile.width() > 0);
        // They have no bound on the index of a level above the leaves.
        let theirs = theirs.filter(|tile| tile.level_index() >> (8 * (7 - u32::from(tile.level()))) == 0);
        prop_assert_eq!(ours.is_ok(), theirs.is_some(), "{}", text);
    }

    #[test]
    fn a_note_we_signed_is_opened_by_them(name in name(), seed in any::<[u8; 32]>(), size in 0..=i64::MAX as u64, root in any::<[u8; 32]>()) {
        let key = SecretKey::from_seed(&seed);
        let verifier = NoteVerifier::of_log(&name, key.public_key()).unwrap();
        let checkpoint = Checkpoint { origin: name.clone(), tree_size: size, root: Hash(root) };

        let signed = checkpoint.sign(&[(&name, &key)]);

        let note = Note::from_bytes(signed.as_bytes()).unwrap();
        let (verified, unknown) = note.verify(&their_verifier(&verifier)).unwrap();
        prop_assert_eq!((verified.len(), unknown.len()), (1, 0));
        let theirs = tlog_tiles::Checkpoint::from_bytes(note.text()).unwrap();
        prop_assert_eq!((theirs.origin(), theirs.size(), theirs.hash().0), (name.as_str(), size, root));
        prop_assert_eq!(note.to_bytes(), signed.into_bytes());
    }

    #[test]
    fn a_note_they_signed_is_opened_by_us(name in name(), seed in any::<[u8; 32]>(), size in 0..=i64::MAX as u64, root in any::<[u8; 32]>()) {
        let theirs = tlog_tiles::Checkpoint::new(&name, size, tlog_tiles::Hash(root), "").unwrap();
        let mut note = Note::new(&theirs.to_bytes(), &[]).unwrap();
        note.add_sigs(&[&their_signer(&name, &seed)]).unwrap();
        let verifier = NoteVerifier::of_log(&name, SecretKey::from_seed(&seed).public_key()).unwrap();

        let signed = String::from_utf8(note.to_bytes()).unwrap();

        let read = SignedCheckpoint::parse(&signed).unwrap();
        prop_assert_eq!(read.verify(&[verifier]).unwrap(), Checkpoint { origin: name, tree_size: size, root: Hash(root) });
        prop_assert_eq!(read.to_string(), signed);
    }

    #[test]
    fn what_is_a_note_for_us_is_one_for_them(text in "(a\n|b\n|\n){1,4}(— [ab+]{1,2} (AAAAAA==|AAAAAAA=|AAAAAB==|abc)\n|\n){0,4}") {
        let theirs = Note::from_bytes(text.as_bytes());

        let ours = SignedNote::parse(text.as_bytes());

        prop_assert_eq!(ours.is_ok(), theirs.is_ok(), "{:?}: {:?} {:?}", text, ours, theirs.err());
        if let Ok(note) = ours {
            let theirs = theirs.unwrap();
            prop_assert_eq!(note.text().as_bytes(), theirs.text());
            prop_assert_eq!(note.to_string(), text);
        }
    }

    #[test]
    fn verifier_keys_have_the_same_text(name in name(), seed in any::<[u8; 32]>(), damage in any::<Option<(proptest::sample::Index, char)>>()) {
        let verifier = NoteVerifier::of_log(&name, SecretKey::from_seed(&seed).public_key()).unwrap();
        let mut text: Vec<char> = verifier.to_string().chars().collect();
        if let Some((place, character)) = damage {
            let place = place.index(text.len());
            text[place] = character;
        }
        let text: String = text.into_iter().collect();

        let theirs = StandardVerifier::new(&text);

        match text.parse::<NoteVerifier>() {
            Ok(ours) => {
                prop_assert!(theirs.is_ok(), "{} is a key for us alone", text);
                prop_assert_eq!(ours.to_string(), text);
            }
            Err(_) => prop_assert!(theirs.is_err() || text.to_lowercase() != text, "{} is a key for them alone", text),
        }
    }
}

#[test]
fn their_verifier_refuses_what_ours_refuses() {
    let verifier = NoteVerifier::of_log(ORIGIN, log_key().public_key()).unwrap();
    let checkpoint = Checkpoint { origin: ORIGIN.into(), tree_size: 9, root: Grown::to(9).root() };
    let signed = checkpoint.sign(&[(ORIGIN, &log_key())]);

    for place in 0..signed.len() {
        let mut damaged = signed.clone().into_bytes();
        damaged[place] ^= 1;
        let theirs =
            Note::from_bytes(&damaged).is_ok_and(|note| note.verify(&their_verifier(&verifier)).is_ok());
        let ours = String::from_utf8(damaged).is_ok_and(|text| {
            SignedCheckpoint::parse(&text)
                .is_ok_and(|read| read.verify(std::slice::from_ref(&verifier)).is_ok())
        });

        assert_eq!((ours, theirs), (false, false), "byte {place}");
    }
}
