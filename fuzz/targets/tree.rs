//! A growing tree against itself: its edge, its tiles, its proofs, and one flipped bit.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pluginry::log::{
    EntryBundleId, Hash, TilePath, Tiles, TreeEdge, leaf_hash, prove_consistency, prove_inclusion, root,
    verify_consistency, verify_inclusion,
};
use pluginry_fuzz::seed;

fuzz_target!(
    init: seed("tree", [vec![3, 0, 9, 0, 1, 0, 5], vec![0, 1, 45, 1, 255, 0, 77], vec![255, 0, 2, 0, 0, 1, 200]]),
    |input: (u16, u16, u16, u8)| {
        let (old, more, index, bit) = input;
        let (old, new) = (u64::from(old % 600), u64::from(old % 600) + u64::from(more % 600));
        let mut tiles = Tiles::default();
        let mut last_bundle = None;
        let mut grow = |edge: &mut TreeEdge, size: u64, tiles: &mut Tiles| {
            while edge.size() < size {
                edge.append(&edge.size().to_be_bytes()).expect("a small entry");
            }
            for (path, bytes) in edge.take_tiles() {
                match path {
                    TilePath::Hashes(tile) => tiles.insert(tile, bytes).expect("the edge's own tile"),
                    TilePath::Entries(bundle) => last_bundle = Some((bundle, bytes)),
                }
            }
            edge.root()
        };
        let mut edge = TreeEdge::new();
        let old_root = grow(&mut edge, old, &mut tiles);
        let new_root = grow(&mut edge, new, &mut tiles);
        assert_eq!(root(old, &tiles), Ok(old_root));
        assert_eq!(root(new, &tiles), Ok(new_root));

        let bundle = EntryBundleId::in_tree(new / 256, new).and(last_bundle.as_ref()).map(|(_, bytes)| bytes.as_slice());
        let mut again = TreeEdge::from_parts(new, &tiles, bundle).expect("what the edge stored");
        again.append(b"one more").expect("a small entry");
        edge.append(b"one more").expect("a small entry");
        assert_eq!(again.root(), edge.root());

        let consistency = prove_consistency(old, new, &tiles).expect("all tiles");
        assert_eq!(verify_consistency(old, old_root, new, new_root, &consistency), Ok(()));
        if let Some(damaged) = flipped(&consistency, index, bit) {
            assert!(verify_consistency(old, old_root, new, new_root, &damaged).is_err());
        }
        if new > 0 {
            let index = u64::from(index) % new;
            let leaf = leaf_hash(&index.to_be_bytes());
            let inclusion = prove_inclusion(index, new, &tiles).expect("all tiles");
            assert_eq!(verify_inclusion(leaf, index, new, new_root, &inclusion), Ok(()));
            assert!(verify_inclusion(leaf, (index + 1) % new, new, new_root, &inclusion).is_err() || new == 1);
            if let Some(damaged) = flipped(&inclusion, index as u16, bit) {
                assert!(verify_inclusion(leaf, index, new, new_root, &damaged).is_err());
            }
        }
    }
);

fn flipped(proof: &[Hash], place: u16, bit: u8) -> Option<Vec<Hash>> {
    let mut proof = proof.to_vec();
    let place = usize::from(place).checked_rem(proof.len())?;
    proof[place].0[usize::from(bit / 8)] ^= 1 << (bit % 8);
    Some(proof)
}
