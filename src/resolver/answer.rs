//! From what the solver selected to a lock.

use std::collections::BTreeMap;

use pubgrub::Map;

use super::index::{Contents, Edge, Release, Symbol};
use super::load_order::load_levels;
use super::lock::{union_of, usual_root_release};
use super::provider::{Package, Provider};
use super::solve::Selection;
use super::{Lock, LockedDependency, LockedRelease, ResolveFailure};
use crate::domain::{PluginName, ReleaseId, Version};

/// The chosen releases that the roots lead to.
pub(super) struct Selected<'a, 'b> {
    pub(super) provider: &'b Provider<'a>,
    pub(super) selection: &'b Selection,
    places: Map<(Symbol, u32), usize>,
    pub(super) chosen: Vec<Chosen<'a>>,
    /// The place of what was chosen for each root.
    pub(super) root_places: Vec<usize>,
}

/// The releases of a lock that nobody asked for yet.
pub(super) struct Sketch<'a> {
    /// The version of the host.
    pub(super) host: Option<Version>,
    pub(super) releases: Vec<(Symbol, &'a Release)>,
}

impl<'a> Sketch<'a> {
    /// The highest chosen version of a plugin.
    pub(super) fn version_of(&self, plugin: Symbol) -> Option<&'a Version> {
        self.versions_of(plugin).max()
    }

    /// The chosen versions of a plugin.
    pub(super) fn versions_of(&self, plugin: Symbol) -> impl Iterator<Item = &'a Version> {
        let of_it = self.releases.iter().filter(move |(symbol, _)| *symbol == plugin);
        of_it.map(|(_, release)| &release.version)
    }
}

/// A release of the answer.
pub(super) struct Chosen<'a> {
    pub(super) plugin: Symbol,
    pub(super) ordinal: u32,
    pub(super) release: &'a Release,
    /// What it asks for, and the place of what was chosen for it.
    needs: Vec<(usize, Edge)>,
    /// The places of those who ask for it, and how they do.
    pub(super) asked_by: Vec<(usize, Edge)>,
}

impl Chosen<'_> {
    fn places_needed(&self) -> Vec<usize> {
        let mut places: Vec<usize> = self.needs.iter().map(|(place, _)| *place).collect();
        places.sort_unstable();
        places.dedup();
        places
    }
}

impl<'a, 'b> Selected<'a, 'b> {
    pub(super) fn walk(provider: &'b Provider<'a>, selection: &'b Selection) -> Self {
        let (places, chosen, root_places) = (Map::default(), Vec::new(), Vec::new());
        let mut selected = Self { provider, selection, places, chosen, root_places };
        for root in 0..provider.roots.len() {
            let place = selected.place_of(provider.root_target(root).0);
            selected.root_places.push(place);
        }
        let mut next = 0;
        while next < selected.chosen.len() {
            let mut needs = Vec::new();
            for edge in provider.dependencies_of(selected.chosen[next].release) {
                let place = selected.place_of(provider.target(edge).0);
                selected.chosen[place].asked_by.push((next, edge));
                needs.push((place, edge));
            }
            selected.chosen[next].needs = needs;
            next += 1;
        }
        selected
    }

    /// The place of the release chosen for a package, choices followed.
    fn place_of(&mut self, package: Package) -> usize {
        let number = *self.selection.get(&package).expect("what is needed is chosen");
        match package {
            Package::Line { plugin, line } => {
                let (start, releases) = self.provider.releases(plugin, line);
                let ordinal = start + number;
                *self.places.entry((plugin, ordinal)).or_insert_with(|| {
                    let release = &releases[number as usize];
                    let (needs, asked_by) = (Vec::new(), Vec::new());
                    self.chosen.push(Chosen { plugin, ordinal, release, needs, asked_by });
                    self.chosen.len() - 1
                })
            }
            choice => self.place_of(self.provider.options(choice)[number as usize].package),
        }
    }

    fn load_levels(&self) -> Result<Vec<u32>, ResolveFailure> {
        let needs: Vec<Vec<usize>> = self.chosen.iter().map(Chosen::places_needed).collect();
        load_levels(&needs).map_err(|circle| {
            let mut releases: Vec<ReleaseId> = circle.0.into_iter().map(|place| self.id(place)).collect();
            let first = (0..releases.len()).min_by_key(|place| &releases[*place]).unwrap_or(0);
            releases.rotate_left(first);
            ResolveFailure::Cycle { releases, mends: Vec::new() }
        })
    }

    /// What a mend needs to know of the lock it leads to.
    pub(super) fn into_sketch<'i>(self, index: &'i Contents) -> Result<Sketch<'i>, ResolveFailure> {
        self.load_levels()?;
        let host = self.selection.get(&Package::Host);
        let release = |chosen: &Chosen<'_>| {
            (chosen.plugin, &index.plugin(chosen.plugin).releases[chosen.ordinal as usize])
        };
        Ok(Sketch {
            host: host.map(|number| self.provider.host().version(*number).clone()),
            releases: self.chosen.iter().map(release).collect(),
        })
    }

    pub(super) fn into_lock(self) -> Result<Lock, ResolveFailure> {
        let levels = self.load_levels()?;
        let mut order: Vec<usize> = (0..self.chosen.len()).collect();
        order.sort_unstable_by(|a, b| self.load_key(*a, &levels).cmp(&self.load_key(*b, &levels)));
        let releases: Vec<LockedRelease> =
            order.into_iter().map(|place| self.locked(place, levels[place])).collect();
        let request = self.provider.request;
        let root_releases = self.root_releases(&releases);
        Ok(Lock {
            registry: None,
            sequence: request.as_of.map_or(self.provider.index.sequence, |point| {
                point.tree_size.min(self.provider.index.sequence)
            }),
            checkpoint: None,
            roots: request.roots.clone(),
            root_releases,
            with_optional: request.with_optional.clone(),
            pre_releases_of: request.pre_releases_of.clone(),
            policy: request.policy.clone(),
            as_of: request.as_of,
            host: request.host.clone().map(|host| {
                let number = self.selection.get(&Package::Host).expect("the host is chosen");
                host.at(self.provider.host().version(*number).clone())
            }),
            capabilities: union_of(releases.iter().map(|release| &release.capabilities)),
            releases,
            held_back: self.held_back(),
            let_go: self.let_go(),
        })
    }

    fn load_key(&self, place: usize, levels: &[u32]) -> (u32, &'a PluginName, &'a Version) {
        let Chosen { plugin, release, .. } = &self.chosen[place];
        (levels[place], &self.provider.index.plugin(*plugin).name, &release.version)
    }

    pub(super) fn id(&self, place: usize) -> ReleaseId {
        let chosen = &self.chosen[place];
        let name = self.provider.index.plugin(chosen.plugin).name.clone();
        ReleaseId::new(name, chosen.release.version.clone())
    }

    fn locked(&self, place: usize, load_level: u32) -> LockedRelease {
        let Chosen { plugin, release, needs, .. } = &self.chosen[place];
        let mut dependencies: Vec<LockedDependency> =
            needs.iter().map(|(place, edge)| self.dependency(*place, *edge)).collect();
        dependencies.sort_by(|a, b| (&a.release, &a.provides).cmp(&(&b.release, &b.provides)));
        LockedRelease {
            name: self.provider.index.plugin(*plugin).name.clone(),
            version: release.version.clone(),
            digest: release.digest,
            size_bytes: release.size_bytes,
            url: ["/blobs/sha256/", &release.digest.to_hex()].concat(),
            signer: release.signer.to_string(),
            verification: release.verification,
            risk: release.risk,
            license: release.license.to_string(),
            deprecated: release.deprecated.as_deref().map(str::to_owned),
            load_level,
            dependencies,
            capabilities: release.capabilities.clone(),
        }
    }

    fn dependency(&self, place: usize, edge: Edge) -> LockedDependency {
        let is_provided = self.chosen[place].plugin != edge.plugin;
        LockedDependency {
            release: self.id(place),
            requirement: self.provider.index.requirement(edge).clone(),
            provides: is_provided.then(|| self.provider.index.plugin(edge.plugin).name.clone()),
        }
    }

    /// The roots whose release the lock would not know from their requirements.
    fn root_releases(&self, releases: &[LockedRelease]) -> BTreeMap<PluginName, ReleaseId> {
        let mut unusual = BTreeMap::new();
        for (root, place) in self.provider.roots.iter().zip(&self.root_places) {
            let name = &self.provider.index.plugin(root.plugin).name;
            let id = self.id(*place);
            let usual = usual_root_release(releases, name, &root.matching.requirement);
            if usual.is_none_or(|usual| usual.id() != id) {
                unusual.insert(name.clone(), id);
            }
        }
        unusual
    }
}
