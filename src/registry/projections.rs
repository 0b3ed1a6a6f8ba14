//! What readers hold in memory: the solver's index and what operators object to, fed in the order of the log.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use tokio::sync::watch;

use super::fingerprints::Fingerprints;
use super::objections::Objections;
use crate::domain::{IndexRelease, PluginName};
use crate::resolver::{Index, IndexSnapshot};

/// The projections of one process.
pub(super) struct Projections {
    index: Mutex<Index>,
    snapshot: ArcSwap<IndexSnapshot>,
    objections: Objections,
    fingerprints: Fingerprints,
    sequence: watch::Sender<u64>,
}

impl Projections {
    pub(super) fn new() -> Self {
        let mut index = Index::default();
        let snapshot = ArcSwap::from_pointee(index.snapshot());
        Self {
            index: Mutex::new(index),
            snapshot,
            objections: Objections::default(),
            fingerprints: Fingerprints::default(),
            sequence: watch::Sender::new(0),
        }
    }

    /// Takes in releases as they now stand; `sequence` is the last place of the log that is taken in with them.
    pub(super) fn apply(&self, lines: &BTreeMap<PluginName, Vec<IndexRelease>>, sequence: u64) {
        let mut index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        for (plugin, lines) in lines {
            for line in lines {
                index.apply(plugin, line);
            }
        }
        self.objections.apply(lines);
        self.fingerprints.apply(lines);
        if !lines.is_empty() {
            self.snapshot.store(Arc::new(index.snapshot()));
        }
        self.sequence.send_if_modified(|last| {
            let is_later = sequence > *last;
            *last = sequence.max(*last);
            is_later
        });
    }

    /// What operators hold against packages.
    pub(super) fn objections(&self) -> &Objections {
        &self.objections
    }

    /// What the index files must be.
    pub(super) fn fingerprints(&self) -> &Fingerprints {
        &self.fingerprints
    }

    /// What the solver reads: it does not change under its hands.
    pub(super) fn snapshot(&self) -> Arc<IndexSnapshot> {
        self.snapshot.load_full()
    }

    /// The last place of the log that is taken in.
    pub(super) fn sequence(&self) -> u64 {
        *self.sequence.borrow()
    }

    /// Tells whenever more of the log is taken in.
    pub(super) fn watch(&self) -> watch::Receiver<u64> {
        self.sequence.subscribe()
    }
}
