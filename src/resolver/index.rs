//! The solver's index: every release, names interned, versions parsed and requirements matched once.
//!
//! [`Index`] follows the change feed; [`IndexSnapshot`] is what readers hold, unmoved by later changes.
//! A change copies only the plugins it touches.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::interval::Interval;
use super::version_bits::VersionBits;
use crate::domain::{
    Capabilities, Digest, IndexRelease, Objection, PluginName, Requirement, Risk, Timestamp,
    VerificationState, Version,
};

/// The number of an interned plugin name, a profile's name or a virtual package's name.
pub(super) type Symbol = u32;

/// The index as the change feed builds it.
#[derive(Debug, Default)]
pub struct Index {
    names: Arc<HashMap<PluginName, Symbol>>,
    plugins: Vec<Arc<Plugin>>,
    requirement_numbers: Vec<HashMap<Requirement, u32>>,
    texts: HashSet<Arc<str>>,
    stale: BTreeSet<Symbol>,
    sequence: u64,
    current: Option<IndexSnapshot>,
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
    pub(super) names: Arc<HashMap<PluginName, Symbol>>,
    pub(super) plugins: Vec<Arc<Plugin>>,
    pub(super) sequence: u64,
}

/// Everything known under one name: its releases, and what others ask of it.
#[derive(Debug, Clone)]
pub(super) struct Plugin {
    pub(super) name: PluginName,
    /// Ascending by version; the place is the ordinal.
    pub(super) releases: Vec<Arc<Release>>,
    /// The runs of compatible versions, ascending.
    pub(super) lines: Vec<Line>,
    /// The requirements anybody has on it, matched against its versions.
    pub(super) requirements: Vec<Matching>,
    /// The plugins with a release that provides this name.
    pub(super) providers: BTreeSet<Symbol>,
    /// Whether a release of another plugin conflicts with it.
    pub(super) guarded: bool,
    /// Whether its newest release wants to be the only version in a lock.
    pub(super) singleton: bool,
    /// The ordinals that are on offer and no pre-releases.
    pub(super) candidates: VersionBits,
    pub(super) pre_releases: Vec<u32>,
}

/// A run of compatible versions: the ordinals `start..end`.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) start: u32,
    pub(super) end: u32,
    /// On offer and no pre-releases, counted from `start`.
    pub(super) candidates: VersionBits,
}

/// A requirement and the versions it matches.
#[derive(Debug, Clone)]
pub(super) struct Matching {
    pub(super) requirement: Requirement,
    /// By ordinal.
    pub(super) all: VersionBits,
    /// Line by line, counted from the line's start; only lines with a match.
    pub(super) lines: Box<[(u32, VersionBits)]>,
}

/// A requirement on a plugin, by the numbers the index gave them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Edge {
    pub(super) plugin: Symbol,
    pub(super) requirement: u32,
}

/// What the solver needs to know of a release.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Release {
    pub(super) version: Version,
    pub(super) digest: Digest,
    pub(super) size_bytes: u64,
    pub(super) sequence: u64,
    pub(super) published_at: Timestamp,
    pub(super) profile: Edge,
    pub(super) capabilities: Capabilities,
    pub(super) risk: Option<Risk>,
    pub(super) license: Arc<str>,
    pub(super) signer: Arc<str>,
    pub(super) verification: VerificationState,
    pub(super) signer_revoked: bool,
    pub(super) yanked: bool,
    /// The author's advice against it.
    pub(super) deprecated: Option<Box<str>>,
    /// Boxed: hardly any release has one.
    pub(super) objection: Option<Box<Objection>>,
    pub(super) singleton: bool,
    /// In the order of names; `true`: optional.
    pub(super) dependencies: Box<[(Edge, bool)]>,
    pub(super) conflicts: Box<[Edge]>,
    pub(super) provides: Box<[(Symbol, Version)]>,
}

impl Index {
    /// Takes in a release as it now stands; the same line twice changes nothing.
    ///
    /// Lines are applied in the order of the change feed: the last one about a release counts.
    pub fn apply(&mut self, plugin: &PluginName, release: &IndexRelease) {
        let symbol = self.intern(plugin);
        let release = self.compile(symbol, release);
        self.sequence = self.sequence.max(release.sequence);
        let releases = &self.plugins[symbol as usize].releases;
        let place = releases.binary_search_by(|known| known.version.cmp(&release.version));
        if place.is_ok_and(|place| *releases[place] == release) {
            return;
        }
        for (provided, _) in &release.provides {
            if !self.plugins[*provided as usize].providers.contains(&symbol) {
                self.change(*provided).providers.insert(symbol);
            }
        }
        for conflict in &release.conflicts {
            if !self.plugins[conflict.plugin as usize].guarded {
                self.change(conflict.plugin).guarded = true;
            }
        }
        let releases = &mut self.change(symbol).releases;
        match place {
            Ok(place) => releases[place] = Arc::new(release),
            Err(place) => releases.insert(place, Arc::new(release)),
        }
    }

    /// Notes that the log has reached this size, where an entry was about something else than a release.
    pub fn advance_to(&mut self, sequence: u64) {
        if sequence > self.sequence {
            self.sequence = sequence;
            self.current = None;
        }
    }

    /// What readers see from now on. Matches requirements anew where versions or requirements were added.
    pub fn snapshot(&mut self) -> IndexSnapshot {
        for symbol in std::mem::take(&mut self.stale) {
            Arc::make_mut(&mut self.plugins[symbol as usize]).refresh();
        }
        let contents = || Contents {
            names: Arc::clone(&self.names),
            plugins: self.plugins.clone(),
            sequence: self.sequence,
        };
        self.current.get_or_insert_with(|| IndexSnapshot(Arc::new(contents()))).clone()
    }

    /// The plugin, to be changed: readers keep the old one.
    fn change(&mut self, symbol: Symbol) -> &mut Plugin {
        self.stale.insert(symbol);
        self.current = None;
        Arc::make_mut(&mut self.plugins[symbol as usize])
    }

    fn intern(&mut self, name: &PluginName) -> Symbol {
        if let Some(&symbol) = self.names.get(name) {
            return symbol;
        }
        let symbol = Symbol::try_from(self.plugins.len()).expect("fewer than 2^32 names");
        Arc::make_mut(&mut self.names).insert(name.clone(), symbol);
        self.plugins.push(Arc::new(Plugin::new(name.clone())));
        self.requirement_numbers.push(HashMap::new());
        self.current = None;
        symbol
    }

    fn edge(&mut self, name: &PluginName, requirement: &Requirement) -> Edge {
        let plugin = self.intern(name);
        if let Some(&number) = self.requirement_numbers[plugin as usize].get(requirement) {
            return Edge { plugin, requirement: number };
        }
        let requirements = &mut self.change(plugin).requirements;
        let number = u32::try_from(requirements.len()).expect("fewer than 2^32 requirements");
        requirements.push(Matching::unmatched(requirement.clone()));
        self.requirement_numbers[plugin as usize].insert(requirement.clone(), number);
        Edge { plugin, requirement: number }
    }

    fn text(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.texts.get(text) {
            return Arc::clone(known);
        }
        let new: Arc<str> = text.into();
        self.texts.insert(Arc::clone(&new));
        new
    }

    fn compile(&mut self, plugin: Symbol, release: &IndexRelease) -> Release {
        let dependencies = release
            .dependencies
            .iter()
            .map(|(name, spec)| (self.edge(name, &spec.version), spec.optional))
            .collect();
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
        Release {
            version: release.version.clone(),
            digest: release.digest,
            size_bytes: release.size_bytes,
            sequence: release.sequence,
            published_at: release.published_at,
            profile: self.edge(&release.profile, &release.profile_version),
            capabilities: release.capabilities.clone(),
            risk: release.risk,
            license: self.text(&release.license),
            signer: self.text(&release.signer),
            verification: release.verification,
            signer_revoked: release.signer_revoked,
            yanked: release.yanked,
            deprecated: release.deprecated.as_deref().map(Box::from),
            objection: release.objection().map(Box::new),
            singleton: release.singleton,
            dependencies,
            conflicts,
            provides,
        }
    }
}

impl IndexSnapshot {
    /// The size of the log it was built from.
    pub fn sequence(&self) -> u64 {
        self.0.sequence
    }

    /// How much it holds.
    pub fn size(&self) -> IndexSize {
        let releases = || self.0.plugins.iter().flat_map(|plugin| &plugin.releases);
        IndexSize {
            plugins: self.0.plugins.iter().filter(|plugin| !plugin.releases.is_empty()).count(),
            releases: releases().count(),
            edges: releases().map(|release| release.dependencies.len()).sum(),
        }
    }
}

impl Contents {
    pub(super) fn plugin(&self, symbol: Symbol) -> &Plugin {
        &self.plugins[symbol as usize]
    }

    pub(super) fn symbol(&self, name: &PluginName) -> Option<Symbol> {
        self.names.get(name).copied()
    }

    pub(super) fn requirement(&self, edge: Edge) -> &Requirement {
        &self.plugin(edge.plugin).requirements[edge.requirement as usize].requirement
    }
}

impl Release {
    /// Whether neither its author nor the operator has withdrawn it, and its signer counts where it stands.
    pub(super) fn is_on_offer(&self) -> bool {
        !self.yanked && !self.signer_revoked && self.objection.is_none()
    }
}

impl Plugin {
    fn new(name: PluginName) -> Self {
        Self {
            name,
            releases: Vec::new(),
            lines: Vec::new(),
            requirements: Vec::new(),
            providers: BTreeSet::new(),
            guarded: false,
            singleton: false,
            candidates: VersionBits::none(),
            pre_releases: Vec::new(),
        }
    }

    /// The ordinal after the last.
    pub(super) fn end(&self) -> u32 {
        self.releases.len() as u32
    }

    /// The line that holds `ordinal`.
    pub(super) fn line_of(&self, ordinal: u32) -> u32 {
        self.lines.partition_point(|line| line.end <= ordinal) as u32
    }

    /// The place of `version`, if it is released.
    pub(super) fn ordinal_of(&self, version: &Version) -> Option<u32> {
        let place = self.releases.binary_search_by(|release| release.version.cmp(version)).ok()?;
        Some(place as u32)
    }

    /// Computes what follows from the releases: lines, candidates, what each requirement matches.
    fn refresh(&mut self) {
        self.singleton = self.releases.last().is_some_and(|release| release.singleton);
        let every = || (0_u32..).zip(&self.releases);
        self.pre_releases =
            every().filter(|(_, release)| release.version.is_pre_release()).map(|(o, _)| o).collect();
        self.candidates = every()
            .filter(|(_, release)| release.is_on_offer() && !release.version.is_pre_release())
            .map(|(ordinal, _)| ordinal)
            .collect();
        let starts: Vec<u32> = every()
            .filter(|(ordinal, release)| {
                *ordinal == 0
                    || compatibility(&self.releases[*ordinal as usize - 1].version)
                        != compatibility(&release.version)
            })
            .map(|(ordinal, _)| ordinal)
            .collect();
        let ends = starts.iter().skip(1).copied().chain([self.end()]);
        self.lines = starts
            .iter()
            .zip(ends)
            .map(|(&start, end)| Line { start, end, candidates: self.candidates.slice(start, end) })
            .collect();
        let mut requirements = std::mem::take(&mut self.requirements);
        for matching in &mut requirements {
            *matching = Matching::of(self, matching.requirement.clone(), false);
        }
        self.requirements = requirements;
    }
}

impl Matching {
    fn unmatched(requirement: Requirement) -> Self {
        Self { requirement, all: VersionBits::none(), lines: Box::default() }
    }

    /// What `requirement` matches among the plugin's versions.
    ///
    /// Pre-releases follow the rule of the `semver` crate, or count like releases with `pre_releases`.
    pub(super) fn of(plugin: &Plugin, requirement: Requirement, pre_releases: bool) -> Self {
        let interval = Interval::of(&requirement);
        let versions = &plugin.releases;
        let start = versions.partition_point(|release| interval.lies_below(release.version.as_semver()));
        let end = versions.partition_point(|release| !interval.lies_above(release.version.as_semver()));
        let matches = |ordinal: &u32| {
            let version = &versions[*ordinal as usize].version;
            !version.is_pre_release() || pre_releases || requirement.matches(version)
        };
        let named = plugin
            .pre_releases
            .iter()
            .copied()
            .filter(|ordinal| requirement.matches(&versions[*ordinal as usize].version));
        let all: VersionBits = (start as u32..end as u32).filter(matches).chain(named).collect();
        let mut lines: Vec<(u32, Vec<u32>)> = Vec::new();
        for ordinal in all.ordinals(plugin.end()) {
            let line = plugin.line_of(ordinal);
            let place = ordinal - plugin.lines[line as usize].start;
            match lines.last_mut() {
                Some((last, places)) if *last == line => places.push(place),
                _ => lines.push((line, vec![place])),
            }
        }
        let lines = lines.into_iter().map(|(line, places)| (line, places.into_iter().collect())).collect();
        Self { requirement, all, lines }
    }
}

/// Versions with equal numbers here are compatible, as cargo sees it: `^` keeps them.
pub(super) fn compatibility(version: &Version) -> (u64, u64, u64) {
    let version = version.as_semver();
    match (version.major, version.minor) {
        (0, 0) => (0, 0, version.patch),
        (0, minor) => (0, minor, 0),
        (major, _) => (major, 0, 0),
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
        assert!(Arc::ptr_eq(&before.0.plugins[symbol], &after.0.plugins[symbol]));
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
