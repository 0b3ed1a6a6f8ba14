//! Checking inclusion and consistency proofs (RFC 6962, section 2.1; the algorithms of RFC 9162).

use super::hash::{Hash, empty_root, node_hash};
use super::tile_path::TileId;
use crate::domain::Refusal;

/// The most hashes a proof is read with: no tree within [`TREE_SIZE_MAX`] needs more.
pub const PROOF_HASHES_MAX: usize = 64;

/// The largest tree size there is: what a signed 64-bit number holds, as databases and other logs do.
pub const TREE_SIZE_MAX: u64 = i64::MAX as u64;

/// Why a proof does not hold, or cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The entry is not in a tree of this size.
    #[error("entry {index} is not in a log of {tree_size} entries")]
    IndexBeyondTree {
        /// The zero-based index of the entry.
        index: u64,
        /// The size of the tree.
        tree_size: u64,
    },
    /// The tree that should be the older one is the larger one.
    #[error("a log of {old_size} entries cannot have grown to {new_size}")]
    Shrunk {
        /// The size of the older tree.
        old_size: u64,
        /// The size of the newer tree.
        new_size: u64,
    },
    /// A size no tree has.
    #[error("{tree_size} is more entries than a log can have")]
    SizeTooLarge {
        /// The size as given.
        tree_size: u64,
    },
    /// Too few or too many hashes for these sizes.
    #[error("the proof has {hashes} hashes, which is not the number that fits its place in the log")]
    LengthDiffers {
        /// How many there are.
        hashes: usize,
    },
    /// The proof leads to another root.
    #[error("the proof leads to the root {found}, but the log of {tree_size} entries has {expected}")]
    RootDiffers {
        /// The size of the tree the root belongs to.
        tree_size: u64,
        /// The root that was given.
        expected: Hash,
        /// The root the proof leads to.
        found: Hash,
    },
    /// The proof cannot be made without this tile.
    #[error("{tile} is missing, so nothing can be proved from it")]
    MissingTile {
        /// The tile.
        tile: TileId,
    },
}

impl Refusal for ProofError {
    fn code(&self) -> &'static str {
        match self {
            Self::IndexBeyondTree { .. } => "proof-index-beyond-tree",
            Self::Shrunk { .. } => "proof-sizes-reversed",
            Self::SizeTooLarge { .. } => "proof-size-too-large",
            Self::LengthDiffers { .. } => "proof-length-differs",
            Self::RootDiffers { .. } => "proof-root-differs",
            Self::MissingTile { .. } => "proof-tile-missing",
        }
    }

    fn mend(&self) -> Option<String> {
        Some(match self {
            Self::IndexBeyondTree { .. } => "Fetch a newer checkpoint, whose tree contains the entry.".into(),
            Self::Shrunk { .. } => "Compare the older checkpoint with the newer one, in this order.".into(),
            Self::SizeTooLarge { .. } => "Ask the log for a checkpoint again; this size cannot be meant.".into(),
            Self::LengthDiffers { .. } => {
                "Ask for the proof again, for this entry and this tree size; if it stays so, the log cannot be trusted.".into()
            }
            Self::RootDiffers { .. } => {
                "Ask again once; if it stays so, the log shows different entries to different readers: keep both checkpoints and tell its operator.".into()
            }
            Self::MissingTile { .. } => "Fetch the tile, or the full tile of the same place, and prove again.".into(),
        })
    }
}

/// Checks that `leaf` is entry `index` of the tree of `tree_size` entries with this `root`.
///
/// `proof` runs from the leaf's sibling up to the root's child.
pub fn verify_inclusion(
    leaf: Hash,
    index: u64,
    tree_size: u64,
    root: Hash,
    proof: &[Hash],
) -> Result<(), ProofError> {
    bounded(tree_size, proof)?;
    if index >= tree_size {
        return Err(ProofError::IndexBeyondTree { index, tree_size });
    }
    let mut walk = Walk { place: index, last: tree_size - 1 };
    let mut hash = leaf;
    for sibling in proof {
        hash = match walk.up().ok_or(ProofError::LengthDiffers { hashes: proof.len() })? {
            Side::Left => node_hash(sibling, &hash),
            Side::Right => node_hash(&hash, sibling),
        };
    }
    if walk.last != 0 {
        return Err(ProofError::LengthDiffers { hashes: proof.len() });
    }
    same_root(tree_size, root, hash)
}

/// Checks that the tree of `new_size` entries with `new_root` begins with the tree of `old_size` entries with
/// `old_root`: nothing was changed or taken away.
///
/// The empty tree begins every tree, without a proof.
pub fn verify_consistency(
    old_size: u64,
    old_root: Hash,
    new_size: u64,
    new_root: Hash,
    proof: &[Hash],
) -> Result<(), ProofError> {
    bounded(new_size, proof)?;
    if old_size > new_size {
        return Err(ProofError::Shrunk { old_size, new_size });
    }
    if old_size == 0 {
        same_root(0, old_root, empty_root())?;
    }
    if new_size == 0 {
        same_root(0, new_root, empty_root())?;
    }
    let wrong_length = ProofError::LengthDiffers { hashes: proof.len() };
    if old_size == 0 || old_size == new_size {
        if !proof.is_empty() {
            return Err(wrong_length);
        }
        return if old_size == 0 { Ok(()) } else { same_root(new_size, new_root, old_root) };
    }
    // The largest subtree that ends both in the old tree and at a node of the new one. Where it is the whole old
    // tree, its hash is the old root and the proof leaves it out.
    let start = (old_size - 1).trailing_ones();
    let mut walk = Walk { place: (old_size - 1) >> start, last: (new_size - 1) >> start };
    let (first, rest) = if old_size.is_power_of_two() {
        (old_root, proof)
    } else {
        let (first, rest) = proof.split_first().ok_or(wrong_length.clone())?;
        (*first, rest)
    };
    let (mut old_hash, mut new_hash) = (first, first);
    for sibling in rest {
        match walk.up().ok_or(wrong_length.clone())? {
            Side::Left => {
                old_hash = node_hash(sibling, &old_hash);
                new_hash = node_hash(sibling, &new_hash);
            }
            Side::Right => new_hash = node_hash(&new_hash, sibling),
        }
    }
    if walk.last != 0 {
        return Err(wrong_length);
    }
    same_root(old_size, old_root, old_hash)?;
    same_root(new_size, new_root, new_hash)
}

/// A node's place on its level, and the last place of that level.
struct Walk {
    place: u64,
    last: u64,
}

/// Where the next sibling of a proof stands.
enum Side {
    Left,
    Right,
}

impl Walk {
    /// Steps to the parent; says where the sibling was. `None` at the root.
    fn up(&mut self) -> Option<Side> {
        if self.last == 0 {
            return None;
        }
        let side = if self.place & 1 == 1 {
            Side::Left
        } else if self.place == self.last {
            // A last node without sibling is its own parent, until it is a right child.
            let lonely = self.place.trailing_zeros();
            self.place >>= lonely;
            self.last >>= lonely;
            Side::Left
        } else {
            Side::Right
        };
        self.place >>= 1;
        self.last >>= 1;
        Some(side)
    }
}

pub(super) fn bounded(tree_size: u64, proof: &[Hash]) -> Result<(), ProofError> {
    if tree_size > TREE_SIZE_MAX {
        return Err(ProofError::SizeTooLarge { tree_size });
    }
    if proof.len() > PROOF_HASHES_MAX {
        return Err(ProofError::LengthDiffers { hashes: proof.len() });
    }
    Ok(())
}

fn same_root(tree_size: u64, expected: Hash, found: Hash) -> Result<(), ProofError> {
    if expected == found { Ok(()) } else { Err(ProofError::RootDiffers { tree_size, expected, found }) }
}
