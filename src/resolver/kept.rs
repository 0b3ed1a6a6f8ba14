//! What the lock of a request holds, as preferences: versions, and what was chosen for which requirement.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::index::{Contents, Symbol};
use super::{Lock, ResolveRequest};
use crate::domain::{Capabilities, PluginName, ReleaseId, Requirement, Version};

/// A locked release as the filters see it.
pub(super) struct LockedVersion<'a> {
    pub(super) version: &'a Version,
    pub(super) capabilities: &'a Capabilities,
}

/// A release by its plugin and its ordinal.
type Place = (Symbol, u32);

/// The lock of a request; nothing without one.
pub(super) struct Kept<'a> {
    index: &'a Contents,
    upgrade: &'a BTreeSet<PluginName>,
    locked: BTreeMap<Symbol, Vec<LockedVersion<'a>>>,
    /// What met a requirement, where more than one locked release could have.
    met: HashMap<(Symbol, &'a Requirement), Place>,
    /// The same whatever the requirement, by what was asked for.
    met_anyhow: HashMap<Symbol, BTreeSet<Place>>,
}

impl<'a> Kept<'a> {
    pub(super) fn new(index: &'a Contents, request: &'a ResolveRequest) -> Self {
        let mut kept = Self {
            index,
            upgrade: &request.upgrade,
            locked: BTreeMap::new(),
            met: HashMap::new(),
            met_anyhow: HashMap::new(),
        };
        if let Some(lock) = &request.lock {
            kept.take_versions(lock);
            kept.take_choices(lock);
        }
        kept
    }

    /// The locked versions of a plugin, whether or not they are to be upgraded.
    pub(super) fn locked(&self, plugin: Symbol) -> &[LockedVersion<'a>] {
        self.locked.get(&plugin).map_or(&[], Vec::as_slice)
    }

    /// The locked versions of a plugin that are preferred.
    pub(super) fn preferred(&self, plugin: Symbol) -> &[LockedVersion<'a>] {
        let locked = self.locked(plugin);
        if locked.is_empty() || self.is_upgraded(plugin) { &[] } else { locked }
    }

    /// How much the lock speaks for a release that meets a requirement: it met that very one, another on the same
    /// name, or none.
    pub(super) fn rank(
        &self,
        wanted: Symbol,
        requirement: &Requirement,
        is_it: impl Fn(Place) -> bool,
    ) -> u8 {
        if self.met.get(&(wanted, requirement)).is_some_and(|place| is_it(*place)) {
            return 2;
        }
        let met = self.met_anyhow.get(&wanted);
        u8::from(met.is_some_and(|places| places.iter().any(|place| is_it(*place))))
    }

    fn take_versions(&mut self, lock: &'a Lock) {
        for release in &lock.releases {
            if let Some(symbol) = self.index.symbol(&release.name) {
                let version =
                    LockedVersion { version: &release.version, capabilities: &release.capabilities };
                self.locked.entry(symbol).or_default().push(version);
            }
        }
    }

    fn take_choices(&mut self, lock: &'a Lock) {
        for (root, requirement) in &lock.roots {
            match lock.root_releases.get(root) {
                Some(ReleaseId { plugin, version }) => self.take_choice(root, requirement, plugin, version),
                None => {
                    let locked = self.index.symbol(root).map_or(&[][..], |symbol| self.locked(symbol));
                    let matching =
                        locked.iter().map(|locked| locked.version).filter(|v| requirement.matches(v));
                    if let Some(newest) = matching.max() {
                        self.take_choice(root, requirement, root, newest);
                    }
                }
            }
        }
        for dependency in lock.releases.iter().flat_map(|release| &release.dependencies) {
            let ReleaseId { plugin, version } = &dependency.release;
            let wanted = dependency.provides.as_ref().unwrap_or(plugin);
            self.take_choice(wanted, &dependency.requirement, plugin, version);
        }
    }

    fn take_choice(
        &mut self,
        wanted: &PluginName,
        requirement: &'a Requirement,
        plugin: &PluginName,
        version: &Version,
    ) {
        let symbols = self.index.symbol(wanted).zip(self.index.symbol(plugin));
        let Some((wanted, plugin)) = symbols else { return };
        let is_only_way = wanted == plugin
            && self.locked(plugin).len() < 2
            && self.index.plugin(plugin).providers.is_empty();
        if is_only_way || self.is_upgraded(wanted) || self.is_upgraded(plugin) {
            return;
        }
        let Some(ordinal) = self.index.plugin(plugin).ordinal_of(version) else { return };
        self.met.entry((wanted, requirement)).or_insert((plugin, ordinal));
        self.met_anyhow.entry(wanted).or_default().insert((plugin, ordinal));
    }

    fn is_upgraded(&self, plugin: Symbol) -> bool {
        !self.upgrade.is_empty() && self.upgrade.contains(&self.index.plugin(plugin).name)
    }
}
