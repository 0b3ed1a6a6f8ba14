//! The tree, the texts and the refusals, beside the definitions of RFC 6962 and another implementation.

mod notes;
mod others;
mod paths;
mod reference;
mod refusals;
mod tree;
mod vectors;

use std::collections::BTreeMap;

use super::{Hash, TilePath, Tiles, TreeEdge};
use crate::signing::SecretKey;

const ORIGIN: &str = "registry.example/log";

fn log_key() -> SecretKey {
    SecretKey::from_seed(&[1; 32])
}

fn witness_key(number: u8) -> SecretKey {
    SecretKey::from_seed(&[100 + number; 32])
}

/// Entry `index` of a test log: no two are equal, and their lengths differ.
fn entry(index: u64) -> Vec<u8> {
    format!("entry {index} {}", "x".repeat((index % 7) as usize)).into_bytes()
}

/// A log that was grown and stored: everything it ever wrote, by path.
#[derive(Clone, Default)]
struct Grown {
    edge: TreeEdge,
    tiles: Tiles,
    stored: BTreeMap<TilePath, Vec<u8>>,
}

impl Grown {
    fn to(size: u64) -> Self {
        let mut grown = Self::default();
        grown.grow(size);
        grown
    }

    /// Appends up to `size` entries and stores what changed.
    fn grow(&mut self, size: u64) -> Vec<TilePath> {
        while self.edge.size() < size {
            self.edge.append(&entry(self.edge.size())).unwrap();
        }
        let written = self.edge.take_tiles();
        for (path, bytes) in &written {
            if let TilePath::Hashes(tile) = path {
                self.tiles.insert(*tile, bytes.clone()).unwrap();
            }
            self.stored.insert(*path, bytes.clone());
        }
        written.into_iter().map(|(path, _)| path).collect()
    }

    fn root(&self) -> Hash {
        self.edge.root()
    }
}
