//! What operators hold against packages, in memory: the way to the bytes asks here and not the database.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::Registry;
use crate::domain::{Digest, IndexRelease, Objection, PluginName, ReleaseId, Withheld};
use crate::resolver::IndexSnapshot;

/// A release that an operator objects to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Objected {
    /// The release.
    pub release: ReleaseId,
    /// The gravest of what holds against it.
    pub objection: Objection,
}

/// By package. A package holds its name and version, so one digest is one release.
#[derive(Default)]
pub(super) struct Objections(ArcSwap<HashMap<Digest, Arc<Objected>>>);

impl Objections {
    /// Takes in releases as they now stand.
    pub(super) fn apply(&self, lines: &BTreeMap<PluginName, Vec<IndexRelease>>) {
        let known = self.0.load();
        let mut changed: Option<HashMap<Digest, Arc<Objected>>> = None;
        for (plugin, lines) in lines {
            for line in lines {
                let objection = line.objection();
                if objection.is_none() && !known.contains_key(&line.digest) {
                    continue;
                }
                let objections = changed.get_or_insert_with(|| HashMap::clone(&known));
                match objection {
                    None => drop(objections.remove(&line.digest)),
                    Some(objection) => {
                        let release = ReleaseId::new(plugin.clone(), line.version.clone());
                        objections.insert(line.digest, Arc::new(Objected { release, objection }));
                    }
                }
            }
        }
        if let Some(objections) = changed {
            self.0.store(Arc::new(objections));
        }
    }

    /// Begins with what an index tells.
    pub(super) fn begin_with(&self, index: &IndexSnapshot) {
        let objected = index.objected().map(|(release, digest, objection)| {
            (digest, Arc::new(Objected { release, objection: objection.clone() }))
        });
        self.0.store(Arc::new(objected.collect()));
    }

    fn to(&self, digest: Digest) -> Option<Arc<Objected>> {
        self.0.load().get(&digest).cloned()
    }
}

impl Registry {
    /// What holds against the package under `digest`, unless it is withheld altogether.
    pub fn check_package(&self, digest: Digest) -> Result<Option<Arc<Objected>>, Withheld> {
        let Some(objected) = self.shared.projections.objections().to(digest) else { return Ok(None) };
        match Withheld::of(&objected.release, objected.objection.clone()) {
            Some(withheld) => Err(withheld),
            None => Ok(Some(objected)),
        }
    }
}
