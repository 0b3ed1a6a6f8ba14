//! What readers hold in memory: the solver's index and what operators object to, fed in the order of the log.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use tokio::sync::watch;

use super::fingerprints::Fingerprints;
use super::kept_projections::{Keeping, Kept};
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
    /// The place up to which they are on disk.
    kept: AtomicU64,
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
            kept: AtomicU64::new(0),
        }
    }

    /// Takes in releases as they now stand; `sequence` is the last place of the log that is taken in with them.
    pub(super) fn apply(&self, lines: &BTreeMap<PluginName, Vec<IndexRelease>>, sequence: u64) {
        let mut index = self.index();
        self.take_in_lines(&mut index, lines);
        if !lines.is_empty() {
            self.snapshot.store(Arc::new(index.snapshot()));
        }
        self.advance(sequence);
    }

    /// Takes in the part of the releases that comes next at the start, unseen by readers until [`Self::show`].
    pub(super) fn take_in(&self, lines: &BTreeMap<PluginName, Vec<IndexRelease>>) {
        self.take_in_lines(&mut self.index(), lines);
    }

    /// Shows what was taken in, up to this place of the log.
    pub(super) fn show(&self, sequence: u64) {
        let mut index = self.index();
        self.snapshot.store(Arc::new(index.snapshot()));
        self.advance(sequence);
    }

    /// Begins with projections out of a file.
    pub(super) fn begin_with(&self, kept: Kept) {
        let mut index = self.index();
        *index = kept.index;
        let snapshot = index.snapshot();
        self.objections.begin_with(&snapshot);
        self.fingerprints.begin_with(kept.fingerprints);
        self.snapshot.store(Arc::new(snapshot));
        self.set_kept(kept.tree_size);
        self.advance(kept.tree_size);
    }

    /// All that is to be kept on disk, as it is at this moment.
    pub(super) fn to_be_kept(&self) -> Keeping {
        let mut index = self.index();
        let (tree_size, fingerprints) = (self.sequence(), self.fingerprints.to_bytes());
        Keeping { tree_size, index: index.snapshot(), fingerprints }
    }

    /// The place up to which they are on disk.
    pub(super) fn kept(&self) -> u64 {
        self.kept.load(Ordering::Relaxed)
    }

    pub(super) fn set_kept(&self, sequence: u64) {
        self.kept.store(sequence, Ordering::Relaxed);
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_in_lines(&self, index: &mut Index, lines: &BTreeMap<PluginName, Vec<IndexRelease>>) {
        for (plugin, lines) in lines {
            for line in lines {
                index.apply(plugin, line);
            }
        }
        self.objections.apply(lines);
        self.fingerprints.apply(lines);
    }

    /// The caller holds the index, so whoever holds it sees projections of one place.
    fn advance(&self, sequence: u64) {
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
