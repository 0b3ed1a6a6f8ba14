//! Everybody's memory of the log: each checkpoint anybody saw, and that the newest holds them all.

use std::collections::BTreeMap;
use std::sync::Mutex;

use pluginry::log::{
    EntryBundleId, Hash, NoteVerifier, SignedCheckpoint, TileId, Tiles, leaf_hash, prove_consistency,
    prove_inclusion, read_entry_bundle, tiles_for_consistency, tiles_for_inclusion, verify_consistency,
    verify_inclusion,
};
use reqwest::StatusCode;

use super::client::{Answered, ask_bytes};

/// The checkpoints of one log that were seen.
pub struct Watcher {
    keys: Vec<NoteVerifier>,
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    seen: BTreeMap<u64, Hash>,
    /// The least size that a checkpoint may have from now on.
    floor: u64,
}

/// A log as its checkpoint has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tree {
    /// How many entries.
    pub size: u64,
    /// Its root.
    pub root: Hash,
}

impl Watcher {
    /// Somebody who has seen nothing and knows the log's keys.
    pub fn new(keys: Vec<NoteVerifier>) -> Self {
        Self { keys, memory: Mutex::default() }
    }

    /// An answer told a place of the log: from now on every checkpoint holds it.
    pub fn expect_size(&self, size: u64) {
        let mut memory = self.memory.lock().unwrap();
        memory.floor = memory.floor.max(size);
    }

    /// Every checkpoint that was seen.
    pub fn seen(&self) -> BTreeMap<u64, Hash> {
        self.memory.lock().unwrap().seen.clone()
    }

    /// Fetches the checkpoint and holds it against what was seen before.
    pub async fn look(&self, http: &reqwest::Client, url: &str) -> Answered<Tree> {
        let floor = self.memory.lock().unwrap().floor;
        let (status, note) = ask_bytes(http.get(format!("{url}/log/checkpoint"))).await?;
        let note = String::from_utf8(note).unwrap();
        assert_eq!(status, StatusCode::OK, "no checkpoint: {note}");
        let checkpoint = SignedCheckpoint::parse(&note).unwrap().verify(&self.keys).unwrap();
        let tree = Tree { size: checkpoint.tree_size, root: checkpoint.root };
        assert!(tree.size >= floor, "the log shrank: {} entries, there were {floor}", tree.size);

        let older = self.seen().range(..tree.size).next_back().map(|(size, root)| (*size, *root));
        if let Some((size, root)) = older.filter(|(size, _)| *size > 0) {
            let tiles = fetch_tiles(http, url, tree.size, tiles_for_consistency(size, tree.size)).await?;
            let proof = prove_consistency(size, tree.size, &tiles).unwrap();
            let holds = verify_consistency(size, root, tree.size, tree.root, &proof);
            holds.unwrap_or_else(|error| {
                panic!("the log of {} does not hold that of {size}: {error}", tree.size)
            });
        }
        let mut memory = self.memory.lock().unwrap();
        let known = *memory.seen.entry(tree.size).or_insert(tree.root);
        assert_eq!(known, tree.root, "two roots for {} entries", tree.size);
        memory.floor = memory.floor.max(tree.size);
        Ok(tree)
    }

    /// The entry at `index`, proven to be in `tree`.
    pub async fn prove(
        &self,
        http: &reqwest::Client,
        url: &str,
        index: u64,
        tree: Tree,
    ) -> Answered<Vec<u8>> {
        let tiles = fetch_tiles(http, url, tree.size, tiles_for_inclusion(index, tree.size)).await?;
        let bundle = EntryBundleId::holding(index, tree.size).expect("the tree holds the entry");
        let bytes = fetch(http, url, &bundle.path()).await?;
        let entries = read_entry_bundle(&bytes, bundle.width()).unwrap();
        let entry = entries[(index - bundle.first_entry()) as usize].to_vec();
        let proof = prove_inclusion(index, tree.size, &tiles).unwrap();
        verify_inclusion(leaf_hash(&entry), index, tree.size, tree.root, &proof)
            .unwrap_or_else(|error| panic!("entry {index} is not in the tree of {}: {error}", tree.size));
        Ok(entry)
    }
}

/// Every entry of the log, as its bundles have them.
pub async fn fetch_entries(http: &reqwest::Client, url: &str, size: u64) -> Answered<Vec<Vec<u8>>> {
    let mut entries = Vec::new();
    while let Some(bundle) = EntryBundleId::holding(entries.len() as u64, size) {
        let bytes = fetch(http, url, &bundle.path()).await?;
        entries.extend(read_entry_bundle(&bytes, bundle.width()).unwrap().into_iter().map(<[u8]>::to_vec));
    }
    Ok(entries)
}

async fn fetch_tiles(http: &reqwest::Client, url: &str, size: u64, wanted: Vec<TileId>) -> Answered<Tiles> {
    let mut tiles = Tiles::default();
    for tile in wanted {
        let bytes = fetch(http, url, &tile.path()).await?;
        tiles.insert(tile, bytes).unwrap_or_else(|error| panic!("a tile of the tree of {size}: {error}"));
    }
    Ok(tiles)
}

async fn fetch(http: &reqwest::Client, url: &str, path: &str) -> Answered<Vec<u8>> {
    let (status, bytes) = ask_bytes(http.get(format!("{url}/log/{path}"))).await?;
    assert_eq!(status, StatusCode::OK, "{path}: {}", String::from_utf8_lossy(&bytes));
    Ok(bytes)
}
