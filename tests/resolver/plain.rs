//! Plain PubGrub over a dependency graph: what the resolver is measured against.
//!
//! Shared by the differential tests and `examples/resolve_graph.rs`. It knows nothing of hosts, locks or policies, has
//! its ranges computed before anything is asked, and holds only the releases that may be chosen.

use std::cell::Cell;
use std::cmp::Reverse;
use std::fmt;
use std::ops::Bound;

use pluginry::domain::Version;
use pubgrub::{Dependencies, DependencyProvider, PackageResolutionStatistics, PubGrubError, Ranges};

use super::graph::{Graph, GraphPackage, Need};

/// What a solver says of a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Solvable,
    Unsolvable,
    /// The signal to stop came first.
    Unknown,
}

/// Which versions of a package exclude each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    OnePerMajor,
    OnePerName,
}

/// The versions of a package that exclude each other: places of releases, ascending.
pub(crate) struct GraphLine {
    pub(crate) package: u32,
    pub(crate) releases: Vec<u32>,
}

/// Versions of a line that meet a requirement, counted within the line: from the first up to before the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stretch {
    pub(crate) line: u32,
    pub(crate) start: u32,
    pub(crate) end: u32,
}

/// A graph's candidates in lines, and what of them meets each need.
pub(crate) struct Lines<'a> {
    pub(crate) graph: &'a Graph,
    pub(crate) lines: Vec<GraphLine>,
    /// By package: its first line, and the line after its last.
    of_package: Vec<(u32, u32)>,
    /// By need: ascending by line.
    pub(crate) meeting: Vec<Box<[Stretch]>>,
}

impl<'a> Lines<'a> {
    pub(crate) fn new(graph: &'a Graph, rule: Rule) -> Self {
        let mut lines: Vec<GraphLine> = Vec::new();
        let mut of_package = Vec::new();
        for (number, package) in (0..).zip(&graph.packages) {
            let first = lines.len() as u32;
            let mut last_key = None;
            for (place, release) in (0..).zip(&package.releases).filter(|(_, release)| release.is_candidate())
            {
                let key = if rule == Rule::OnePerName { (0, 0, 0) } else { compatibility(&release.version) };
                if last_key != Some(key) {
                    lines.push(GraphLine { package: number, releases: Vec::new() });
                    last_key = Some(key);
                }
                lines.last_mut().expect("just pushed").releases.push(place);
            }
            of_package.push((first, lines.len() as u32));
        }
        let mut all = Self { graph, lines, of_package, meeting: Vec::new() };
        all.meeting = graph.needs.iter().map(|need| all.stretches(need)).collect();
        all
    }

    /// The line of a release, and its number there; it must be a candidate.
    pub(crate) fn number_of(&self, package: u32, release: u32) -> (u32, u32) {
        let (first, end) = self.of_package[package as usize];
        (first..end)
            .find_map(|line| {
                let number = self.lines[line as usize].releases.binary_search(&release).ok()?;
                Some((line, number as u32))
            })
            .expect("a candidate")
    }

    /// The needs of a release.
    pub(crate) fn needs(&self, line: u32, number: u32) -> &'a [u32] {
        let GraphLine { package, releases } = &self.lines[line as usize];
        let package: &'a GraphPackage = &self.graph.packages[*package as usize];
        &package.releases[releases[number as usize] as usize].needs
    }

    fn stretches(&self, need: &Need) -> Box<[Stretch]> {
        let (first, end) = self.of_package[need.package as usize];
        let package = &self.graph.packages[need.package as usize];
        let mut stretches: Vec<Stretch> = Vec::new();
        for line in first..end {
            for (number, place) in (0..).zip(&self.lines[line as usize].releases) {
                let version = &package.releases[*place as usize].version;
                if !need.requirement.as_semver().matches(version.as_semver()) {
                    continue;
                }
                match stretches.last_mut() {
                    Some(last) if last.line == line => {
                        assert_eq!(last.end, number, "what a requirement matches has no holes");
                        last.end += 1;
                    }
                    _ => stretches.push(Stretch { line, start: number, end: number + 1 }),
                }
            }
        }
        stretches.into()
    }
}

fn compatibility(version: &Version) -> (u64, u64, u64) {
    let version = version.as_semver();
    match (version.major, version.minor) {
        (0, 0) => (0, 0, version.patch),
        (0, minor) => (0, minor, 0),
        (major, _) => (major, 0, 0),
    }
}

/// A package of plain PubGrub.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum PlainPackage {
    Root,
    /// A line of versions.
    Line(u32),
    /// A need that several lines can meet.
    Wide(u32),
    /// A need that nothing meets.
    Nothing,
}

impl fmt::Display for PlainPackage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

type Edge = (PlainPackage, Ranges<u32>);

/// Plain PubGrub over a graph with its ranges computed.
pub(crate) struct Plain<'a> {
    lines: &'a Lines<'a>,
    /// By need.
    edges: Vec<Edge>,
}

impl<'a> Plain<'a> {
    pub(crate) fn new(lines: &'a Lines<'a>) -> Self {
        let edge = |(need, stretches): (u32, &[Stretch])| match stretches {
            [] => (PlainPackage::Nothing, Ranges::full()),
            [stretch] => stretch_edge(stretch),
            _ => (PlainPackage::Wide(need), Ranges::full()),
        };
        Self {
            lines,
            edges: (0..).zip(lines.meeting.iter().map(|stretches| &**stretches)).map(edge).collect(),
        }
    }

    /// Whether there is a solution with this release as the only root.
    pub(crate) fn solve(&self, package: u32, release: u32, should_stop: &dyn Fn() -> bool) -> Verdict {
        let (line, number) = self.lines.number_of(package, release);
        let root = (PlainPackage::Line(line), Ranges::singleton(number));
        let problem = PlainProblem { plain: self, root, should_stop, ticks: Cell::new(0) };
        match pubgrub::resolve(&problem, PlainPackage::Root, 0_u32) {
            Ok(_) => Verdict::Solvable,
            Err(PubGrubError::NoSolution(_)) => Verdict::Unsolvable,
            Err(_) => Verdict::Unknown,
        }
    }
}

fn stretch_edge(stretch: &Stretch) -> Edge {
    (PlainPackage::Line(stretch.line), Ranges::between(stretch.start, stretch.end))
}

struct PlainProblem<'a> {
    plain: &'a Plain<'a>,
    root: Edge,
    should_stop: &'a dyn Fn() -> bool,
    ticks: Cell<u32>,
}

/// The signal to stop came.
#[derive(Debug, thiserror::Error)]
#[error("stopped")]
pub(crate) struct Stopped;

impl PlainProblem<'_> {
    /// The numbers of a range below `end`, as stretches.
    fn within(range: &Ranges<u32>, end: u32) -> impl Iterator<Item = (u32, u32)> {
        range.iter().map(move |(start, stop)| {
            let start = match start {
                Bound::Included(start) => *start,
                Bound::Excluded(start) => start + 1,
                Bound::Unbounded => 0,
            };
            let stop = match stop {
                Bound::Included(stop) => stop + 1,
                Bound::Excluded(stop) => *stop,
                Bound::Unbounded => end,
            };
            (start, stop.min(end).max(start))
        })
    }

    fn length(&self, package: &PlainPackage) -> u32 {
        match package {
            PlainPackage::Root => 1,
            PlainPackage::Line(line) => self.plain.lines.lines[*line as usize].releases.len() as u32,
            PlainPackage::Wide(need) => self.plain.lines.meeting[*need as usize].len() as u32,
            PlainPackage::Nothing => 0,
        }
    }
}

impl DependencyProvider for PlainProblem<'_> {
    type P = PlainPackage;
    type V = u32;
    type VS = Ranges<u32>;
    type M = &'static str;
    type Err = Stopped;
    type Priority = (u32, Reverse<u32>);

    fn prioritize(
        &self,
        package: &PlainPackage,
        range: &Ranges<u32>,
        statistics: &PackageResolutionStatistics,
    ) -> Self::Priority {
        let count = Self::within(range, self.length(package)).map(|(start, end)| end - start).sum();
        if count == 0 { (u32::MAX, Reverse(0)) } else { (statistics.conflict_count(), Reverse(count)) }
    }

    fn choose_version(&self, package: &PlainPackage, range: &Ranges<u32>) -> Result<Option<u32>, Stopped> {
        let stretches = Self::within(range, self.length(package)).filter(|(start, end)| start < end);
        Ok(stretches.last().map(|(_, end)| end - 1))
    }

    fn get_dependencies(
        &self,
        package: &PlainPackage,
        version: &u32,
    ) -> Result<Dependencies<PlainPackage, Ranges<u32>, &'static str>, Stopped> {
        let edges = match *package {
            PlainPackage::Root => std::iter::once(self.root.clone()).collect(),
            PlainPackage::Line(line) => {
                let needs = self.plain.lines.needs(line, *version).iter();
                let edges = needs.map(|need| &self.plain.edges[*need as usize]);
                // The solver takes nothing that needs itself: it is met, or can never be.
                let is_own = |edge: &&Edge| edge.0 == *package;
                if edges.clone().any(|edge| is_own(&edge) && !edge.1.contains(version)) {
                    return Ok(Dependencies::Unavailable("needs another version of itself"));
                }
                edges.filter(|edge| !is_own(edge)).cloned().collect()
            }
            PlainPackage::Wide(need) => {
                std::iter::once(stretch_edge(&self.plain.lines.meeting[need as usize][*version as usize]))
                    .collect()
            }
            PlainPackage::Nothing => return Ok(Dependencies::Unavailable("is not in the graph")),
        };
        Ok(Dependencies::Available(edges))
    }

    fn should_cancel(&self) -> Result<(), Stopped> {
        let tick = self.ticks.get();
        self.ticks.set(tick.wrapping_add(1));
        if tick.is_multiple_of(32) && (self.should_stop)() { Err(Stopped) } else { Ok(()) }
    }
}
