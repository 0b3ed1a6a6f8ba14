//! From the solver's proof to facts about plugins: no proxies, no terms, one minimal conflict.

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};

use pubgrub::{DerivationTree, External, Set};

use crate::resolver::hindrance::Hindrance;
use crate::resolver::index::Symbol;
use crate::resolver::proof::{Proof, Tree};
use crate::resolver::provider::{Package, Provider};
use crate::resolver::solve::{Unsolved, solve};
use crate::resolver::version_bits::VersionBits;

/// Something that is so, and of which not all can be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fact {
    /// The request asks for a plugin.
    Wants { plugin: Symbol, requirement: String },
    /// Releases need another plugin.
    Needs { plugin: Symbol, ordinals: BTreeSet<u32>, dependency: Symbol, requirement: String },
    /// Releases need versions of the host's profile, of which there are others.
    NeedsHost { plugin: Symbol, ordinals: BTreeSet<u32>, requirement: String },
    /// Releases cannot be loaded beside another plugin.
    Conflicts { plugin: Symbol, ordinals: BTreeSet<u32>, other: Symbol, requirement: String },
    /// A plugin stands in for a virtual package.
    Provides { plugin: Symbol, provided: Symbol },
    /// Releases are no candidates.
    LeftOut { plugin: Symbol, ordinals: BTreeSet<u32>, hindrance: Hindrance },
}

/// Steps that the search for a minimal conflict may take whatever the first answer took.
const STEPS_LEAST: u32 = 5_000;
/// How many times the steps of the first answer it may take.
const STEPS_FACTOR: u32 = 10;

/// The proof of one minimal conflict: leaving away any of its plugins would end it.
///
/// Solves again and again, but only among the plugins of the proof at hand, which are few.
pub(super) fn minimal_proof(provider: &mut Provider<'_>, mut proof: Proof) -> Proof {
    let steps = provider.steps();
    provider.steps_max = steps.saturating_add(STEPS_LEAST.saturating_add(steps.saturating_mul(STEPS_FACTOR)));
    if mentions_host(&proof) {
        provider.considers_host = false;
        match solve(provider) {
            Err(Unsolved::Impossible(smaller)) => proof = smaller,
            Ok(_) | Err(Unsolved::Stopped) => provider.considers_host = true,
        }
    }
    let mut considered = plugins_of(provider, &proof);
    let mut plugins: Vec<Symbol> = considered.iter().copied().collect();
    let is_root = |symbol| provider.roots.iter().any(|root| root.plugin == symbol);
    plugins.sort_by_key(|symbol| (!is_root(*symbol), &provider.index.plugin(*symbol).name));
    for plugin in plugins {
        if !considered.remove(&plugin) {
            continue;
        }
        provider.considered = Some(considered.clone());
        match solve(provider) {
            Err(Unsolved::Impossible(smaller)) => {
                proof = smaller;
                considered = plugins_of(provider, &proof);
            }
            Ok(_) => {
                considered.insert(plugin);
            }
            Err(Unsolved::Stopped) => break,
        }
    }
    provider.considered = None;
    provider.considers_host = true;
    proof
}

fn mentions_host(proof: &Proof) -> bool {
    let mut mentions = false;
    for_each_leaf(proof, &mut |leaf| {
        mentions |= matches!(leaf, External::FromDependencyOf(Package::Line { .. }, _, Package::Host, _));
    });
    mentions
}

fn plugins_of(provider: &Provider<'_>, tree: &Tree) -> Set<Symbol> {
    let mut plugins = Set::default();
    for_each_leaf(tree, &mut |leaf| {
        if let External::FromDependencyOf(
            _,
            _,
            Package::Line { plugin, .. } | Package::Choice(plugin, _),
            _,
        ) = leaf
        {
            plugins.insert(*plugin);
        }
        if let External::FromDependencyOf(Package::Root, _, Package::RootChoice(place), _) = leaf {
            plugins.insert(provider.roots[*place as usize].plugin);
        }
        if let External::FromDependencyOf(Package::Line { plugin, .. }, ..)
        | External::NoVersions(Package::Line { plugin, .. }, _) = leaf
        {
            plugins.insert(*plugin);
        }
    });
    plugins
}

/// What a proof starts from.
pub(super) type Leaf = External<Package, VersionBits, std::convert::Infallible>;

/// Visits every leaf once, however often the proof uses it.
fn for_each_leaf(tree: &Tree, visit: &mut dyn FnMut(&Leaf)) {
    let mut seen: HashSet<*const Tree> = HashSet::new();
    let mut stack = vec![tree];
    while let Some(node) = stack.pop() {
        if !seen.insert(std::ptr::from_ref(node)) {
            continue;
        }
        match node {
            DerivationTree::External(leaf) => visit(leaf),
            DerivationTree::Derived(derived) => stack.extend([&*derived.cause1, &*derived.cause2]),
        }
    }
}

/// The facts of a proof, in the order in which a person follows them: from the request outwards.
pub(super) fn facts_of(provider: &Provider<'_>, tree: &Tree) -> Vec<Fact> {
    let mut collected = Collected::new(provider);
    for_each_leaf(tree, &mut |leaf| collected.take(leaf));
    collected.in_reading_order()
}

/// What is said of versions, by their plugin.
type About<What> = BTreeMap<Symbol, BTreeMap<What, BTreeSet<u32>>>;

fn note<What: Ord>(about: &mut About<What>, plugin: Symbol, what: What, ordinal: u32) {
    about.entry(plugin).or_default().entry(what).or_default().insert(ordinal);
}

struct Collected<'a, 'b> {
    provider: &'b Provider<'a>,
    wants: BTreeMap<Symbol, String>,
    needs: About<(Symbol, String)>,
    needs_host: About<String>,
    conflicts: About<(Symbol, String)>,
    provides: BTreeSet<(Symbol, Symbol)>,
    left_out: About<Hindrance>,
}

impl<'a, 'b> Collected<'a, 'b> {
    fn new(provider: &'b Provider<'a>) -> Self {
        Self {
            provider,
            wants: BTreeMap::new(),
            needs: BTreeMap::new(),
            needs_host: BTreeMap::new(),
            conflicts: BTreeMap::new(),
            provides: BTreeSet::new(),
            left_out: BTreeMap::new(),
        }
    }

    fn take(&mut self, leaf: &Leaf) {
        match leaf {
            External::FromDependencyOf(Package::Root, _, target, _) => self.take_root(*target),
            External::FromDependencyOf(Package::Line { plugin, line }, versions, target, _) => {
                self.take_edge(*plugin, *line, versions, *target);
            }
            External::FromDependencyOf(
                Package::Choice(virtual_name, _),
                _,
                Package::Line { plugin, .. },
                _,
            ) => {
                self.take_option(*virtual_name, *plugin);
            }
            External::FromDependencyOf(Package::RootChoice(place), _, Package::Line { plugin, .. }, _) => {
                self.take_option(self.provider.roots[*place as usize].plugin, *plugin);
            }
            External::NoVersions(Package::Line { plugin, line }, versions) => {
                self.take_left_out(*plugin, *line, versions);
            }
            _ => {}
        }
    }

    fn take_root(&mut self, target: Package) {
        for (place, root) in self.provider.roots.iter().enumerate() {
            if self.provider.root_target(place).0 == target {
                self.wants.insert(root.plugin, root.matching.requirement.to_string());
            }
        }
    }

    fn take_edge(&mut self, plugin: Symbol, line: u32, versions: &VersionBits, target: Package) {
        let (start, releases) = self.provider.releases(plugin, line);
        for number in versions.ordinals(releases.len() as u32) {
            let release = &releases[number as usize];
            if target == Package::Host {
                let requirement = self.provider.index.requirement(release.profile).to_string();
                note(&mut self.needs_host, plugin, requirement, start + number);
                continue;
            }
            if let Package::Guard { plugin: other, .. } = target {
                for edge in release.conflicts.iter().filter(|edge| edge.plugin == other) {
                    let requirement = self.provider.index.requirement(*edge).to_string();
                    note(&mut self.conflicts, plugin, (other, requirement), start + number);
                }
                continue;
            }
            for edge in self.provider.dependencies_of(release) {
                if self.provider.target(edge).0 == target {
                    let requirement = self.provider.index.requirement(edge).to_string();
                    note(&mut self.needs, plugin, (edge.plugin, requirement), start + number);
                }
            }
        }
    }

    fn take_option(&mut self, wanted: Symbol, plugin: Symbol) {
        if wanted != plugin {
            self.provides.insert((wanted, plugin));
        }
    }

    fn take_left_out(&mut self, plugin: Symbol, line: u32, versions: &VersionBits) {
        let (start, releases) = self.provider.releases(plugin, line);
        for number in versions.ordinals(releases.len() as u32) {
            if let Some(hindrance) = self.provider.filters.hindrance(plugin, &releases[number as usize]) {
                note(&mut self.left_out, plugin, hindrance, start + number);
            }
        }
    }

    /// Wants first, then plugin by plugin as the needs lead to them; what is left out follows its plugin's needs.
    fn in_reading_order(self) -> Vec<Fact> {
        let name = |symbol: &Symbol| &self.provider.index.plugin(*symbol).name;
        let mut facts = Vec::new();
        let mut wanted: Vec<Symbol> = self.wants.keys().copied().collect();
        wanted.sort_by_key(name);
        for plugin in &wanted {
            facts.push(Fact::Wants { plugin: *plugin, requirement: self.wants[plugin].clone() });
        }
        let mut seen: BTreeSet<Symbol> = wanted.iter().copied().collect();
        let mut queue: VecDeque<Symbol> = wanted.into();
        while let Some(plugin) = queue.pop_front() {
            let mut next: BTreeSet<Symbol> = BTreeSet::new();
            let mut needs: Vec<_> = self.needs.get(&plugin).into_iter().flatten().collect();
            needs.sort_by_key(|((dependency, requirement), ordinals)| {
                (std::cmp::Reverse(ordinals.last().copied()), name(dependency), requirement.clone())
            });
            for ((dependency, requirement), ordinals) in needs {
                let (dependency, requirement) = (*dependency, requirement.clone());
                facts.push(Fact::Needs { plugin, ordinals: ordinals.clone(), dependency, requirement });
                next.insert(dependency);
            }
            for (requirement, ordinals) in self.needs_host.get(&plugin).into_iter().flatten() {
                let (ordinals, requirement) = (ordinals.clone(), requirement.clone());
                facts.push(Fact::NeedsHost { plugin, ordinals, requirement });
            }
            let mut refused: Vec<_> = self.conflicts.get(&plugin).into_iter().flatten().collect();
            refused.sort_by_key(|((other, requirement), _)| (name(other), requirement));
            for ((other, requirement), ordinals) in refused {
                let (other, requirement) = (*other, requirement.clone());
                facts.push(Fact::Conflicts { plugin, ordinals: ordinals.clone(), other, requirement });
            }
            let stand_ins = self.provides.range((plugin, 0)..=(plugin, Symbol::MAX));
            let mut stand_ins: Vec<Symbol> = stand_ins.map(|(_, provider)| *provider).collect();
            stand_ins.sort_by_key(name);
            for stand_in in stand_ins {
                facts.push(Fact::Provides { plugin: stand_in, provided: plugin });
                next.insert(stand_in);
            }
            for (hindrance, ordinals) in self.left_out.get(&plugin).into_iter().flatten() {
                let hindrance = hindrance.clone();
                facts.push(Fact::LeftOut { plugin, ordinals: ordinals.clone(), hindrance });
            }
            let mut next: Vec<Symbol> = next.into_iter().filter(|symbol| seen.insert(*symbol)).collect();
            next.sort_by_key(name);
            queue.extend(next);
        }
        facts
    }
}
