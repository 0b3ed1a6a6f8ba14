//! The reference vectors of Certificate Transparency (google/certificate-transparency, `merkle_tree_test.cc`).

use crate::log::{
    Hash, TilePath, Tiles, TreeEdge, empty_root, leaf_hash, prove_consistency, prove_inclusion,
    verify_consistency, verify_inclusion,
};

const ENTRIES: [&str; 8] =
    ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];

const ROOTS: [&str; 8] = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

/// Index, tree size, proof.
const INCLUSION: &[(u64, u64, &[&str])] = &[
    (0, 1, &[]),
    (
        0,
        8,
        &[
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        5,
        8,
        &[
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (2, 3, &["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
    (
        1,
        5,
        &[
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
];

/// Old size, new size, proof.
const CONSISTENCY: &[(u64, u64, &[&str])] = &[
    (1, 1, &[]),
    (
        1,
        8,
        &[
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        6,
        8,
        &[
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (
        2,
        5,
        &[
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
];

fn hash(digits: &str) -> Hash {
    Hash(hex::decode(digits).unwrap().try_into().unwrap())
}

fn hashes(digits: &[&str]) -> Vec<Hash> {
    digits.iter().map(|digits| hash(digits)).collect()
}

fn root_of(size: u64) -> Hash {
    hash(ROOTS[size as usize - 1])
}

fn leaf(index: u64) -> Hash {
    leaf_hash(&hex::decode(ENTRIES[index as usize]).unwrap())
}

/// The tiles of the tree of all eight entries.
fn tiles() -> Tiles {
    let mut edge = TreeEdge::new();
    let mut tiles = Tiles::default();
    for entry in ENTRIES {
        edge.append(&hex::decode(entry).unwrap()).unwrap();
        for (path, bytes) in edge.take_tiles() {
            if let TilePath::Hashes(tile) = path {
                tiles.insert(tile, bytes).unwrap();
            }
        }
    }
    tiles
}

#[test]
fn the_roots_are_those_of_certificate_transparency() {
    let nothing = hash("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    let mut edge = TreeEdge::new();
    assert_eq!((empty_root(), edge.root()), (nothing, nothing));

    for (entry, root) in ENTRIES.iter().zip(ROOTS) {
        edge.append(&hex::decode(entry).unwrap()).unwrap();

        assert_eq!(edge.root(), hash(root), "at {}", edge.size());
        assert_eq!(crate::log::root(edge.size(), &tiles()), Ok(hash(root)));
    }
}

#[test]
fn the_inclusion_proofs_are_those_of_certificate_transparency() {
    for &(index, size, proof) in INCLUSION {
        let proof = hashes(proof);

        assert_eq!(prove_inclusion(index, size, &tiles()), Ok(proof.clone()), "{index} of {size}");
        assert_eq!(verify_inclusion(leaf(index), index, size, root_of(size), &proof), Ok(()));
    }
}

#[test]
fn the_consistency_proofs_are_those_of_certificate_transparency() {
    for &(old, new, proof) in CONSISTENCY {
        let proof = hashes(proof);

        assert_eq!(prove_consistency(old, new, &tiles()), Ok(proof.clone()), "{old} to {new}");
        assert_eq!(verify_consistency(old, root_of(old), new, root_of(new), &proof), Ok(()));
    }
}
