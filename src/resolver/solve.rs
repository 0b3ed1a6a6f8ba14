//! From a request to a lock.

use std::collections::BTreeMap;

use pubgrub::{Map, PubGrubError, SelectedDependencies};

use super::explain::{nearest_names, no_solution, refusal};
use super::hindrance::Hindrance;
use super::host::registered_versions;
use super::index::{Contents, Edge, Release, Symbol};
use super::load_order::load_levels;
use super::lock::{union_of, usual_root_release};
use super::provider::{Package, Provider, Stopped};
use super::version_bits::VersionBits;
use super::{HeldBack, IndexSnapshot, Lock, LockedDependency, LockedRelease, ResolveFailure, ResolveRequest};
use crate::domain::{HostProfile, PluginName, ReleaseId, Timestamp, Version};

const ROOTS_MAX: usize = 1_000;
const LOCKED_MAX: usize = 10_000;

/// What a resolve depends on beside the index and the request.
#[derive(Clone, Copy)]
pub struct Circumstances<'a> {
    /// Every registered version of every profile; empty: the host's profile is taken on trust, at the version it names.
    pub profiles: &'a [HostProfile],
    /// The moment that `min_age_hours` counts back from.
    pub now: Timestamp,
    /// Asked often; `true` ends the work with [`ResolveFailure::Deadline`].
    pub should_stop: &'a dyn Fn() -> bool,
}

/// Finds the releases that meet the request, or says why there are none.
///
/// The same index, request and moment give the same lock, byte for byte.
pub fn resolve(
    index: &IndexSnapshot,
    request: &ResolveRequest,
    circumstances: &Circumstances<'_>,
) -> Result<Lock, ResolveFailure> {
    let (outcome, steps) = attempt(&index.0, request, circumstances, u32::MAX);
    match outcome {
        Attempt::Lock(lock) => Ok(*lock),
        Attempt::Refused(failure) => Err(refusal(&index.0, request, circumstances, failure, steps)),
        Attempt::Impossible(provider, tree) => Err(no_solution(*provider, *tree, circumstances)),
    }
}

/// What became of a request.
pub(super) enum Attempt<'a> {
    Lock(Box<Lock>),
    Refused(ResolveFailure),
    /// What was solved, and the proof that there is no answer.
    Impossible(Box<Provider<'a>>, Box<Tree>),
}

/// Resolves within so many steps, explaining nothing; says how many it took.
pub(super) fn attempt<'a>(
    index: &'a Contents,
    request: &'a ResolveRequest,
    circumstances: &Circumstances<'a>,
    steps_max: u32,
) -> (Attempt<'a>, u32) {
    let provider = match prepared(index, request, circumstances) {
        Ok(provider) => provider.with_steps_max(steps_max),
        Err(failure) => return (Attempt::Refused(failure), 0),
    };
    let outcome = match solve(&provider) {
        Ok(selection) => match Selected::walk(&provider, &selection).into_lock() {
            Ok(lock) => Attempt::Lock(Box::new(lock)),
            Err(failure) => Attempt::Refused(failure),
        },
        Err(Unsolved::Stopped) => Attempt::Refused(ResolveFailure::Deadline),
        Err(Unsolved::Impossible(tree)) => {
            let steps = provider.steps();
            return (Attempt::Impossible(Box::new(provider), tree), steps);
        }
    };
    (outcome, provider.steps())
}

fn prepared<'a>(
    index: &'a Contents,
    request: &'a ResolveRequest,
    circumstances: &Circumstances<'a>,
) -> Result<Provider<'a>, ResolveFailure> {
    check_size(request)?;
    check_pre_releases(request)?;
    check_profile(request, circumstances.profiles)?;
    let provider = Provider::new(index, request, circumstances);
    check_roots(&provider)?;
    Ok(provider)
}

/// The solver's answer: a number for each package.
pub(super) type Selection = SelectedDependencies<Package, u32>;
/// The solver's proof that there is no answer.
pub(super) type Tree = pubgrub::DerivationTree<Package, VersionBits, std::convert::Infallible>;

/// Why the solver gave no answer.
pub(super) enum Unsolved {
    Impossible(Box<Tree>),
    Stopped,
}

/// Runs the solver.
pub(super) fn solve(provider: &Provider<'_>) -> Result<Selection, Unsolved> {
    match pubgrub::resolve(provider, Package::Root, 0_u32) {
        Ok(selection) => Ok(selection),
        Err(PubGrubError::NoSolution(tree)) => Err(Unsolved::Impossible(Box::new(tree))),
        Err(
            PubGrubError::ErrorInShouldCancel(Stopped)
            | PubGrubError::ErrorRetrievingDependencies { source: Stopped, .. }
            | PubGrubError::ErrorChoosingVersion { source: Stopped, .. },
        ) => Err(Unsolved::Stopped),
    }
}

fn check_size(request: &ResolveRequest) -> Result<(), ResolveFailure> {
    let locked = request.lock.as_ref().map_or(0, |lock| lock.releases.len());
    let sizes = [
        ("roots", request.roots.len(), ROOTS_MAX),
        ("optional dependencies", request.with_optional.len(), ROOTS_MAX),
        ("locked releases", locked, LOCKED_MAX),
        ("plugins to upgrade", request.upgrade.len(), LOCKED_MAX),
    ];
    match sizes.into_iter().find(|(_, count, most)| count > most) {
        None => Ok(()),
        Some((what, count, most)) => Err(ResolveFailure::TooLarge { what, count, most }),
    }
}

fn check_pre_releases(request: &ResolveRequest) -> Result<(), ResolveFailure> {
    match request.pre_releases_of.iter().find(|name| !request.roots.contains_key(name)) {
        None => Ok(()),
        Some(plugin) => {
            Err(ResolveFailure::PreReleasesOfNoRoot { plugin: plugin.clone(), mends: Vec::new() })
        }
    }
}

fn check_profile(request: &ResolveRequest, profiles: &[HostProfile]) -> Result<(), ResolveFailure> {
    let Some(host) = &request.host else { return Ok(()) };
    let profile = host.profile.clone();
    let registered: Vec<Version> = registered_versions(&profile, profiles).cloned().collect();
    match &host.version {
        Some(_) if profiles.is_empty() => Ok(()),
        None if profiles.is_empty() => Err(ResolveFailure::ProfileVersionNeeded { profile }),
        _ if registered.is_empty() => {
            let nearest = nearest_names(&profile, profiles.iter().map(|known| &known.name));
            Err(ResolveFailure::UnknownProfile { profile, nearest, mends: Vec::new() })
        }
        Some(version) if !registered.contains(version) => {
            let version = version.clone();
            let mends = Vec::new();
            Err(ResolveFailure::UnknownProfileVersion { profile, version, registered, mends })
        }
        _ => Ok(()),
    }
}

fn check_roots(provider: &Provider<'_>) -> Result<(), ResolveFailure> {
    for (name, requirement) in &provider.request.roots {
        let plugin = provider.index.symbol(name).map(|symbol| provider.index.plugin(symbol));
        let Some(plugin) = plugin.filter(|known| !known.releases.is_empty() || !known.providers.is_empty())
        else {
            let known = provider.index.plugins().filter(|plugin| !plugin.releases.is_empty());
            let nearest = nearest_names(name, known.map(|plugin| &plugin.name));
            return Err(ResolveFailure::UnknownPlugin { plugin: name.clone(), nearest, mends: Vec::new() });
        };
        let place = provider.roots.iter().position(|root| provider.index.plugin(root.plugin).name == *name);
        let is_met = place.is_some_and(|place| !provider.root_target(place).1.is_empty());
        if !is_met {
            let versions = plugin.releases.iter().rev().filter(|release| release.is_on_offer());
            return Err(ResolveFailure::NoMatchingVersion {
                plugin: name.clone(),
                requirement: requirement.clone(),
                versions: versions.map(|release| release.version.clone()).collect(),
                mends: Vec::new(),
            });
        }
    }
    Ok(())
}

/// The chosen releases that the roots lead to.
struct Selected<'a, 'b> {
    provider: &'b Provider<'a>,
    selection: &'b Selection,
    places: Map<(Symbol, u32), usize>,
    chosen: Vec<Chosen<'a>>,
    /// By plugin: who needs it, and how.
    asking: Map<Symbol, Vec<(usize, Edge)>>,
}

struct Chosen<'a> {
    plugin: Symbol,
    ordinal: u32,
    release: &'a Release,
    /// What it asks for, and the place of what was chosen for it.
    needs: Vec<(usize, Edge)>,
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
    fn walk(provider: &'b Provider<'a>, selection: &'b Selection) -> Self {
        let (places, asking) = (Map::default(), Map::default());
        let mut selected = Self { provider, selection, places, chosen: Vec::new(), asking };
        for root in 0..provider.roots.len() {
            selected.place_of(provider.root_target(root).0);
        }
        let mut next = 0;
        while next < selected.chosen.len() {
            let mut needs = Vec::new();
            for edge in provider.dependencies_of(selected.chosen[next].release) {
                selected.asking.entry(edge.plugin).or_default().push((next, edge));
                needs.push((selected.place_of(provider.target(edge).0), edge));
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
                    self.chosen.push(Chosen { plugin, ordinal, release, needs: Vec::new() });
                    self.chosen.len() - 1
                })
            }
            choice => self.place_of(self.provider.options(choice)[number as usize].package),
        }
    }

    /// The place of what was chosen for a package that was walked before.
    fn place_chosen_for(&self, package: Package) -> usize {
        let number = *self.selection.get(&package).expect("what is needed is chosen");
        match package {
            Package::Line { plugin, line } => {
                self.places[&(plugin, self.provider.releases(plugin, line).0 + number)]
            }
            choice => self.place_chosen_for(self.provider.options(choice)[number as usize].package),
        }
    }

    fn into_lock(self) -> Result<Lock, ResolveFailure> {
        let needs: Vec<Vec<usize>> = self.chosen.iter().map(Chosen::places_needed).collect();
        let levels = load_levels(&needs).map_err(|circle| {
            let mut releases: Vec<ReleaseId> = circle.0.into_iter().map(|place| self.id(place)).collect();
            let first = (0..releases.len()).min_by_key(|place| &releases[*place]).unwrap_or(0);
            releases.rotate_left(first);
            ResolveFailure::Cycle { releases, mends: Vec::new() }
        })?;
        let mut releases: Vec<LockedRelease> =
            (0..self.chosen.len()).map(|place| self.locked(place, levels[place])).collect();
        releases.sort_unstable_by(|a, b| {
            (a.load_level, &a.name, &a.version).cmp(&(b.load_level, &b.name, &b.version))
        });
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
        })
    }

    fn id(&self, place: usize) -> ReleaseId {
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
            url: format!("/blobs/sha256/{}", release.digest.to_hex()),
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
        for (place, root) in self.provider.roots.iter().enumerate() {
            let name = &self.provider.index.plugin(root.plugin).name;
            let id = self.id(self.place_chosen_for(self.provider.root_target(place).0));
            let usual = usual_root_release(releases, name, &root.matching.requirement);
            if usual.is_none_or(|usual| usual.id() != id) {
                unusual.insert(name.clone(), id);
            }
        }
        unusual
    }

    /// Plugins whose newest release, withdrawn ones and unwanted pre-releases aside, is not in the lock.
    fn held_back(&self) -> Vec<HeldBack> {
        let mut highest: BTreeMap<Symbol, usize> = BTreeMap::new();
        for (place, chosen) in self.chosen.iter().enumerate() {
            let so_far = highest.entry(chosen.plugin).or_insert(place);
            if chosen.ordinal > self.chosen[*so_far].ordinal {
                *so_far = place;
            }
        }
        let mut held_back: Vec<HeldBack> =
            highest.into_values().filter_map(|place| self.held_back_by(&self.chosen[place])).collect();
        held_back.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        held_back
    }

    fn held_back_by(&self, chosen: &Chosen<'a>) -> Option<HeldBack> {
        let plugin = self.provider.index.plugin(chosen.plugin);
        let counts = self.provider.filters.counts_pre_releases(chosen.plugin);
        let mut newer = (chosen.ordinal + 1..plugin.end()).rev().filter(|ordinal| {
            let release = &plugin.releases[*ordinal as usize];
            release.is_on_offer() && (counts || !release.version.is_pre_release())
        });
        let newest = newer.clone().next()?;
        let locked = self.provider.filters.preferred(chosen.plugin);
        let is_kept = locked.iter().any(|locked| *locked.version == chosen.release.version);
        let fits = |ordinal: &u32| {
            let release = &plugin.releases[*ordinal as usize];
            self.hindrance(chosen.plugin, release).is_none()
                && self.asked_otherwise(chosen.plugin, *ordinal).is_none()
        };
        let (newest, reason) = match newer.find(|ordinal| is_kept && fits(ordinal)) {
            Some(kept_from) => {
                (kept_from, "the lock holds it; name the plugin in `upgrade` to move on".to_owned())
            }
            None => (newest, self.reason_against(chosen.plugin, newest)),
        };
        Some(HeldBack {
            name: plugin.name.clone(),
            chosen: chosen.release.version.clone(),
            newest: plugin.releases[newest as usize].version.clone(),
            reason,
        })
    }

    /// What keeps a release out of this lock, whatever else is in it.
    fn hindrance(&self, plugin: Symbol, release: &Release) -> Option<Hindrance> {
        self.provider.filters.hindrance(plugin, release).or_else(|| {
            let number = self.selection.get(&Package::Host)?;
            self.provider.host().mismatch(release, &VersionBits::only(*number))
        })
    }

    fn reason_against(&self, plugin: Symbol, ordinal: u32) -> String {
        let release = &self.provider.index.plugin(plugin).releases[ordinal as usize];
        if let Some(hindrance) = self.hindrance(plugin, release) {
            return format!("{} {}", release.version, hindrance.sentence(false));
        }
        self.asked_otherwise(plugin, ordinal)
            .unwrap_or_else(|| format!("{} does not fit the other releases", release.version))
    }

    /// Who asks for other versions of the plugin, if anybody does.
    fn asked_otherwise(&self, plugin: Symbol, ordinal: u32) -> Option<String> {
        let mut roots = self.provider.roots.iter().filter(|root| root.plugin == plugin);
        if let Some(root) = roots.find(|root| !root.matching.has(ordinal)) {
            return Some(format!("you ask for {}", root.matching.requirement));
        }
        self.asking.get(&plugin)?.iter().find_map(|(place, edge)| {
            (!self.provider.matching(*edge).has(ordinal))
                .then(|| format!("{} needs {}", self.id(*place), self.provider.index.requirement(*edge)))
        })
    }
}
