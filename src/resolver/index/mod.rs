//! The solver's index: every release, names interned, versions parsed and requirements matched once.
//!
//! [`Index`] follows the change feed; [`IndexSnapshot`] is what readers hold, unmoved by later changes.
//! A change copies only the plugins it touches. Names and the requirements on a plugin keep their numbers for good;
//! everything else goes when the last snapshot that holds it goes.

mod bytes;
mod image;
mod names;
mod plugin;
mod release;
mod runs;
mod shelf;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

pub use self::image::NotAnIndex;
use self::names::Names;
pub(super) use self::plugin::{Line, Matching, Plugin, compatibility};
pub(super) use self::release::{Need, Release, Traits};
use self::shelf::Shelf;
use crate::domain::{Digest, IndexRelease, Objection, PluginName, ReleaseId, Requirement};

/// The number of an interned plugin name, a profile's name or a virtual package's name.
pub(super) type Symbol = u32;

/// The index as the change feed builds it.
#[derive(Debug, Default)]
pub struct Index {
    names: Arc<Names>,
    plugins: Shelf<Plugin>,
    /// Every requirement there is, once, with its number.
    requirements: HashMap<Requirement, u32>,
    /// By plugin and number in `requirements`: the place among the plugin's requirements.
    requirement_places: HashMap<(Symbol, u32), u32>,
    texts: Texts,
    stale: BTreeMap<Symbol, Stale>,
    sequence: u64,
    current: Option<IndexSnapshot>,
}

/// What has to be computed anew of a plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stale {
    /// What follows from how its releases stand.
    States,
    /// Everything that follows from its versions.
    Versions,
}

/// An immutable index; cloning it is cheap.
#[derive(Debug, Clone, Default)]
pub struct IndexSnapshot(pub(super) Arc<Contents>);

/// How much an index holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexSize {
    /// Plugins with at least one release.
    pub plugins: usize,
    /// Releases.
    pub releases: usize,
    /// Dependencies of all releases.
    pub edges: usize,
}

#[derive(Debug, Default)]
pub(super) struct Contents {
    names: Arc<Names>,
    plugins: Shelf<Plugin>,
    pub(super) sequence: u64,
}

/// A requirement on a plugin, by the numbers the index gave them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Edge {
    pub(super) plugin: Symbol,
    pub(super) requirement: u32,
}

/// Texts that many releases share, such as licences and key ids.
#[derive(Debug, Default)]
struct Texts {
    known: HashSet<Arc<str>>,
    /// How many there may be before those that no release holds any more are let go.
    most: usize,
}

impl Index {
    /// Takes in a release as it now stands; the same line twice changes nothing.
    ///
    /// Lines are applied in the order of the change feed: the last one about a release counts.
    pub fn apply(&mut self, plugin: &PluginName, release: &IndexRelease) {
        let symbol = self.intern(plugin);
        let traits = self.traits(symbol, release);
        let needs = release
            .dependencies
            .iter()
            .map(|(name, spec)| Need::new(self.edge(name, &spec.version), spec.optional))
            .collect();
        self.sequence = self.sequence.max(release.sequence);
        let known = self.plugins.get(symbol as usize);
        let place = known.place_of(&release.version);
        let release = known.sharing(place, traits, needs, release, &mut self.texts);
        if place.is_ok_and(|place| known.releases[place] == release) {
            return;
        }
        self.note_virtual_names(symbol, &release);
        match place {
            Ok(place) => {
                let old = &mut self.change(symbol, Stale::States).releases[place];
                let old = std::mem::replace(old, release);
                self.forget_provided(symbol, &old);
            }
            Err(place) => self.change(symbol, Stale::Versions).releases.insert(place, release),
        }
    }

    /// Notes that the log has reached this size, where an entry was about something else than a release.
    pub fn advance_to(&mut self, sequence: u64) {
        if sequence > self.sequence {
            self.sequence = sequence;
            self.current = None;
        }
    }

    /// What readers see from now on. Matches requirements anew where versions were added.
    pub fn snapshot(&mut self) -> IndexSnapshot {
        for (symbol, stale) in std::mem::take(&mut self.stale) {
            let plugin = self.plugins.change(symbol as usize);
            match stale {
                Stale::States => plugin.follow_states(),
                Stale::Versions => plugin.follow_versions(),
            }
        }
        let contents = || Contents {
            names: Arc::clone(&self.names),
            plugins: self.plugins.clone(),
            sequence: self.sequence,
        };
        self.current.get_or_insert_with(|| IndexSnapshot(Arc::new(contents()))).clone()
    }

    /// The plugin, to be changed: readers keep the old one.
    fn change(&mut self, symbol: Symbol, stale: Stale) -> &mut Plugin {
        let so_far = self.stale.entry(symbol).or_insert(stale);
        *so_far = stale.max(*so_far);
        self.current = None;
        self.plugins.change(symbol as usize)
    }

    fn intern(&mut self, name: &PluginName) -> Symbol {
        let plugins = &self.plugins;
        let name_of = |symbol: Symbol| &plugins.get(symbol as usize).name;
        if let Some(symbol) = self.names.find(name, name_of) {
            return symbol;
        }
        let symbol = Symbol::try_from(plugins.len()).expect("fewer than 2^32 names");
        Arc::make_mut(&mut self.names).insert(name, symbol, name_of);
        self.plugins.push(Plugin::new(name.clone()));
        self.current = None;
        symbol
    }

    fn edge(&mut self, name: &PluginName, requirement: &Requirement) -> Edge {
        let plugin = self.intern(name);
        let (requirement, number) = self.requirement(requirement);
        if let Some(&requirement) = self.requirement_places.get(&(plugin, number)) {
            return Edge { plugin, requirement };
        }
        let is_stale = self.stale.get(&plugin) == Some(&Stale::Versions);
        self.current = None;
        let entry = self.plugins.change(plugin as usize);
        let place = u32::try_from(entry.requirements.len()).expect("fewer than 2^32 requirements");
        let matching =
            if is_stale { Matching::unmatched(requirement) } else { Matching::of(entry, requirement, false) };
        entry.requirements.push(matching);
        self.requirement_places.insert((plugin, number), place);
        Edge { plugin, requirement: place }
    }

    /// The one copy of a requirement, and its number.
    fn requirement(&mut self, requirement: &Requirement) -> (Requirement, u32) {
        if let Some((known, number)) = self.requirements.get_key_value(requirement) {
            return (known.clone(), *number);
        }
        let number = u32::try_from(self.requirements.len()).expect("fewer than 2^32 requirements");
        self.requirements.insert(requirement.clone(), number);
        (requirement.clone(), number)
    }

    fn traits(&mut self, plugin: Symbol, release: &IndexRelease) -> Traits {
        let conflicts = release
            .conflicts
            .iter()
            .map(|(name, requirement)| self.edge(name, requirement))
            .filter(|edge| edge.plugin != plugin)
            .collect();
        let provides = release
            .provides
            .iter()
            .map(|(name, version)| (self.intern(name), version.clone()))
            .filter(|(provided, _)| *provided != plugin)
            .collect();
        Traits {
            profile: self.edge(&release.profile, &release.profile_version),
            extension_points: release.extension_points.iter().map(|point| self.texts.shared(point)).collect(),
            capabilities: release.capabilities.clone(),
            risk: release.risk,
            license: self.texts.shared(&release.license),
            signer: self.texts.shared(&release.signer),
            singleton: release.singleton,
            conflicts,
            provides,
        }
    }

    /// Takes the plugin off the names that a release of it provided, if none of its releases does any more.
    fn forget_provided(&mut self, symbol: Symbol, old: &Release) {
        for (provided, _) in &old.provides {
            let releases = &self.plugins.get(symbol as usize).releases;
            if !releases.iter().any(|release| release.provides.iter().any(|(name, _)| name == provided)) {
                self.plugins.change(*provided as usize).providers.remove(&symbol);
            }
        }
    }

    /// Tells the names that a release provides or conflicts with of it.
    fn note_virtual_names(&mut self, symbol: Symbol, release: &Release) {
        for (provided, _) in &release.provides {
            if !self.plugins.get(*provided as usize).providers.contains(&symbol) {
                self.current = None;
                self.plugins.change(*provided as usize).providers.insert(symbol);
            }
        }
        for conflict in &release.conflicts {
            if !self.plugins.get(conflict.plugin as usize).guarded {
                self.current = None;
                self.plugins.change(conflict.plugin as usize).guarded = true;
            }
        }
    }
}

impl Texts {
    fn shared(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.known.get(text) {
            return Arc::clone(known);
        }
        if self.known.len() >= self.most {
            self.known.retain(|known| Arc::strong_count(known) > 1);
            self.most = self.known.len() * 2 + 64;
        }
        let new: Arc<str> = text.into();
        self.known.insert(Arc::clone(&new));
        new
    }
}

impl IndexSnapshot {
    /// The size of the log it was built from.
    pub fn sequence(&self) -> u64 {
        self.0.sequence
    }

    /// The releases that an operator objects to, with the digests of their packages.
    pub fn objected(&self) -> impl Iterator<Item = (ReleaseId, Digest, &Objection)> {
        self.0.plugins().flat_map(|plugin| {
            plugin.releases.iter().filter_map(|release| {
                let id = || ReleaseId::new(plugin.name.clone(), release.version.clone());
                release.objection.as_deref().map(|objection| (id(), release.digest, objection))
            })
        })
    }

    /// Whether a release of some plugin stands in for this name.
    pub fn is_provided(&self, name: &PluginName) -> bool {
        self.0.symbol(name).is_some_and(|symbol| !self.0.plugin(symbol).providers.is_empty())
    }

    /// How much it holds.
    pub fn size(&self) -> IndexSize {
        let plugins = || self.0.plugins().filter(|plugin| !plugin.releases.is_empty());
        let releases = || plugins().flat_map(|plugin| &plugin.releases);
        IndexSize {
            plugins: plugins().count(),
            releases: releases().count(),
            edges: releases().map(|release| release.dependencies.len()).sum(),
        }
    }
}

impl Contents {
    pub(super) fn plugin(&self, symbol: Symbol) -> &Plugin {
        self.plugins.get(symbol as usize)
    }

    /// Every name anybody spoke of: plugins, profiles and virtual packages.
    pub(super) fn plugins(&self) -> impl Iterator<Item = &Plugin> {
        self.plugins.iter().map(|plugin| &**plugin)
    }

    pub(super) fn symbol(&self, name: &PluginName) -> Option<Symbol> {
        self.names.find(name, |symbol| &self.plugin(symbol).name)
    }

    pub(super) fn requirement(&self, edge: Edge) -> &Requirement {
        &self.plugin(edge.plugin).requirements[edge.requirement as usize].requirement
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(version: &str, sequence: u64, dependencies: &str) -> IndexRelease {
        serde_json::from_str(&format!(
            r#"{{"version":"{version}","digest":"{}","size_bytes":1,"sequence":{sequence},
                "published_at":"2026-01-01T00:00:00Z","profile":"pluginry:reference","profile_version":"^1",
                "dependencies":{dependencies},"license":"MIT","signer":"k","verification":"passed"}}"#,
            Digest::of(version.as_bytes())
        ))
        .unwrap()
    }

    fn name(text: &str) -> PluginName {
        text.parse().unwrap()
    }

    #[test]
    fn the_same_line_twice_changes_nothing() {
        let mut index = Index::default();
        index.apply(&name("a:a"), &line("1.0.0", 1, r#"{"a:b":"^1"}"#));
        let before = index.snapshot();

        index.apply(&name("a:a"), &line("1.0.0", 1, r#"{"a:b":"^1"}"#));

        assert!(Arc::ptr_eq(&before.0, &index.snapshot().0));
    }

    #[test]
    fn readers_keep_what_they_hold() {
        let mut index = Index::default();
        index.apply(&name("a:a"), &line("1.0.0", 1, "{}"));
        index.apply(&name("a:b"), &line("1.0.0", 2, "{}"));
        let before = index.snapshot();

        index.apply(&name("a:a"), &line("1.1.0", 3, "{}"));
        let after = index.snapshot();

        assert_eq!((before.size().releases, before.sequence()), (2, 2));
        assert_eq!((after.size().releases, after.size().plugins, after.sequence()), (3, 2, 3));
    }

    #[test]
    fn only_the_plugins_a_change_touches_are_copied() {
        let mut index = Index::default();
        index.apply(&name("a:a"), &line("1.0.0", 1, "{}"));
        index.apply(&name("a:b"), &line("1.0.0", 2, "{}"));
        let before = index.snapshot();

        index.apply(&name("a:a"), &line("1.1.0", 3, "{}"));
        let after = index.snapshot();

        let symbol = before.0.symbol(&name("a:b")).unwrap() as usize;
        assert!(Arc::ptr_eq(before.0.plugins.get(symbol), after.0.plugins.get(symbol)));
    }

    #[test]
    fn versions_fall_into_lines_as_cargo_sees_them() {
        let mut index = Index::default();
        for (sequence, version) in
            (1..).zip(["0.0.1", "0.0.2", "0.1.0", "0.1.5", "0.2.0-rc.1", "1.0.0", "1.9.0", "2.0.0-a"])
        {
            index.apply(&name("a:a"), &line(version, sequence, "{}"));
        }

        let snapshot = index.snapshot();
        let plugin = snapshot.0.plugin(snapshot.0.symbol(&name("a:a")).unwrap());

        let lines: Vec<(u32, u32)> = plugin.lines.iter().map(|line| (line.start, line.end)).collect();
        assert_eq!(lines, [(0, 1), (1, 2), (2, 4), (4, 5), (5, 7), (7, 8)]);
    }
}
