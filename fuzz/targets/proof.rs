//! Checking proofs of any shape: two numbers, three hashes, and the proof.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pluginry::log::{
    Hash, Tiles, empty_root, prove_consistency, prove_inclusion, tiles_for_consistency, tiles_for_inclusion,
    tiles_for_root, verify_consistency, verify_inclusion,
};
use pluginry_fuzz::seed;

fn seeds() -> Vec<Vec<u8>> {
    [(5_u64, 9_u64), (0, 1), (300, 70_000)]
        .map(|(one, other)| {
            let mut seed = [one.to_le_bytes(), other.to_le_bytes()].concat();
            seed.extend([7; 32 * 20]);
            seed
        })
        .to_vec()
}

fuzz_target!(init: seed("proof", seeds()), |bytes: &[u8]| {
    let Some((one, rest)) = bytes.split_first_chunk() else { return };
    let Some((other, rest)) = rest.split_first_chunk() else { return };
    let (one, other) = (u64::from_le_bytes(*one), u64::from_le_bytes(*other));
    let hashes: Vec<Hash> = rest.as_chunks::<32>().0.iter().copied().map(Hash).collect();
    let [leaf, root, proof @ ..] = hashes.as_slice() else { return };

    // The root of a tree is no leaf of it, but for the tree of one.
    if *root != *leaf {
        assert!(verify_inclusion(*leaf, one, other, *root, &[]).is_err());
    }
    let _ = verify_inclusion(*leaf, one, other, *root, proof);
    if verify_consistency(one, *leaf, other, *root, proof).is_ok() {
        assert!(one <= other && (one != other || leaf == root) && (one > 0 || *leaf == empty_root()));
    }
    let wanted = [tiles_for_inclusion(one, other), tiles_for_consistency(one, other), tiles_for_root(other)];
    assert!(wanted.iter().all(|tiles| tiles.len() <= 64));
    if !wanted[0].is_empty() {
        assert!(prove_inclusion(one, other, &Tiles::default()).is_err());
    }
    if !wanted[1].is_empty() {
        assert!(prove_consistency(one, other, &Tiles::default()).is_err());
    }
});
