//! What readers hold in memory: the solver's index, fed in the order of the log.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;

use crate::domain::{IndexRelease, PluginName};
use crate::resolver::{Index, IndexSnapshot};

/// The projections of one process.
pub(super) struct Projections {
    index: Mutex<Index>,
    snapshot: ArcSwap<IndexSnapshot>,
    sequence: AtomicU64,
}

impl Projections {
    pub(super) fn new() -> Self {
        let mut index = Index::default();
        let snapshot = ArcSwap::from_pointee(index.snapshot());
        Self { index: Mutex::new(index), snapshot, sequence: AtomicU64::new(0) }
    }

    /// Takes in releases as they now stand; `sequence` is the last place of the log that is taken in with them.
    pub(super) fn apply(&self, lines: &BTreeMap<PluginName, Vec<IndexRelease>>, sequence: u64) {
        let mut index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        for (plugin, lines) in lines {
            for line in lines {
                index.apply(plugin, line);
            }
        }
        if !lines.is_empty() {
            self.snapshot.store(Arc::new(index.snapshot()));
        }
        self.sequence.fetch_max(sequence, Ordering::AcqRel);
    }

    /// What the solver reads: it does not change under its hands.
    pub(super) fn snapshot(&self) -> Arc<IndexSnapshot> {
        self.snapshot.load_full()
    }

    /// The last place of the log that is taken in.
    pub(super) fn sequence(&self) -> u64 {
        self.sequence.load(Ordering::Acquire)
    }
}
