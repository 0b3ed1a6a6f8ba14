//! Reading the log: entry bundles in order, some on their way at once, and every hash tile against the one recomputed.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::{BoxStream, FuturesUnordered};

use super::difference::{Difference, Findings, Halt};
use super::source::joined;
use crate::client::{Client, ClientError};
use crate::log::{
    EntryBundleId, Hash, TILE_WIDTH, TileId, TilePath, Tiles, TreeEdge, cut_entry_bundle, prove_consistency,
    read_entry_bundle, tiles_for_consistency, verify_consistency,
};
use crate::trust::{EntryError, LogStatement};

/// How many bundles are on their way or being read at once; the largest is 16 MiB.
const BUNDLES_AT_ONCE: usize = 4;
/// How many tiles are on their way at once; each is 8 KiB.
const TILES_AT_ONCE: usize = 16;

/// An entry as it was read.
pub(super) struct ReadEntry {
    pub(super) bytes: Vec<u8>,
    pub(super) statement: Result<LogStatement, EntryError>,
}

/// A bundle as it was read, or why it could not be.
pub(super) type ReadBundle = (EntryBundleId, Result<Vec<ReadEntry>, Difference>);

/// The bundles that hold the entries from `from` up to `size`, in order.
pub(super) fn bundles(
    client: &Client,
    from: u64,
    size: u64,
) -> BoxStream<'static, Result<ReadBundle, ClientError>> {
    let width = u64::from(TILE_WIDTH);
    let (first, end) = (from / width, size.div_ceil(width));
    let client = client.clone();
    futures::stream::iter(first..end)
        .map(move |number| {
            let client = client.clone();
            let id = EntryBundleId::new(number, TILE_WIDTH)
                .filter(|_| (number + 1) * width <= size)
                .or_else(|| EntryBundleId::in_tree(number, size))
                .expect("the numbers end with the tree");
            async move { read_bundle(&client, id).await }
        })
        .buffered(BUNDLES_AT_ONCE)
        .boxed()
}

async fn read_bundle(client: &Client, id: EntryBundleId) -> Result<ReadBundle, ClientError> {
    let path = TilePath::Entries(id);
    let Some(bytes) = tile_object(client, path).await? else { return Ok((id, Err(missing(path)))) };
    let read = tokio::task::spawn_blocking(move || {
        let entries = cut_entry_bundle(&bytes, id.width()).and_then(|cut| {
            // A wider bundle answers for a narrower one; anything behind a full one is too much.
            read_entry_bundle(if id.width() == TILE_WIDTH { &bytes } else { cut }, id.width())
        });
        let entries = entries.map_err(|error| Difference::refused(place(path), &error))?;
        Ok(entries
            .into_iter()
            .map(|entry| ReadEntry { bytes: entry.to_vec(), statement: LogStatement::from_bytes(entry) })
            .collect())
    });
    Ok((id, joined(read).await))
}

/// A tile or bundle; a partial one that is gone has become a full one.
async fn tile_object(client: &Client, path: TilePath) -> Result<Option<Bytes>, ClientError> {
    let object = client.served(&place(path)).await?;
    if object.is_some() || !path.is_partial() {
        return Ok(object);
    }
    let full = path.with_width(TILE_WIDTH).expect("every tile has a full one at its place");
    client.served(&place(full)).await
}

fn place(path: TilePath) -> String {
    format!("log/{}", path.path())
}

fn missing(path: TilePath) -> Difference {
    Difference::at(
        place(path),
        "log-object-missing",
        "the log does not serve it, though its checkpoint needs it",
    )
}

/// The tiles that were recomputed and wait to be compared with those served.
#[derive(Default)]
pub(super) struct TileComparison {
    /// The partial tile of each level; only the one of the final size is served for sure.
    partial: BTreeMap<u8, (TileId, Vec<u8>)>,
    waiting: Vec<(TileId, Vec<u8>)>,
}

impl TileComparison {
    /// Takes what the edge has to give, and compares when enough came together.
    pub(super) async fn take(
        &mut self,
        edge: &mut TreeEdge,
        client: &Client,
        findings: &mut Findings,
    ) -> Result<(), Halt> {
        for (path, bytes) in edge.take_tiles() {
            let TilePath::Hashes(tile) = path else { continue };
            if path.is_partial() {
                self.partial.insert(tile.level(), (tile, bytes));
            } else {
                self.waiting.push((tile, bytes));
            }
        }
        if self.waiting.len() >= TILES_AT_ONCE { self.compare(client, findings).await } else { Ok(()) }
    }

    /// Compares everything that is left, with the partial tiles of a tree of `size`.
    pub(super) async fn finish(
        &mut self,
        size: u64,
        client: &Client,
        findings: &mut Findings,
    ) -> Result<(), Halt> {
        for (tile, bytes) in std::mem::take(&mut self.partial).into_values() {
            if TileId::in_tree(tile.level(), tile.index(), size) == Some(tile) {
                self.waiting.push((tile, bytes.clone()));
                // It may grow in the next round; then the edge gives it again.
            }
        }
        self.compare(client, findings).await
    }

    async fn compare(&mut self, client: &Client, findings: &mut Findings) -> Result<(), Halt> {
        let fetches: FuturesUnordered<_> = std::mem::take(&mut self.waiting)
            .into_iter()
            .map(|(tile, expected)| async move {
                let found = tile_object(client, TilePath::Hashes(tile)).await;
                found.map(|found| (tile, expected, found))
            })
            .collect();
        let mut compared: Vec<_> = fetches.collect::<Vec<_>>().await.into_iter().collect::<Result<_, _>>()?;
        compared.sort_by_key(|(tile, _, _)| TilePath::Hashes(*tile));
        for (tile, expected, found) in compared {
            if let Some(difference) = tile_difference(tile, &expected, found.as_deref()) {
                findings.tell(difference)?;
            }
        }
        Ok(())
    }
}

/// Where the served tile is not the recomputed one.
fn tile_difference(tile: TileId, expected: &[u8], found: Option<&[u8]>) -> Option<Difference> {
    let path = TilePath::Hashes(tile);
    let Some(found) = found else { return Some(missing(path)) };
    let is_wider = path.is_partial() && found.len() > expected.len();
    let found = if is_wider { &found[..expected.len()] } else { found };
    if found.len() != expected.len() {
        let difference = Difference::at(place(path), "tile-differs", "the tile has another length");
        let bytes = |length: usize| format!("{length} bytes");
        return Some(difference.with(bytes(expected.len()), bytes(found.len())));
    }
    let hashes = expected.as_chunks::<32>().0.iter().zip(found.as_chunks::<32>().0);
    let (number, (expected, found)) = hashes.enumerate().find(|(_, (expected, found))| expected != found)?;
    let at = tile.index() * u64::from(TILE_WIDTH) + number as u64;
    let (problem, index) = match tile.level() {
        0 => (format!("its hash {number} is not the one of entry {at}"), Some(at)),
        level => (format!("its hash {number} is not the one of tile {at} of level {}", level - 1), None),
    };
    let difference = Difference::at(place(path), "tile-differs", problem).with(Hash(*expected), Hash(*found));
    Some(Difference { index, ..difference })
}

/// Whether the tree of `old` is held by the tree of `new`, by the tiles the registry serves.
pub(super) async fn check_consistency(
    client: &Client,
    old: (u64, Hash),
    new: (u64, Hash),
) -> Result<Result<(), String>, ClientError> {
    let mut tiles = Tiles::default();
    for tile in tiles_for_consistency(old.0, new.0) {
        let path = TilePath::Hashes(tile);
        let Some(bytes) = tile_object(client, path).await? else {
            return Ok(Err(format!("{} is not served", place(path))));
        };
        let end = bytes.len().min(tile.size_bytes());
        if let Err(error) = tiles.insert(tile, bytes.slice(..end)) {
            return Ok(Err(error.to_string()));
        }
    }
    let proof = match prove_consistency(old.0, new.0, &tiles) {
        Ok(proof) => proof,
        Err(error) => return Ok(Err(error.to_string())),
    };
    Ok(verify_consistency(old.0, old.1, new.0, new.1, &proof).map_err(|error| error.to_string()))
}
