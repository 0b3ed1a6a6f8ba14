//! Every refusal of the log, with its code, its words and what to do.

use super::{Grown, ORIGIN, log_key, witness_key};
use crate::domain::Refusal;
use crate::log::{
    AddCheckpoint, Checkpoint, NoteVerifier, SignedCheckpoint, SignedNote, TileId, TilePath, Tiles,
    TlogProof, TreeEdge, prove_consistency, prove_inclusion, read_entry_bundle, tiles_for_root,
    verify_consistency, verify_inclusion,
};

fn told<T>(what: &str, outcome: Result<T, impl Refusal>) -> String {
    let Err(error) = outcome else { panic!("{what} was not refused") };
    format!("{what}\n  {}: {error}\n  {}\n", error.code(), error.mend().unwrap())
}

fn signed(size: u64) -> SignedCheckpoint {
    let checkpoint = Checkpoint { origin: ORIGIN.into(), tree_size: size, root: Grown::to(size).root() };
    SignedCheckpoint::parse(&checkpoint.sign(&[(ORIGIN, &log_key())])).unwrap()
}

#[test]
fn every_refusal_of_a_proof_reads_well() {
    let grown = Grown::to(5);
    let (root, leaf) = (grown.root(), crate::log::leaf_hash(b"something else"));
    let proof = prove_inclusion(2, 5, &grown.tiles).unwrap();

    let words = [
        told("beyond the tree", verify_inclusion(leaf, 5, 5, root, &proof)),
        told("shrunk", verify_consistency(5, root, 4, root, &[])),
        told("too large", verify_inclusion(leaf, 0, 1 << 63, root, &[])),
        told("too short", verify_inclusion(leaf, 2, 5, root, &proof[1..])),
        told("another entry", verify_inclusion(leaf, 2, 5, root, &proof)),
        told("another past", verify_consistency(5, leaf, 5, root, &[])),
        told("a tile is missing", prove_consistency(3, 300, &grown.tiles)),
    ]
    .concat();

    insta::assert_snapshot!(words);
}

#[test]
fn every_refusal_of_stored_bytes_reads_well() {
    let grown = Grown::to(3);
    let mut tiles = Tiles::default();
    for tile in tiles_for_root(3) {
        tiles.insert(tile, grown.tiles.get(tile).unwrap().to_vec()).unwrap();
    }

    let words = [
        told("a path", TilePath::parse("tile/0/7")),
        told("a tile's length", tiles.insert(TileId::new(0, 67, 5).unwrap(), vec![0; 31])),
        told("a hash", "c29tZXRoaW5n".parse::<crate::log::Hash>()),
        told("a bundle that ends", read_entry_bundle(&[0, 1, 7, 0], 2)),
        told("a bundle that goes on", read_entry_bundle(&[0, 1, 7, 0], 1)),
        told("an entry", TreeEdge::new().append(&[0; 70_000])),
        told("an edge without tile", TreeEdge::from_parts(3, &Tiles::default(), None)),
        told("an edge without bundle", TreeEdge::from_parts(3, &tiles, None)),
        told("an edge with a bundle cut off", TreeEdge::from_parts(3, &tiles, Some(&[0, 9]))),
        told("an edge with another bundle", TreeEdge::from_parts(3, &tiles, Some(&[0; 6]))),
    ]
    .concat();

    insta::assert_snapshot!(words);
}

#[test]
fn every_refusal_of_a_text_reads_well() {
    let line = signed(3).to_string().lines().last().unwrap().to_owned() + "\n";
    let note = |text: &str| SignedNote::parse(text.as_bytes());
    let other = NoteVerifier::of_log(ORIGIN, witness_key(1).public_key()).unwrap();
    let log = NoteVerifier::of_log(ORIGIN, log_key().public_key()).unwrap();
    let key = log.to_string();

    let words = [
        told("a large note", note(&"x".repeat(70_000))),
        told("many signatures", note(&format!("text\n\n{}", line.repeat(65)))),
        told("no note", note("text\n")),
        told("no signature line", note("text\n\n- somebody AAAA\n")),
        told("no checkpoint", SignedCheckpoint::parse(&format!("text\n\n{line}"))),
        told("a note that is none", SignedCheckpoint::parse("text\n")),
        told("an unknown key", signed(3).verify(std::slice::from_ref(&other))),
        told("a changed checkpoint", {
            let changed = signed(3).to_string().replacen("\n3\n", "\n4\n", 1);
            SignedCheckpoint::parse(&changed).unwrap().verify(&[log])
        }),
        told("a key's id", key.replacen('+', "+0", 1).parse::<NoteVerifier>()),
        told("a key's name", NoteVerifier::of_log("two words", log_key().public_key())),
        told("a key that is none", "registry.example".parse::<NoteVerifier>()),
        told("a proof", TlogProof::parse("c2sp.org/tlog-proof@v1\nindex one\n")),
        told(
            "a proof with something else behind it",
            TlogProof::parse("c2sp.org/tlog-proof@v1\nindex 1\n\ntext\n"),
        ),
        told("a request", AddCheckpoint::parse("new 3\n")),
        told("a large request", AddCheckpoint::parse(&"x".repeat(200_000))),
    ]
    .concat();

    insta::assert_snapshot!(words);
}
