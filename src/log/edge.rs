//! The growing right edge of a log: what an append changes, and nothing else.

use super::entry_bundle::{
    ENTRY_MAX_BYTES, EntryBundleError, cut_entry_bundle, push_entry, read_entry_bundle,
};
use super::hash::{Hash, leaf_hash, node_hash};
use super::proof::{ProofError, bounded};
use super::tile_path::{EntryBundleId, TILE_WIDTH, TileId, TilePath};
use super::tiles::{Tiles, complete_subtrees, fold_from_right};
use crate::domain::Refusal;

/// An entry is larger than a log can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the entry is {size_bytes} bytes; a log holds entries of at most {ENTRY_MAX_BYTES}")]
pub struct EntryTooLarge {
    /// Its size.
    pub size_bytes: usize,
}

impl Refusal for EntryTooLarge {
    fn code(&self) -> &'static str {
        "log-entry-too-large"
    }

    fn mend(&self) -> Option<String> {
        Some("Log a digest of what is too large, and keep the thing itself elsewhere.".into())
    }
}

/// Why an edge cannot be built again from what was stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EdgeError {
    /// A tile of the edge is missing, or the size cannot be.
    #[error(transparent)]
    Tile(#[from] ProofError),
    /// The partial entry bundle is missing.
    #[error("{bundle} is missing, so the log of {tree_size} entries cannot grow")]
    BundleMissing {
        /// The bundle.
        bundle: EntryBundleId,
        /// The size of the tree.
        tree_size: u64,
    },
    /// The partial entry bundle is damaged.
    #[error(transparent)]
    Bundle(#[from] EntryBundleError),
    /// An entry is not the one the tile has the hash of.
    #[error("entry {index} hashes to {found}, but its tile has {expected}")]
    EntryDiffers {
        /// The zero-based index of the entry.
        index: u64,
        /// What the tile has.
        expected: Hash,
        /// What the entry hashes to.
        found: Hash,
    },
}

impl Refusal for EdgeError {
    fn code(&self) -> &'static str {
        match self {
            Self::Tile(error) => error.code(),
            Self::BundleMissing { .. } => "entry-bundle-missing",
            Self::Bundle(error) => error.code(),
            Self::EntryDiffers { .. } => "entry-bundle-differs",
        }
    }

    fn mend(&self) -> Option<String> {
        match self {
            Self::Tile(error) => error.mend(),
            Self::Bundle(error) => error.mend(),
            Self::BundleMissing { .. } | Self::EntryDiffers { .. } => {
                Some("Write the log's tiles again from the database's entries.".into())
            }
        }
    }
}

/// The right edge of a growing tree: the partial tile of each level and the partial entry bundle.
///
/// An append costs one leaf hash and, on average, one node hash. Memory does not grow with the tree, apart from
/// full tiles that nobody took yet.
#[derive(Debug, Clone, Default)]
pub struct TreeEdge {
    size: u64,
    /// The roots of the complete subtrees of the tree, the largest first: one for each bit of `size`.
    peaks: Vec<Hash>,
    levels: Vec<Level>,
    bundle: Vec<u8>,
    full_bundles: Vec<(TilePath, Vec<u8>)>,
    full_tiles: Vec<(TilePath, Vec<u8>)>,
    taken_size: u64,
}

/// The hashes of a level that fill no tile yet, and how many tiles were filled before.
#[derive(Debug, Clone, Default)]
struct Level {
    filled: u64,
    hashes: Vec<u8>,
    changed: bool,
}

impl TreeEdge {
    /// The edge of the empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// The edge of a stored tree, out of the tiles that [`tiles_for_root`](super::tiles_for_root) names and, unless
    /// `size` is a multiple of 256, the last entry bundle (or a wider one of its place).
    ///
    /// The bundle is checked against its tile. Whether [`TreeEdge::root`] is the root that was signed is the
    /// caller's to check.
    pub fn from_parts(size: u64, tiles: &Tiles, last_bundle: Option<&[u8]>) -> Result<Self, EdgeError> {
        bounded(size, &[])?;
        let mut edge = Self { size, taken_size: size, ..Self::default() };
        for subtree in complete_subtrees(0..size) {
            edge.peaks.push(tiles.subtree(subtree, size)?);
        }
        let mut count = size;
        for number in 0..=7 {
            if count == 0 {
                break;
            }
            let filled = count / u64::from(TILE_WIDTH);
            let hashes = match TileId::in_tree(number, filled, size) {
                None => Vec::new(),
                Some(tile) => tiles.get(tile).ok_or(ProofError::MissingTile { tile })?.to_vec(),
            };
            edge.levels.push(Level { filled, hashes, changed: false });
            count = filled;
        }
        if let Some(bundle) = EntryBundleId::in_tree(size / u64::from(TILE_WIDTH), size) {
            let bytes = last_bundle.ok_or(EdgeError::BundleMissing { bundle, tree_size: size })?;
            edge.bundle = checked_bundle(bundle, bytes, tiles)?.to_vec();
        }
        Ok(edge)
    }

    /// How many entries the tree has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root of the tree.
    pub fn root(&self) -> Hash {
        fold_from_right(&self.peaks)
    }

    /// Appends an entry and returns its zero-based index.
    pub fn append(&mut self, entry: &[u8]) -> Result<u64, EntryTooLarge> {
        push_entry(&mut self.bundle, entry).ok_or(EntryTooLarge { size_bytes: entry.len() })?;
        let index = self.size;
        if self.size % u64::from(TILE_WIDTH) == u64::from(TILE_WIDTH) - 1 {
            let bundle = EntryBundleId::new(index / u64::from(TILE_WIDTH), TILE_WIDTH)
                .expect("an index divided by 256 is a bundle's");
            self.full_bundles.push((TilePath::Entries(bundle), std::mem::take(&mut self.bundle)));
        }
        let mut hash = leaf_hash(entry);
        self.push_hash(0, hash);
        for height in 1..=index.trailing_ones() {
            let left = self.peaks.pop().expect("each set bit of the size has its peak");
            hash = node_hash(&left, &hash);
            if height % 8 == 0 {
                self.push_hash((height / 8) as usize, hash);
            }
        }
        self.peaks.push(hash);
        self.size += 1;
        Ok(index)
    }

    /// What is to be stored since the last time: every tile that became full and every partial one that changed.
    ///
    /// Entry bundles come before hash tiles, and lower levels before higher ones.
    pub fn take_tiles(&mut self) -> Vec<(TilePath, Vec<u8>)> {
        let mut taken = std::mem::take(&mut self.full_bundles);
        let last_bundle = EntryBundleId::in_tree(self.size / u64::from(TILE_WIDTH), self.size);
        if let Some(bundle) = last_bundle.filter(|_| self.size > self.taken_size) {
            taken.push((TilePath::Entries(bundle), self.bundle.clone()));
        }
        let mut tiles = std::mem::take(&mut self.full_tiles);
        for (number, level) in self.levels.iter_mut().enumerate() {
            if std::mem::take(&mut level.changed) && !level.hashes.is_empty() {
                tiles.push((tile_path(number, level.filled, level.hashes.len() / 32), level.hashes.clone()));
            }
        }
        tiles.sort_by_key(|(path, _)| *path);
        taken.append(&mut tiles);
        self.taken_size = self.size;
        taken
    }

    /// What is to be stored since the last time and hardly changes any more: every bundle and tile that became full,
    /// and the partial tiles above level 0 that grew by them.
    ///
    /// With it and the entries behind the last multiple of 256, the edge can be built again. The partial tile of level
    /// 0 and the partial bundle change with every entry; [`TreeEdge::partial`] has them.
    pub fn take_full_tiles(&mut self) -> Vec<(TilePath, Vec<u8>)> {
        let mut taken = std::mem::take(&mut self.full_bundles);
        let mut tiles = std::mem::take(&mut self.full_tiles);
        for (number, level) in self.levels.iter_mut().enumerate().skip(1) {
            if std::mem::take(&mut level.changed) && !level.hashes.is_empty() {
                tiles.push((tile_path(number, level.filled, level.hashes.len() / 32), level.hashes.clone()));
            }
        }
        tiles.sort_by_key(|(path, _)| *path);
        taken.append(&mut tiles);
        taken
    }

    /// A partial tile or bundle at the edge, cut to the width asked for; none where the tree is not that wide or the
    /// place is full.
    pub fn partial(&self, path: TilePath) -> Option<&[u8]> {
        match path {
            TilePath::Hashes(tile) => {
                let level = self.levels.get(usize::from(tile.level()))?;
                level.hashes.get(..tile.size_bytes()).filter(|_| level.filled == tile.index())
            }
            TilePath::Entries(bundle) => {
                let edge = EntryBundleId::in_tree(self.size / u64::from(TILE_WIDTH), self.size)?;
                let is_here = edge.index() == bundle.index() && bundle.width() <= edge.width();
                is_here.then(|| cut_entry_bundle(&self.bundle, bundle.width()).ok()).flatten()
            }
        }
    }

    fn push_hash(&mut self, number: usize, hash: Hash) {
        if self.levels.len() == number {
            self.levels.push(Level::default());
        }
        let level = &mut self.levels[number];
        level.hashes.extend_from_slice(&hash.0);
        level.changed = true;
        if level.hashes.len() == usize::from(TILE_WIDTH) * 32 {
            let path = tile_path(number, level.filled, usize::from(TILE_WIDTH));
            self.full_tiles.push((path, std::mem::take(&mut level.hashes)));
            level.filled += 1;
        }
    }
}

fn tile_path(level: usize, index: u64, width: usize) -> TilePath {
    let tile = u8::try_from(level)
        .ok()
        .zip(u16::try_from(width).ok())
        .and_then(|(level, width)| TileId::new(level, index, width))
        .expect("a tree of 64-bit size has tiles within bounds");
    TilePath::Hashes(tile)
}

/// The bytes of `bundle` within `bytes`, once every entry hashes to what the level 0 tile has.
fn checked_bundle<'a>(bundle: EntryBundleId, bytes: &'a [u8], tiles: &Tiles) -> Result<&'a [u8], EdgeError> {
    let bytes = cut_entry_bundle(bytes, bundle.width())?;
    for (index, entry) in (bundle.first_entry()..).zip(read_entry_bundle(bytes, bundle.width())?) {
        let found = leaf_hash(entry);
        let expected = tiles.leaf(index).expect("the tile of the edge was read before");
        if expected != found {
            return Err(EdgeError::EntryDiffers { index, expected, found });
        }
    }
    Ok(bytes)
}
