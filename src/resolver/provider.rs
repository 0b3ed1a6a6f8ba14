//! The model: how plugins, lines of versions, choices, conflicts and the host become packages of the solver.
//!
//! - The host is a package whose versions are those of its profile; see [`super::host`].
//! - A plugin's line of compatible versions is a package; with one version per plugin the whole plugin is.
//! - A requirement that spans lines, or that virtual packages can meet, is a package whose versions are its
//!   options; the best option has the highest number.
//! - A conflict is a package that each release of the refused plugin pins to its own number, and that the refusing
//!   release keeps off the refused numbers. It pulls nothing in.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::convert::Infallible;
use std::fmt;
use std::rc::Rc;

use pubgrub::{Dependencies, DependencyProvider, Map, PackageResolutionStatistics, Set, VersionSet as _};

use super::candidate::Filters;
use super::choices::ChoiceOption;
use super::host::Host;
use super::index::{Contents, Edge, Line, Matching, Plugin, Release, Symbol};
use super::version_bits::VersionBits;
use super::{Circumstances, ResolveRequest};

/// How many steps are taken between two looks at the signal to stop: the dearest take milliseconds, most less than one
/// thousandth of that.
const STEPS_A_LOOK: u32 = 8;

/// The line of a plugin of which only one version may be chosen.
pub(super) const WHOLE: u32 = u32::MAX;

/// A package of the solver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Package {
    /// What the request asks for.
    Root,
    /// The host; not there when the request names none.
    Host,
    /// The versions of a plugin that exclude each other.
    Line { plugin: Symbol, line: u32 },
    /// The ways to meet a requirement that a release has.
    Choice(Symbol, u32),
    /// The ways to meet a root requirement.
    RootChoice(u32),
    /// Which version of a line is loaded, counted from 1; 0: none or any.
    Guard { plugin: Symbol, line: u32 },
}

impl fmt::Display for Package {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// The signal to stop came.
#[derive(Debug, thiserror::Error)]
#[error("stopped")]
pub(super) struct Stopped;

/// A root requirement, matched.
pub(super) struct Root {
    pub(super) plugin: Symbol,
    pub(super) matching: Matching,
}

/// A line's place and its candidates under this request.
pub(super) type Candidates = Rc<VersionBits>;

/// One request over one index, as the solver asks about it.
pub(super) struct Provider<'a> {
    pub(super) index: &'a Contents,
    pub(super) request: &'a ResolveRequest,
    pub(super) filters: Filters<'a>,
    pub(super) roots: Vec<Root>,
    /// While a minimal conflict is looked for: requirements on other plugins do not count.
    pub(super) considered: Option<Set<Symbol>>,
    /// While a minimal conflict is looked for: whether what releases need of the host counts.
    pub(super) considers_host: bool,
    /// How many steps the solver may take, where an answer is only nice to have.
    pub(super) steps_max: u32,
    optional: Set<Symbol>,
    should_stop: &'a dyn Fn() -> bool,
    ticks: Cell<u32>,
    candidates: RefCell<Map<(Symbol, u32), Candidates>>,
    pub(super) known_options: RefCell<Map<Package, Rc<[ChoiceOption]>>>,
    extended: RefCell<Map<(Symbol, u32), Rc<Matching>>>,
}

/// A matching of the index, or one computed for this request.
pub(super) enum MatchingRef<'a> {
    Indexed(&'a Matching),
    Computed(Rc<Matching>),
}

impl std::ops::Deref for MatchingRef<'_> {
    type Target = Matching;

    fn deref(&self) -> &Matching {
        match self {
            Self::Indexed(matching) => matching,
            Self::Computed(matching) => matching,
        }
    }
}

impl<'a> Provider<'a> {
    /// Every root must be known to the index; others are left away.
    pub(super) fn new(
        index: &'a Contents,
        request: &'a ResolveRequest,
        circumstances: &Circumstances<'a>,
    ) -> Self {
        let filters = Filters::new(index, request, circumstances);
        let roots = request
            .roots
            .iter()
            .filter_map(|(name, requirement)| {
                let plugin = index.symbol(name)?;
                let pre_releases = request.policy.pre_release || request.pre_releases_of.contains(name);
                let matching = Matching::of(index.plugin(plugin), requirement.clone(), pre_releases);
                Some(Root { plugin, matching })
            })
            .collect();
        Self {
            index,
            request,
            filters,
            roots,
            considered: None,
            considers_host: true,
            steps_max: u32::MAX,
            optional: request.with_optional.iter().filter_map(|name| index.symbol(name)).collect(),
            should_stop: circumstances.should_stop,
            ticks: Cell::new(0),
            candidates: RefCell::default(),
            known_options: RefCell::default(),
            extended: RefCell::default(),
        }
    }

    /// The same with a bound on the steps that the solver may take.
    pub(super) fn with_steps_max(self, steps_max: u32) -> Self {
        Self { steps_max, ..self }
    }

    /// How many steps the solver took so far.
    pub(super) fn steps(&self) -> u32 {
        self.ticks.get()
    }

    /// Whether only one version of the plugin may be chosen.
    pub(super) fn is_whole(&self, plugin: &Plugin) -> bool {
        self.request.policy.one_version_per_plugin
            || match self.request.as_of {
                None => plugin.singleton,
                Some(point) => plugin.is_singleton_at(point.tree_size),
            }
    }

    /// The releases of a package that stands for versions, with the ordinal of its first.
    pub(super) fn releases(&self, plugin: Symbol, line: u32) -> (u32, &'a [Release]) {
        let plugin = self.index.plugin(plugin);
        match plugin.lines.get(line as usize) {
            Some(Line { start, end, .. }) => (*start, &plugin.releases[*start as usize..*end as usize]),
            None => (0, if line == WHOLE { &plugin.releases } else { &[] }),
        }
    }

    /// A release by package and number.
    pub(super) fn release(&self, plugin: Symbol, line: u32, number: u32) -> &'a Release {
        &self.releases(plugin, line).1[number as usize]
    }

    /// The dependencies of a release that count in this request, in the order of names.
    pub(super) fn dependencies_of(&self, release: &'a Release) -> impl Iterator<Item = Edge> + '_ {
        release
            .dependencies
            .iter()
            .filter(|need| !need.is_optional() || self.optional.contains(&need.edge().plugin))
            .map(|need| need.edge())
    }

    /// What a requirement of a release matches under this request.
    pub(super) fn matching(&self, edge: Edge) -> MatchingRef<'a> {
        let plugin = self.index.plugin(edge.plugin);
        let indexed = &plugin.requirements[edge.requirement as usize];
        if plugin.pre_releases.is_empty() || !self.filters.counts_pre_releases(edge.plugin) {
            return MatchingRef::Indexed(indexed);
        }
        let mut extended = self.extended.borrow_mut();
        let computed = extended
            .entry((edge.plugin, edge.requirement))
            .or_insert_with(|| Rc::new(Matching::of(plugin, indexed.requirement.clone(), true)));
        MatchingRef::Computed(Rc::clone(computed))
    }

    /// The package and the versions that meet a requirement of a release.
    pub(super) fn target(&self, edge: Edge) -> (Package, VersionBits) {
        self.meet(edge.plugin, &self.matching(edge), Package::Choice(edge.plugin, edge.requirement))
    }

    /// The package and the versions that meet a root requirement.
    pub(super) fn root_target(&self, place: usize) -> (Package, VersionBits) {
        let root = &self.roots[place];
        self.meet(root.plugin, &root.matching, Package::RootChoice(place as u32))
    }

    fn meet(&self, symbol: Symbol, matching: &Matching, choice: Package) -> (Package, VersionBits) {
        let plugin = self.index.plugin(symbol);
        if !plugin.providers.is_empty() {
            let options = self.options_of(choice, symbol, matching).len() as u32;
            return (choice, if options == 0 { VersionBits::none() } else { VersionBits::every() });
        }
        if self.is_whole(plugin) {
            return (Package::Line { plugin: symbol, line: WHOLE }, matching.all(plugin));
        }
        if matching.is_empty() {
            return (Package::Line { plugin: symbol, line: 0 }, VersionBits::none());
        }
        match matching.only_line(plugin) {
            Some((line, versions)) => (Package::Line { plugin: symbol, line }, versions),
            None => (choice, VersionBits::every()),
        }
    }

    /// The numbers of locked versions in a line, newest first.
    pub(super) fn preferred_numbers(&self, plugin: Symbol, line: u32) -> impl Iterator<Item = u32> + '_ {
        let (start, releases) = self.releases(plugin, line);
        let entry = self.index.plugin(plugin);
        let mut numbers: Vec<u32> = self
            .filters
            .kept
            .preferred(plugin)
            .iter()
            .filter_map(|locked| entry.ordinal_of(locked.version))
            .filter(|ordinal| (start..start + releases.len() as u32).contains(ordinal))
            .map(|ordinal| ordinal - start)
            .collect();
        numbers.sort_unstable_by_key(|number| Reverse(*number));
        numbers.into_iter()
    }

    /// The versions of a line that their authors advise against, if there are any.
    pub(super) fn deprecated(&self, plugin: Symbol, line: u32) -> Option<&'a VersionBits> {
        let plugin = self.index.plugin(plugin);
        plugin.lines.get(line as usize).map_or(&plugin.deprecated, |line| &line.deprecated).as_deref()
    }

    /// Calls `use_candidates` with the versions of a line that no filter leaves out.
    pub(super) fn with_candidates<T>(
        &self,
        plugin: Symbol,
        line: u32,
        use_candidates: impl FnOnce(&VersionBits) -> T,
    ) -> T {
        let entry = self.index.plugin(plugin);
        if self.filters.are_plain_for(plugin) {
            return match entry.lines.get(line as usize) {
                Some(line) => use_candidates(&line.candidates),
                None => use_candidates(&entry.candidates),
            };
        }
        let known = self.candidates.borrow().get(&(plugin, line)).map(Rc::clone);
        let candidates = known.unwrap_or_else(|| {
            let (_, releases) = self.releases(plugin, line);
            let passing = (0..)
                .zip(releases)
                .filter(|(_, release)| self.filters.hindrance(plugin, release).is_none())
                .map(|(number, _)| number)
                .collect();
            let passing = Rc::new(passing);
            self.candidates.borrow_mut().insert((plugin, line), Rc::clone(&passing));
            passing
        });
        use_candidates(&candidates)
    }

    /// The host, where its package is known to the solver.
    pub(super) fn host(&self) -> &Host<'a> {
        self.filters.host.as_ref().expect("the host is asked about only where there is one")
    }

    fn is_considered(&self, plugin: Symbol) -> bool {
        self.considered.as_ref().is_none_or(|considered| considered.contains(&plugin))
    }

    /// Whether a plugin that is left out of account could stand in for a virtual package.
    fn is_met_freely(&self, choice: Package, plugin: Symbol) -> bool {
        self.considered.is_some()
            && !self.index.plugin(plugin).providers.is_empty()
            && self.options(choice).iter().any(|option| match option.package {
                Package::Line { plugin, .. } => !self.is_considered(plugin),
                _ => false,
            })
    }

    fn root_dependencies(&self) -> Vec<(Package, VersionBits)> {
        let host = self.filters.host.as_ref().map(|host| (Package::Host, host.every().clone()));
        (0..self.roots.len())
            .filter(|place| {
                let root = &self.roots[*place];
                self.is_considered(root.plugin)
                    && !self.is_met_freely(Package::RootChoice(*place as u32), root.plugin)
            })
            .map(|place| self.root_target(place))
            .chain(host)
            .collect()
    }

    fn release_dependencies(&self, plugin: Symbol, line: u32, number: u32) -> Vec<(Package, VersionBits)> {
        let release = self.release(plugin, line, number);
        let counts = |edge: &Edge| self.is_considered(edge.plugin);
        let is_open =
            |edge: &Edge| !self.is_met_freely(Package::Choice(edge.plugin, edge.requirement), edge.plugin);
        let itself = Package::Line { plugin, line };
        let needs = self.dependencies_of(release).filter(counts).filter(is_open);
        let mut dependencies = Vec::with_capacity(release.dependencies.len() + 2);
        dependencies.extend(needs.filter_map(|edge| beyond_itself(self.target(edge), itself, number)));
        let host = self.filters.host.as_ref().filter(|_| self.considers_host);
        if let Some(versions) = host.and_then(|host| host.dependency(release)) {
            dependencies.push((Package::Host, versions));
        }
        if self.index.plugin(plugin).guarded {
            dependencies.push((Package::Guard { plugin, line }, VersionBits::only(number + 1)));
        }
        for edge in release.conflicts.iter().copied().filter(counts) {
            let matching = self.matching(edge);
            let other = self.index.plugin(edge.plugin);
            let mut keep_off = |line, versions: &VersionBits| {
                let refused: VersionBits = versions.ordinals(other.end()).map(|number| number + 1).collect();
                dependencies.push((Package::Guard { plugin: edge.plugin, line }, refused.complement()));
            };
            if self.is_whole(other) {
                keep_off(WHOLE, &matching.all(other));
            } else {
                matching.lines(other).for_each(|(line, versions)| keep_off(line, &versions));
            }
        }
        dependencies
    }
}

/// What a release needs of others. The solver goes wrong over a package that needs itself, so it is told what comes of
/// it: nothing where the version meets the need (a circle, which the walk finds), else that it cannot be had.
fn beyond_itself(
    (package, versions): (Package, VersionBits),
    own: Package,
    number: u32,
) -> Option<(Package, VersionBits)> {
    if package != own {
        return Some((package, versions));
    }
    (!versions.has(number)).then(|| (package, VersionBits::none()))
}

impl DependencyProvider for Provider<'_> {
    type P = Package;
    type V = u32;
    type VS = VersionBits;
    type M = Infallible;
    type Err = Stopped;
    /// What is bound to fail first, then the host, then what failed most, then what has the fewest versions.
    type Priority = (u32, Reverse<u32>);

    fn prioritize(
        &self,
        package: &Package,
        range: &VersionBits,
        statistics: &PackageResolutionStatistics,
    ) -> Self::Priority {
        let count = match *package {
            Package::Root => 1,
            Package::Line { plugin, line } => {
                self.with_candidates(plugin, line, |candidates| range.count_common(candidates))
            }
            Package::Choice(..) | Package::RootChoice(_) => self.options(*package).len() as u32,
            Package::Host => match self.host().count(range) {
                0 => 0,
                count => return (u32::MAX - 1, Reverse(count)),
            },
            Package::Guard { .. } => return (0, Reverse(u32::MAX)),
        };
        if count == 0 { (u32::MAX, Reverse(0)) } else { (statistics.conflict_count(), Reverse(count)) }
    }

    fn choose_version(&self, package: &Package, range: &VersionBits) -> Result<Option<u32>, Stopped> {
        Ok(match *package {
            Package::Root => Some(0),
            Package::Host => self.host().best(range),
            Package::Line { plugin, line } => self.with_candidates(plugin, line, |candidates| {
                self.preferred_numbers(plugin, line)
                    .find(|number| range.has(*number) && candidates.has(*number))
                    .or_else(|| range.highest_common_but(candidates, self.deprecated(plugin, line)?))
                    .or_else(|| range.highest_common(candidates))
            }),
            Package::Choice(..) | Package::RootChoice(_) => {
                (0..self.options(*package).len() as u32).rev().find(|option| range.has(*option))
            }
            Package::Guard { plugin, line } => {
                (0..=self.releases(plugin, line).1.len() as u32).find(|number| range.has(*number))
            }
        })
    }

    fn get_dependencies(
        &self,
        package: &Package,
        version: &u32,
    ) -> Result<Dependencies<Package, VersionBits, Infallible>, Stopped> {
        let dependencies = match *package {
            Package::Root => self.root_dependencies(),
            Package::Line { plugin, line } => self.release_dependencies(plugin, line, *version),
            Package::Choice(..) | Package::RootChoice(_) => {
                let option = &self.options(*package)[*version as usize];
                vec![(option.package, option.versions.clone())]
            }
            Package::Guard { .. } | Package::Host => Vec::new(),
        };
        Ok(Dependencies::Available(dependencies.into_iter().collect()))
    }

    fn should_cancel(&self) -> Result<(), Stopped> {
        let tick = self.ticks.get();
        self.ticks.set(tick.wrapping_add(1));
        let is_over = tick >= self.steps_max || (tick.is_multiple_of(STEPS_A_LOOK) && (self.should_stop)());
        if is_over { Err(Stopped) } else { Ok(()) }
    }
}
