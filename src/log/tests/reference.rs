//! RFC 6962, section 2.1, written down as it stands there: slow, recursive and easy to compare with the text.

use crate::log::{Hash, empty_root, leaf_hash, node_hash};

/// `MTH(D[n])` over leaf hashes.
pub(super) fn tree_hash(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node_hash(&tree_hash(left), &tree_hash(right))
        }
    }
}

/// `PATH(m, D[n])`.
pub(super) fn path(place: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    let (mut proof, sibling) = if place < left.len() {
        (path(place, left), tree_hash(right))
    } else {
        (path(place - left.len(), right), tree_hash(left))
    };
    proof.push(sibling);
    proof
}

/// `PROOF(m, D[n])`.
pub(super) fn proof(old_size: usize, leaves: &[Hash]) -> Vec<Hash> {
    subproof(old_size, leaves, true)
}

fn subproof(old_size: usize, leaves: &[Hash], whole: bool) -> Vec<Hash> {
    if old_size == leaves.len() {
        return if whole { Vec::new() } else { vec![tree_hash(leaves)] };
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    let (mut proof, sibling) = if old_size <= left.len() {
        (subproof(old_size, left, whole), tree_hash(right))
    } else {
        (subproof(old_size - left.len(), right, false), tree_hash(left))
    };
    proof.push(sibling);
    proof
}

/// The largest power of two smaller than `size`.
fn split(size: usize) -> usize {
    let mut half = 1;
    while half * 2 < size {
        half *= 2;
    }
    half
}

/// The leaf hashes of a test log.
pub(super) fn leaves(size: u64) -> Vec<Hash> {
    (0..size).map(|index| leaf_hash(&super::entry(index))).collect()
}
