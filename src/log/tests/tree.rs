//! The tree in all sizes: its edge, its tiles, what they prove, and that nothing else is proved.

use proptest::prelude::*;

use super::reference::{self, leaves};
use super::{Grown, entry};
use crate::log::{
    EdgeError, EntryBundleId, Hash, ProofError, TILE_WIDTH, TileId, TilePath, Tiles, TreeEdge,
    cut_entry_bundle, empty_root, leaf_hash, prove_consistency, prove_inclusion, read_entry_bundle, root,
    tiles_for_consistency, tiles_for_inclusion, tiles_for_root, verify_consistency, verify_inclusion,
    write_entry_bundle,
};

/// Sizes around what matters: small ones, and those beside full tiles.
fn size() -> impl Strategy<Value = u64> {
    prop_oneof![1_u64..40, 250_u64..262, 500_u64..800]
}

/// A place in a tree: index and size.
fn place() -> impl Strategy<Value = (u64, u64)> {
    size().prop_flat_map(|size| (0..size, Just(size)))
}

/// Two sizes, the older first.
fn growth() -> impl Strategy<Value = (u64, u64)> {
    size().prop_flat_map(|size| (0..=size, Just(size)))
}

/// Just these tiles, with just this width.
fn only(grown: &Grown, wanted: &[TileId]) -> Tiles {
    let mut tiles = Tiles::default();
    for &tile in wanted {
        tiles.insert(tile, grown.tiles.get(tile).unwrap().to_vec()).unwrap();
    }
    tiles
}

fn flipped(hash: Hash, bit: usize) -> Hash {
    let mut bytes = hash.0;
    bytes[bit / 8] ^= 1 << (bit % 8);
    Hash(bytes)
}

/// The sizes a tree has after each step.
fn sums(steps: &[u64]) -> Vec<u64> {
    steps
        .iter()
        .scan(0, |size, step| {
            *size += step;
            Some(*size)
        })
        .collect()
}

fn append_up_to(edge: &mut TreeEdge, size: u64) {
    while edge.size() < size {
        edge.append(&entry(edge.size())).unwrap();
    }
}

/// The bundle at the edge, as it is stored.
fn last_bundle(grown: &Grown) -> Option<&[u8]> {
    let size = grown.edge.size();
    let bundle = EntryBundleId::in_tree(size / u64::from(TILE_WIDTH), size)?;
    Some(&grown.stored[&TilePath::Entries(bundle)])
}

#[test]
fn a_tree_of_seventy_thousand_has_the_tiles_that_the_specification_counts() {
    let grown = Grown::to(70_000);
    let count = |level, full| {
        let tiles = grown.stored.keys().filter(|path| match path {
            TilePath::Hashes(tile) => tile.level() == level && path.is_partial() != full,
            TilePath::Entries(_) => false,
        });
        tiles.map(|path| path.width()).collect::<Vec<_>>()
    };

    assert_eq!(count(0, true).len(), 273);
    assert_eq!(count(0, false), [112]);
    assert_eq!(count(1, true).len(), 1);
    assert_eq!(count(1, false), [17]);
    assert_eq!((count(2, true).len(), count(2, false)), (0, vec![1]));
    assert_eq!(grown.root(), reference::tree_hash(&leaves(70_000)));
    assert_eq!(root(70_000, &grown.tiles), Ok(grown.root()));
    for index in [0, 255, 256, 65_535, 65_536, 69_887, 69_888, 69_999] {
        let proof = prove_inclusion(index, 70_000, &grown.tiles).unwrap();
        assert_eq!(verify_inclusion(leaf_hash(&entry(index)), index, 70_000, grown.root(), &proof), Ok(()));
    }
}

#[test]
fn entry_bundles_are_stored_before_the_tiles_that_name_their_hashes() {
    let mut grown = Grown::to(700);

    let written = grown.grow(1_300);

    let paths: Vec<String> = written.iter().map(|path| path.path()).collect();
    assert_eq!(
        paths,
        [
            "tile/entries/002",
            "tile/entries/003",
            "tile/entries/004",
            "tile/entries/005.p/20",
            "tile/0/002",
            "tile/0/003",
            "tile/0/004",
            "tile/0/005.p/20",
            "tile/1/000.p/5",
        ]
    );
    assert_eq!(grown.grow(1_300), []);
}

#[test]
fn an_entry_of_the_largest_size_is_taken_and_a_larger_one_changes_nothing() {
    let mut edge = TreeEdge::new();
    edge.append(&[7; 65_535]).unwrap();
    let (size, root) = (edge.size(), edge.root());

    assert!(edge.append(&[7; 65_536]).is_err());

    assert_eq!((edge.size(), edge.root()), (size, root));
    let written = edge.take_tiles();
    assert_eq!(read_entry_bundle(&written[0].1, 1).unwrap(), [&[7; 65_535]]);
    assert!(write_entry_bundle([[7; 65_536].as_slice()]).is_none());
}

#[test]
fn every_proof_of_every_small_tree_is_the_one_of_the_rfc() {
    let grown = Grown::to(70);
    let leaves = leaves(70);

    for size in 1..=70_usize {
        let head = &leaves[..size];
        let root = reference::tree_hash(head);
        for (index, leaf) in head.iter().enumerate() {
            let proof = prove_inclusion(index as u64, size as u64, &grown.tiles).unwrap();
            assert_eq!(proof, reference::path(index, head), "{index} of {size}");
            assert_eq!(
                verify_inclusion(*leaf, index as u64, size as u64, root, &proof),
                Ok(()),
                "{index} of {size}"
            );
        }
        for old in 1..=size {
            let old_root = reference::tree_hash(&leaves[..old]);
            let proof = prove_consistency(old as u64, size as u64, &grown.tiles).unwrap();
            assert_eq!(proof, reference::proof(old, head), "{old} to {size}");
            assert_eq!(
                verify_consistency(old as u64, old_root, size as u64, root, &proof),
                Ok(()),
                "{old} to {size}"
            );
        }
    }
}

#[test]
fn every_flipped_bit_of_every_small_proof_is_refused() {
    for size in 1..=9_u64 {
        let grown = Grown::to(size);
        for index in 0..size {
            let proof = prove_inclusion(index, size, &grown.tiles).unwrap();
            let leaf = leaf_hash(&entry(index));
            for damaged in every_flipped_bit(&proof) {
                assert!(verify_inclusion(leaf, index, size, grown.root(), &damaged).is_err());
            }
        }
        for old in 1..=size {
            let old_root = Grown::to(old).root();
            let proof = prove_consistency(old, size, &grown.tiles).unwrap();
            for damaged in every_flipped_bit(&proof) {
                assert!(verify_consistency(old, old_root, size, grown.root(), &damaged).is_err());
            }
        }
    }
}

fn every_flipped_bit(proof: &[Hash]) -> impl Iterator<Item = Vec<Hash>> {
    (0..proof.len() * 256).map(|bit| {
        let mut damaged = proof.to_vec();
        damaged[bit / 256] = flipped(damaged[bit / 256], bit % 256);
        damaged
    })
}

#[test]
fn every_small_proof_holds_at_its_own_place_and_sizes_alone() {
    let grown = Grown::to(12);
    let roots: Vec<Hash> = (0..=12).map(|size| Grown::to(size).root()).collect();
    let places = || (1..=12_u64).flat_map(|size| (0..size).map(move |index| (index, size)));

    for (index, size) in places() {
        let inclusion = prove_inclusion(index, size, &grown.tiles).unwrap();
        let consistency = prove_consistency(index + 1, size, &grown.tiles).unwrap();
        for (other, other_size) in places().filter(|place| *place != (index, size)) {
            let (leaf, root) = (leaf_hash(&entry(index)), roots[other_size as usize]);
            assert!(
                verify_inclusion(leaf, other, other_size, root, &inclusion).is_err(),
                "entry {index} of {size} at {other} of {other_size}"
            );
            let old_root = roots[other as usize + 1];
            let same = index + 1 == size && other + 1 == other_size;
            assert_eq!(
                verify_consistency(other + 1, old_root, other_size, root, &consistency).is_ok(),
                same,
                "{} to {size} for {} to {other_size}",
                index + 1,
                other + 1
            );
        }
    }
}

#[test]
fn the_empty_tree_begins_every_tree_and_nothing_else_does_without_proof() {
    let grown = Grown::to(5);

    assert_eq!(verify_consistency(0, empty_root(), 5, grown.root(), &[]), Ok(()));
    assert_eq!(verify_consistency(0, empty_root(), 0, empty_root(), &[]), Ok(()));
    assert!(verify_consistency(0, grown.root(), 5, grown.root(), &[]).is_err());
    assert!(verify_consistency(0, empty_root(), 0, grown.root(), &[]).is_err());
    assert!(verify_consistency(0, empty_root(), 5, grown.root(), &[grown.root()]).is_err());
    assert!(verify_consistency(3, Grown::to(3).root(), 5, grown.root(), &[]).is_err());
    assert!(verify_consistency(4, Grown::to(4).root(), 5, grown.root(), &[]).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn an_edge_that_grew_in_any_steps_has_the_root_and_tiles_of_the_whole(
        steps in proptest::collection::vec(0_u64..300, 1..5),
    ) {
        let mut grown = Grown::default();
        let mut size = 0;
        for step in steps {
            size += step;
            grown.grow(size);

            prop_assert_eq!(grown.root(), reference::tree_hash(&leaves(size)));
            prop_assert_eq!(root(size, &only(&grown, &tiles_for_root(size))), Ok(grown.root()));
        }

        let whole = Grown::to(size);
        for (path, bytes) in &whole.stored {
            prop_assert_eq!(grown.stored.get(path), Some(bytes), "{}", path);
        }
    }

    #[test]
    fn an_edge_built_again_from_what_was_stored_grows_like_the_first(size in size(), more in 0_u64..600) {
        let mut grown = Grown::to(size);
        let edge = TreeEdge::from_parts(size, &only(&grown, &tiles_for_root(size)), last_bundle(&grown)).unwrap();
        let mut again = Grown { edge, ..grown.clone() };
        prop_assert_eq!(again.root(), grown.root());

        let written = (grown.grow(size + more), again.grow(size + more));

        prop_assert_eq!(written.0, written.1);
        prop_assert_eq!(grown.root(), again.root());
        prop_assert_eq!(grown.stored, again.stored);
    }

    #[test]
    fn full_tiles_alone_and_the_entries_behind_them_build_the_edge_again(steps in proptest::collection::vec(1_u64..400, 1..5)) {
        let (mut edge, mut tiles) = (TreeEdge::new(), Tiles::default());
        let mut stored = Vec::new();
        for size in sums(&steps) {
            append_up_to(&mut edge, size);
            stored.extend(edge.take_full_tiles());
        }
        let size = edge.size();
        for (path, bytes) in &stored {
            prop_assert!(!path.is_partial() || matches!(path, TilePath::Hashes(tile) if tile.level() > 0), "{}", path);
            if let TilePath::Hashes(tile) = path {
                tiles.insert(*tile, bytes.clone()).unwrap();
            }
        }

        let mut again = TreeEdge::from_parts(size - size % 256, &tiles, None).unwrap();
        append_up_to(&mut again, size);

        prop_assert_eq!(again.root(), edge.root());
        let whole = Grown::to(size);
        for (path, bytes) in whole.stored.iter().filter(|(path, _)| !path.is_partial()) {
            prop_assert!(stored.contains(&(*path, bytes.clone())), "{} is missing", path);
        }
    }

    #[test]
    fn the_edge_has_every_partial_tile_in_every_width_and_no_full_one(size in size()) {
        let mut grown = Grown::to(size);
        grown.grow(size);

        for (path, bytes) in &grown.stored {
            prop_assert_eq!(grown.edge.partial(*path), path.is_partial().then_some(bytes.as_slice()), "{}", path);
            if path.is_partial() {
                for width in 1..path.width() {
                    let narrower = path.with_width(width).unwrap();
                    let wanted = match path {
                        TilePath::Hashes(_) => &bytes[..usize::from(width) * 32],
                        TilePath::Entries(_) => cut_entry_bundle(bytes, width).unwrap(),
                    };
                    prop_assert_eq!(grown.edge.partial(narrower), Some(wanted), "{}", narrower);
                }
                let wider = path.with_width(path.width() + 1).unwrap();
                prop_assert_eq!(grown.edge.partial(wider), None, "{}", wider);
            }
        }
    }

    #[test]
    fn an_edge_is_not_built_from_a_damaged_bundle_or_without_a_tile(size in size(), damage in any::<proptest::sample::Index>()) {
        let grown = Grown::to(size);
        let wanted = tiles_for_root(size);
        let missing = wanted[damage.index(wanted.len())];
        let rest: Vec<TileId> = wanted.iter().copied().filter(|&tile| tile != missing).collect();
        prop_assert_eq!(
            TreeEdge::from_parts(size, &only(&grown, &rest), last_bundle(&grown)).unwrap_err(),
            EdgeError::Tile(ProofError::MissingTile { tile: missing })
        );

        if let Some(bundle) = last_bundle(&grown) {
            prop_assert!(TreeEdge::from_parts(size, &grown.tiles, None).is_err());
            let mut damaged = bundle.to_vec();
            let place = damage.index(damaged.len());
            damaged[place] ^= 1;
            prop_assert!(TreeEdge::from_parts(size, &grown.tiles, Some(&damaged)).is_err());
        }
    }

    #[test]
    fn an_inclusion_proof_needs_the_tiles_it_names_and_no_others((index, size) in place()) {
        let grown = Grown::to(size);
        let wanted = tiles_for_inclusion(index, size);

        let proof = prove_inclusion(index, size, &only(&grown, &wanted)).unwrap();

        prop_assert_eq!(&proof, &reference::path(index as usize, &leaves(size)));
        prop_assert_eq!(verify_inclusion(leaf_hash(&entry(index)), index, size, grown.root(), &proof), Ok(()));
        for missing in &wanted {
            let rest: Vec<TileId> = wanted.iter().copied().filter(|tile| tile != missing).collect();
            prop_assert_eq!(
                prove_inclusion(index, size, &only(&grown, &rest)),
                Err(ProofError::MissingTile { tile: *missing })
            );
        }
    }

    #[test]
    fn a_consistency_proof_needs_the_tiles_it_names_and_no_others((old, new) in growth()) {
        let grown = Grown::to(new);
        let wanted = tiles_for_consistency(old, new);

        let proof = prove_consistency(old, new, &only(&grown, &wanted)).unwrap();

        if old > 0 {
            prop_assert_eq!(&proof, &reference::proof(old as usize, &leaves(new)));
        }
        prop_assert_eq!(verify_consistency(old, Grown::to(old).root(), new, grown.root(), &proof), Ok(()));
        for missing in &wanted {
            let rest: Vec<TileId> = wanted.iter().copied().filter(|tile| tile != missing).collect();
            prop_assert_eq!(
                prove_consistency(old, new, &only(&grown, &rest)),
                Err(ProofError::MissingTile { tile: *missing })
            );
        }
    }

    #[test]
    fn a_changed_inclusion_proof_is_refused((index, size) in place(), bit in 0_usize..256, at in any::<proptest::sample::Index>()) {
        let grown = Grown::to(size);
        let leaf = leaf_hash(&entry(index));
        let proof = prove_inclusion(index, size, &grown.tiles).unwrap();
        let refused = |leaf, root, proof: &[Hash]| verify_inclusion(leaf, index, size, root, proof).is_err();

        prop_assert!(refused(flipped(leaf, bit), grown.root(), &proof));
        prop_assert!(refused(leaf, flipped(grown.root(), bit), &proof));
        prop_assert!(refused(leaf, grown.root(), &[proof.as_slice(), &[leaf]].concat()));
        if !proof.is_empty() {
            let place = at.index(proof.len());
            let mut changed = proof.clone();
            changed[place] = flipped(changed[place], bit);
            prop_assert!(refused(leaf, grown.root(), &changed));
            let mut shorter = proof.clone();
            shorter.remove(place);
            prop_assert!(refused(leaf, grown.root(), &shorter));
        }
    }

    #[test]
    fn an_inclusion_proof_is_refused_at_another_index_and_for_another_tree((index, size) in place(), other in place()) {
        let (grown, others) = (Grown::to(size), Grown::to(other.1));
        let leaf = leaf_hash(&entry(index));
        let proof = prove_inclusion(index, size, &grown.tiles).unwrap();

        if other.0 != index {
            prop_assert!(verify_inclusion(leaf, other.0, size, grown.root(), &proof).is_err());
        }
        if other.1 != size {
            prop_assert!(verify_inclusion(leaf, index, other.1, others.root(), &proof).is_err());
        }
    }

    #[test]
    fn a_changed_consistency_proof_is_refused((old, new) in growth(), bit in 0_usize..256, at in any::<proptest::sample::Index>()) {
        let (before, after) = (Grown::to(old), Grown::to(new));
        let proof = prove_consistency(old, new, &after.tiles).unwrap();
        let refused = |old_root, new_root, proof: &[Hash]| verify_consistency(old, old_root, new, new_root, proof).is_err();

        prop_assert!(refused(flipped(before.root(), bit), after.root(), &proof));
        if old > 0 {
            prop_assert!(refused(before.root(), flipped(after.root(), bit), &proof));
        }
        prop_assert!(refused(before.root(), after.root(), &[proof.as_slice(), &[after.root()]].concat()));
        if !proof.is_empty() {
            let place = at.index(proof.len());
            let mut changed = proof.clone();
            changed[place] = flipped(changed[place], bit);
            prop_assert!(refused(before.root(), after.root(), &changed));
            let mut shorter = proof.clone();
            shorter.remove(place);
            prop_assert!(refused(before.root(), after.root(), &shorter));
        }
    }

    #[test]
    fn a_rewritten_entry_is_never_consistent((old, new) in growth().prop_filter("an entry to rewrite", |(old, _)| *old > 0), at in any::<proptest::sample::Index>()) {
        let before = Grown::to(old);
        let rewritten = at.index(old as usize) as u64;
        let mut forked = Grown::default();
        for index in 0..new {
            let bytes = if index == rewritten { b"another".to_vec() } else { entry(index) };
            forked.edge.append(&bytes).unwrap();
        }
        forked.grow(new);

        let proof = prove_consistency(old, new, &forked.tiles).unwrap();

        prop_assert!(verify_consistency(old, before.root(), new, forked.root(), &proof).is_err());
    }

    #[test]
    fn a_proof_with_sizes_that_are_not_its_own_is_refused((old, new) in growth(), other in growth()) {
        let (before, after) = (Grown::to(other.0), Grown::to(other.1));
        let proof = prove_consistency(old, new, &Grown::to(new).tiles).unwrap();

        if other != (old, new) && other.0 > 0 && other.0 != other.1 {
            prop_assert!(verify_consistency(other.0, before.root(), other.1, after.root(), &proof).is_err());
        }
    }

    #[test]
    fn checking_arbitrary_proofs_never_panics(
        sizes in any::<(u64, u64)>(),
        proof in proptest::collection::vec(any::<[u8; 32]>(), 0..70),
    ) {
        let proof: Vec<Hash> = proof.into_iter().map(Hash).collect();
        let root = leaf_hash(b"root");

        prop_assert!(verify_inclusion(root, sizes.0, sizes.1, root, &proof).is_err() || sizes == (0, 1));
        prop_assert!(verify_consistency(sizes.0, root, sizes.1, root, &proof).is_err() || sizes.0 == sizes.1);
        prop_assert!(prove_inclusion(sizes.0, sizes.1, &Tiles::default()).is_err() || sizes == (0, 1));
        let _ = prove_consistency(sizes.0, sizes.1, &Tiles::default());
        let _ = TreeEdge::from_parts(sizes.0, &Tiles::default(), None);
        let _ = (tiles_for_inclusion(sizes.0, sizes.1), tiles_for_consistency(sizes.0, sizes.1), tiles_for_root(sizes.0));
    }

    #[test]
    fn a_bundle_reads_back_and_is_cut_to_the_narrower_one(
        entries in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..50), 1..=256),
        at in any::<proptest::sample::Index>(),
    ) {
        let bundle = write_entry_bundle(entries.iter().map(Vec::as_slice)).unwrap();
        let width = at.index(entries.len()) + 1;
        let narrower = write_entry_bundle(entries[..width].iter().map(Vec::as_slice)).unwrap();

        prop_assert_eq!(read_entry_bundle(&bundle, entries.len() as u16).unwrap(), entries);
        prop_assert_eq!(cut_entry_bundle(&bundle, width as u16).unwrap(), narrower);
    }

    #[test]
    fn reading_a_bundle_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..600), width in any::<u16>()) {
        if let Ok(entries) = read_entry_bundle(&bytes, width) {
            prop_assert_eq!(write_entry_bundle(entries).unwrap(), bytes);
        }
    }
}
