//! Roots and proofs out of tiles.
//!
//! Every node a proof needs is a complete subtree, and every complete subtree lies below one tile. A range of
//! leaves that RFC 6962 hashes is the fold of its complete subtrees, from the right.

use std::collections::HashMap;
use std::ops::Range;

use bytes::Bytes;

use super::hash::{Hash, empty_root, node_hash};
use super::proof::{ProofError, bounded};
use super::tile_path::{TILE_WIDTH, TileId};
use crate::domain::Refusal;

/// A tile's bytes are not of the length its width says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{tile} has {found_bytes} bytes, not {}", tile.size_bytes())]
pub struct TileLengthDiffers {
    /// The tile.
    pub tile: TileId,
    /// How many bytes it has.
    pub found_bytes: usize,
}

impl Refusal for TileLengthDiffers {
    fn code(&self) -> &'static str {
        "tile-length-differs"
    }

    fn mend(&self) -> Option<String> {
        Some(
            "Fetch the tile again; if it stays so, the log's storage or a cache before it is damaged.".into(),
        )
    }
}

/// Tiles at hand, by place. The widest tile of a place answers for the narrower ones.
///
/// What is in a tile is not believed: a proof made of it is checked against a signed root.
#[derive(Debug, Clone, Default)]
pub struct Tiles(HashMap<(u8, u64), Bytes>);

impl Tiles {
    /// Takes in a tile; keeps the wider one where there is one already.
    pub fn insert(&mut self, tile: TileId, bytes: impl Into<Bytes>) -> Result<(), TileLengthDiffers> {
        let bytes = bytes.into();
        if bytes.len() != tile.size_bytes() {
            return Err(TileLengthDiffers { tile, found_bytes: bytes.len() });
        }
        let place = self.0.entry((tile.level(), tile.index())).or_default();
        if place.len() < bytes.len() {
            *place = bytes;
        }
        Ok(())
    }

    /// The bytes of a tile, cut out of a wider one if need be.
    pub fn get(&self, tile: TileId) -> Option<&[u8]> {
        self.0.get(&(tile.level(), tile.index()))?.get(..tile.size_bytes())
    }

    /// Those of `wanted` that are not at hand.
    pub fn missing(&self, wanted: &[TileId]) -> Vec<TileId> {
        wanted.iter().copied().filter(|&tile| self.get(tile).is_none()).collect()
    }

    /// The leaf hash of entry `index`.
    pub fn leaf(&self, index: u64) -> Option<Hash> {
        let place = self.0.get(&(0, index / u64::from(TILE_WIDTH)))?;
        let hashes = place.as_chunks::<32>().0;
        hashes.get((index % u64::from(TILE_WIDTH)) as usize).copied().map(Hash)
    }

    /// The hash of a complete subtree.
    pub(super) fn subtree(&self, subtree: Subtree, tree_size: u64) -> Result<Hash, ProofError> {
        let tile = subtree.tile(tree_size).ok_or(ProofError::SizeTooLarge { tree_size })?;
        let bytes = self.get(tile).ok_or(ProofError::MissingTile { tile })?;
        let hashes = bytes.as_chunks::<32>().0;
        let start = (subtree.first_hash() % u64::from(TILE_WIDTH)) as usize;
        let within = hashes
            .get(start..start + (1 << subtree.height_in_tile()))
            .ok_or(ProofError::MissingTile { tile })?;
        let mut level: Vec<Hash> = within.iter().copied().map(Hash).collect();
        while level.len() > 1 {
            level = level.as_chunks().0.iter().map(|[left, right]| node_hash(left, right)).collect();
        }
        Ok(level[0])
    }

    /// The hash over a range of leaves, as RFC 6962 splits it.
    fn range(&self, range: Range<u64>, tree_size: u64) -> Result<Hash, ProofError> {
        let hashes: Vec<Hash> = complete_subtrees(range)
            .map(|subtree| self.subtree(subtree, tree_size))
            .collect::<Result<_, _>>()?;
        Ok(fold_from_right(&hashes))
    }

    fn ranges(&self, ranges: Vec<Range<u64>>, tree_size: u64) -> Result<Vec<Hash>, ProofError> {
        ranges.into_iter().map(|range| self.range(range, tree_size)).collect()
    }
}

/// The tiles that [`root`] reads: the partial tiles at the right edge.
pub fn tiles_for_root(tree_size: u64) -> Vec<TileId> {
    tiles_of(std::iter::once(0..tree_size), tree_size)
}

/// The tiles that [`prove_inclusion`] reads; none where the tree has no such entry.
pub fn tiles_for_inclusion(index: u64, tree_size: u64) -> Vec<TileId> {
    tiles_of(inclusion_ranges(index, tree_size).into_iter(), tree_size)
}

/// The tiles that [`prove_consistency`] reads; none where the tree did not grow.
pub fn tiles_for_consistency(old_size: u64, new_size: u64) -> Vec<TileId> {
    tiles_of(consistency_ranges(old_size, new_size).into_iter(), new_size)
}

/// The root of the tree of `tree_size` entries.
pub fn root(tree_size: u64, tiles: &Tiles) -> Result<Hash, ProofError> {
    bounded(tree_size, &[])?;
    tiles.range(0..tree_size, tree_size)
}

/// The proof that entry `index` is in the tree of `tree_size` entries, from the leaf's sibling up.
pub fn prove_inclusion(index: u64, tree_size: u64, tiles: &Tiles) -> Result<Vec<Hash>, ProofError> {
    bounded(tree_size, &[])?;
    if index >= tree_size {
        return Err(ProofError::IndexBeyondTree { index, tree_size });
    }
    tiles.ranges(inclusion_ranges(index, tree_size), tree_size)
}

/// The proof that the tree of `new_size` entries begins with that of `old_size`; empty for the empty and the same.
pub fn prove_consistency(old_size: u64, new_size: u64, tiles: &Tiles) -> Result<Vec<Hash>, ProofError> {
    bounded(new_size, &[])?;
    if old_size > new_size {
        return Err(ProofError::Shrunk { old_size, new_size });
    }
    tiles.ranges(consistency_ranges(old_size, new_size), new_size)
}

/// A complete subtree: the leaves from `index << height` on, `1 << height` of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Subtree {
    pub(super) height: u32,
    pub(super) index: u64,
}

impl Subtree {
    fn height_in_tile(self) -> u32 {
        self.height % 8
    }

    /// The place of its first hash on its tile's level.
    fn first_hash(self) -> u64 {
        self.index << self.height_in_tile()
    }

    fn tile(self, tree_size: u64) -> Option<TileId> {
        let level = u8::try_from(self.height / 8).ok()?;
        TileId::in_tree(level, self.first_hash() / u64::from(TILE_WIDTH), tree_size)
    }
}

/// The complete subtrees that make up a range, from the left.
pub(super) fn complete_subtrees(range: Range<u64>) -> impl Iterator<Item = Subtree> {
    let mut start = range.start;
    std::iter::from_fn(move || {
        let left = range.end.checked_sub(start).filter(|&left| left > 0)?;
        let height = left.ilog2().min(start.trailing_zeros());
        let subtree = Subtree { height, index: start >> height };
        start += 1 << height;
        Some(subtree)
    })
}

/// The root over complete subtrees that stand beside each other, the larger ones first.
pub(super) fn fold_from_right(hashes: &[Hash]) -> Hash {
    hashes.iter().rev().copied().reduce(|right, left| node_hash(&left, &right)).unwrap_or_else(empty_root)
}

/// The siblings on the way from leaf `index` up to the root.
fn inclusion_ranges(index: u64, tree_size: u64) -> Vec<Range<u64>> {
    let (mut start, mut end) = (0, tree_size);
    let mut siblings = Vec::new();
    while index < tree_size && end - start > 1 {
        let middle = start + left_size(end - start);
        if index < middle {
            siblings.push(middle..end);
            end = middle;
        } else {
            siblings.push(start..middle);
            start = middle;
        }
    }
    siblings.reverse();
    siblings
}

/// SUBPROOF of RFC 6962, section 2.1.2, without its recursion.
fn consistency_ranges(old_size: u64, new_size: u64) -> Vec<Range<u64>> {
    let (mut start, mut end) = (0, new_size);
    let mut siblings = Vec::new();
    if old_size == 0 || old_size > new_size {
        return siblings;
    }
    while old_size < end {
        let middle = start + left_size(end - start);
        if old_size <= middle {
            siblings.push(middle..end);
            end = middle;
        } else {
            siblings.push(start..middle);
            start = middle;
        }
    }
    // Unless it is the whole old tree, whose root the reader has.
    if start > 0 {
        siblings.push(start..end);
    }
    siblings.reverse();
    siblings
}

/// How many of `leaves` (at least two) are left of the split: the largest power of two below.
fn left_size(leaves: u64) -> u64 {
    1 << (leaves - 1).ilog2()
}

fn tiles_of(ranges: impl Iterator<Item = Range<u64>>, tree_size: u64) -> Vec<TileId> {
    let mut tiles: Vec<TileId> =
        ranges.flat_map(complete_subtrees).filter_map(|subtree| subtree.tile(tree_size)).collect();
    tiles.sort_unstable();
    tiles.dedup();
    tiles
}
