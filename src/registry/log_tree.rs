//! The tree of the log in this process: its signed head, its growing edge, and proofs out of its tiles.
//!
//! The tree is a function of the entries in the database, so every process can grow its own and all come to the same
//! roots. Full tiles lie in the object store; what is not full is here, and served from here. [`super::write_log`]
//! writes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use moka::sync::Cache;
use tokio::sync::watch;

use super::Registry;
use crate::db::log::{self, HeadRow, Leaf};
use crate::db::{Database, DatabaseError};
use crate::domain::{Digest, Refusal};
use crate::log::{
    EntryTooLarge, Hash, ProofError, TILE_WIDTH, TileId, TilePath, Tiles, TreeEdge, cut_entry_bundle,
    empty_root, leaf_hash, node_hash, prove_consistency, prove_inclusion, read_entry_bundle,
    tiles_for_consistency, tiles_for_inclusion, write_entry_bundle,
};
use crate::storage::{Storage, StorageError};

/// How many full tiles of hashes are kept in memory; each is 8 KiB.
const TILES_IN_MEMORY: u64 = 1_024;
/// How many entries one read takes from the database.
const LEAVES_AT_ONCE: i64 = 1_000;

/// The newest head of the log that was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedHead {
    /// How many entries it is over.
    pub tree_size: u64,
    /// The root of the tree.
    pub root: Hash,
    /// The checkpoint: a C2SP signed note.
    pub note: String,
}

impl SignedHead {
    pub(super) fn to_row(&self) -> HeadRow {
        let root = Digest::from_bytes(self.root.0);
        HeadRow { tree_size: self.tree_size, root, checkpoint: self.note.clone() }
    }

    pub(super) fn from_row(row: HeadRow) -> Self {
        let root = Hash(*row.root.as_bytes());
        Self { tree_size: row.tree_size, root, note: row.checkpoint }
    }
}

/// Why the log could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadLogError {
    /// The tree has no such tile yet.
    #[error("the log has {tree_size} entries, and no {path}")]
    Beyond {
        /// The tile asked for.
        path: String,
        /// How many entries there are.
        tree_size: u64,
    },
    /// The tiles do not make the proof.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// The object store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The registry is stopping.
    #[error("the registry is stopping")]
    Stopping,
}

impl Refusal for ReadLogError {
    fn code(&self) -> &'static str {
        match self {
            Self::Beyond { .. } => "tile-not-found",
            Self::Stopping => "shutting-down",
            Self::Proof(_) | Self::Storage(_) | Self::Database(_) => "internal",
        }
    }

    fn mend(&self) -> Option<String> {
        match self {
            Self::Beyond { .. } => {
                Some("Fetch /log/checkpoint again and ask for tiles of a tree of that size.".into())
            }
            Self::Proof(_) | Self::Storage(_) | Self::Database(_) | Self::Stopping => None,
        }
    }
}

/// The tree in this process.
pub(super) struct LogTree {
    head: watch::Sender<Arc<SignedHead>>,
    edge: Mutex<TreeEdge>,
    tiles: Cache<TileId, Bytes>,
    storage: Storage,
    database: Database,
}

impl LogTree {
    pub(super) fn new(database: Database, storage: Storage) -> Self {
        let nothing = SignedHead { tree_size: 0, root: empty_root(), note: String::new() };
        Self {
            head: watch::Sender::new(Arc::new(nothing)),
            edge: Mutex::default(),
            tiles: Cache::new(TILES_IN_MEMORY),
            storage,
            database,
        }
    }

    pub(super) fn head(&self) -> Arc<SignedHead> {
        Arc::clone(&self.head.borrow())
    }

    pub(super) fn set_head(&self, head: SignedHead) {
        self.head.send_replace(Arc::new(head));
    }

    pub(super) fn edge(&self) -> MutexGuard<'_, TreeEdge> {
        self.edge.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins with this edge.
    pub(super) fn begin_with(&self, edge: TreeEdge) {
        self.tiles.invalidate_all();
        *self.edge() = edge;
    }

    /// Appends leaves that follow the edge, and gives what became full; it is readable here at once.
    pub(super) fn append(&self, leaves: &[Leaf]) -> Result<Vec<(TilePath, Bytes)>, EntryTooLarge> {
        let mut edge = self.edge();
        for leaf in leaves {
            edge.append(leaf.payload.as_bytes())?;
        }
        let full = edge.take_full_tiles().into_iter().map(|(path, bytes)| (path, Bytes::from(bytes)));
        let full: Vec<_> = full.collect();
        for (path, bytes) in &full {
            if let TilePath::Hashes(tile) = path
                && !path.is_partial()
            {
                self.tiles.insert(*tile, bytes.clone());
            }
        }
        Ok(full)
    }

    /// The leaves behind the edge, at most a thousand.
    pub(super) async fn next_leaves(&self, after: u64, up_to: u64) -> Result<Vec<Leaf>, DatabaseError> {
        let most = i64::try_from(up_to.saturating_sub(after)).unwrap_or(i64::MAX).min(LEAVES_AT_ONCE);
        log::leaves_after(&mut *self.database.read().await?, after, most).await
    }

    /// The bytes of a tile or bundle within the signed tree, cut out of a wider one if need be.
    pub(super) async fn read(&self, path: TilePath) -> Result<Bytes, ReadLogError> {
        let tree_size = self.head().tree_size;
        if end_of(path).is_none_or(|end| end > tree_size) {
            return Err(ReadLogError::Beyond { path: path.path(), tree_size });
        }
        if let Some(bytes) = self.edge().partial(path) {
            return Ok(Bytes::copy_from_slice(bytes));
        }
        let full = path.with_width(TILE_WIDTH).expect("256 is a width");
        let bytes = match full {
            TilePath::Hashes(tile) => self.read_full_tile(tile).await?,
            TilePath::Entries(_) => self.read_full(full).await?,
        };
        Ok(match path {
            TilePath::Hashes(tile) => bytes.slice(..tile.size_bytes()),
            TilePath::Entries(bundle) => {
                let cut = cut_entry_bundle(&bytes, bundle.width()).map_or(0, <[u8]>::len);
                bytes.slice(..cut)
            }
        })
    }

    async fn read_full_tile(&self, tile: TileId) -> Result<Bytes, ReadLogError> {
        if let Some(bytes) = self.tiles.get(&tile) {
            return Ok(bytes);
        }
        let bytes = self.read_full(TilePath::Hashes(tile)).await?;
        self.tiles.insert(tile, bytes.clone());
        Ok(bytes)
    }

    /// A full tile from the store; one that is missing there or torn is made again from the database.
    async fn read_full(&self, path: TilePath) -> Result<Bytes, ReadLogError> {
        match self.storage.get_log_object(&path.path()).await {
            Ok(Some(bytes)) if is_whole(path, &bytes) && self.fits_above(path, &bytes).await? => {
                return Ok(bytes);
            }
            Ok(_) => tracing::warn!(
                path = path.path(),
                "a part of the log is missing in the object store or is not what was signed; it is made again"
            ),
            Err(error) => tracing::warn!(path = path.path(), %error, "a part of the log cannot be read"),
        }
        let bytes = self.make_again(path).await?;
        let made = vec![(path.path(), bytes.clone())];
        if let Err(error) = self.storage.put_log_objects(made).await {
            tracing::warn!(path = path.path(), %error, "a part of the log is served and not stored yet");
        }
        Ok(bytes)
    }

    /// Whether a full tile has the hash that the tile above it says, and a bundle the entries its tile says. The edge
    /// in memory, which was held against the signed root, is above all of them.
    async fn fits_above(&self, path: TilePath, bytes: &[u8]) -> Result<bool, ReadLogError> {
        let (level, index, hashes) = match path {
            TilePath::Entries(bundle) => {
                let Ok(entries) = read_entry_bundle(bytes, bundle.width()) else { return Ok(false) };
                let tile = TileId::new(0, bundle.index(), TILE_WIDTH).expect("a bundle has its tile");
                let hashes: Vec<u8> = entries.into_iter().flat_map(|entry| leaf_hash(entry).0).collect();
                let told = Box::pin(self.read(TilePath::Hashes(tile))).await?;
                return Ok(told == hashes);
            }
            TilePath::Hashes(tile) => (tile.level(), tile.index(), bytes),
        };
        let width = u64::from(TILE_WIDTH);
        let place = u16::try_from(index % width).expect("less than 256") + 1;
        let Some(above) = TileId::new(level + 1, index / width, place) else { return Ok(true) };
        let told = Box::pin(self.read(TilePath::Hashes(above))).await?;
        Ok(told.ends_with(&root_of_tile(hashes).0))
    }

    /// Works a full tile or bundle out from the entries in the database.
    async fn make_again(&self, path: TilePath) -> Result<Bytes, ReadLogError> {
        let (start, end) = (start_of(path), end_of(path).unwrap_or(u64::MAX));
        let mut edge = TreeEdge::new();
        let mut bundle = Vec::new();
        let mut after = start;
        while after < end {
            let leaves = self.next_leaves(after, end).await?;
            let Some(last) = leaves.last() else {
                return Err(ReadLogError::Beyond { path: path.path(), tree_size: after });
            };
            after = last.sequence;
            if let TilePath::Entries(_) = path {
                let entries = leaves.iter().map(|leaf| leaf.payload.as_bytes());
                bundle.extend(write_entry_bundle(entries).expect("an entry of the log fits into it"));
                continue;
            }
            for leaf in leaves {
                edge.append(leaf.payload.as_bytes()).expect("an entry of the log fits into it");
            }
            // Of the tiles below, only what they add to the one that is wanted is kept.
            for (made, bytes) in edge.take_full_tiles() {
                if let (TilePath::Hashes(made), TilePath::Hashes(wanted)) = (made, path)
                    && made.level() == wanted.level()
                {
                    bundle = bytes;
                }
            }
        }
        Ok(bundle.into())
    }

    async fn tiles(&self, wanted: Vec<TileId>) -> Result<Tiles, ReadLogError> {
        let mut tiles = Tiles::default();
        for tile in wanted {
            if tiles.get(tile).is_none() {
                let bytes = self.read(TilePath::Hashes(tile)).await?;
                tiles.insert(tile, bytes).expect("it was cut to its size");
            }
        }
        Ok(tiles)
    }
}

/// The hash over a full tile: its hashes in pairs, and the pairs in pairs.
fn root_of_tile(hashes: &[u8]) -> Hash {
    let mut level: Vec<Hash> = hashes.as_chunks::<32>().0.iter().copied().map(Hash).collect();
    while level.len() > 1 {
        level = level.as_chunks::<2>().0.iter().map(|[left, right]| node_hash(left, right)).collect();
    }
    level[0]
}

/// The first entry that a tile is about.
fn start_of(path: TilePath) -> u64 {
    match path {
        TilePath::Hashes(tile) => tile.index() << (8 * (u32::from(tile.level()) + 1)),
        TilePath::Entries(bundle) => bundle.first_entry(),
    }
}

/// How many entries a tree must have for the tile to be there.
pub(super) fn end_of(path: TilePath) -> Option<u64> {
    let width = u64::from(path.width());
    match path {
        TilePath::Hashes(tile) => {
            let hashes = tile.index().checked_mul(u64::from(TILE_WIDTH))?.checked_add(width)?;
            hashes.checked_mul(1_u64.checked_shl(8 * u32::from(tile.level()))?)
        }
        TilePath::Entries(bundle) => bundle.first_entry().checked_add(width),
    }
}

fn is_whole(path: TilePath, bytes: &Bytes) -> bool {
    match path {
        TilePath::Hashes(tile) => bytes.len() == tile.size_bytes(),
        TilePath::Entries(bundle) => {
            cut_entry_bundle(bytes, bundle.width()).is_ok_and(|whole| whole.len() == bytes.len())
        }
    }
}

impl Registry {
    /// The newest signed head of the log.
    pub fn head(&self) -> Arc<SignedHead> {
        self.shared.log_tree.head()
    }

    /// The first signed head that is over the entry at `index`; waits for it.
    ///
    /// What is committed is in the log a moment later: callers that found an entry in the database wait here.
    pub async fn head_over(&self, index: u64) -> Result<Arc<SignedHead>, ReadLogError> {
        let mut heads = self.shared.log_tree.head.subscribe();
        let head = heads.wait_for(|head| head.tree_size > index);
        match self.stopping().run_until_cancelled(head).await {
            Some(Ok(head)) => Ok(Arc::clone(&head)),
            _ => Err(ReadLogError::Stopping),
        }
    }

    /// Tells of every new signed head.
    pub fn watch_heads(&self) -> watch::Receiver<Arc<SignedHead>> {
        self.shared.log_tree.head.subscribe()
    }

    /// The bytes of a tile or an entry bundle.
    pub async fn read_tile(&self, path: TilePath) -> Result<Bytes, ReadLogError> {
        self.shared.log_tree.read(path).await
    }

    /// Proves that the entry at `index` is in the tree of `head`.
    pub async fn prove_inclusion(&self, head: &SignedHead, index: u64) -> Result<Vec<Hash>, ReadLogError> {
        let proofs = self.prove_inclusions(head, &[index]).await?;
        Ok(proofs.into_iter().next().expect("one proof for one index"))
    }

    /// Proves that the entries at `indexes` are in the tree of `head`, in the same order; tiles are read once.
    pub async fn prove_inclusions(
        &self,
        head: &SignedHead,
        indexes: &[u64],
    ) -> Result<Vec<Vec<Hash>>, ReadLogError> {
        let wanted = indexes.iter().flat_map(|index| tiles_for_inclusion(*index, head.tree_size)).collect();
        let tiles = self.shared.log_tree.tiles(wanted).await?;
        let proofs = indexes.iter().map(|index| prove_inclusion(*index, head.tree_size, &tiles));
        Ok(proofs.collect::<Result<_, _>>()?)
    }

    /// Proves that the tree of `head` grew out of the one of `old_size`.
    pub async fn prove_consistency(
        &self,
        old_size: u64,
        head: &SignedHead,
    ) -> Result<Vec<Hash>, ReadLogError> {
        let tiles = self.shared.log_tree.tiles(tiles_for_consistency(old_size, head.tree_size)).await?;
        Ok(prove_consistency(old_size, head.tree_size, &tiles)?)
    }
}
