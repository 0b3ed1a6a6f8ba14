//! `resolvo` over a dependency graph: a solver of another kind (clauses learnt from conflicts), to differ from.
//!
//! Shared by the differential tests and `examples/resolve_graph.rs`.

use std::any::Any;
use std::cell::Cell;
use std::fmt::Display;

use resolvo::{
    Candidates, Condition, ConditionId, Dependencies, DependencyProvider, Interner, KnownDependencies,
    Problem, Requirement, Solver, SolverCache, SparseId, StringId, UnsolvableOrCancelled, VersionSetId,
    VersionSetUnionId,
};

use super::plain::{Lines, Stretch, Verdict};

/// Tells names from solvables.
pub(crate) struct OfLine;
pub(crate) struct OfRelease;
type Name = SparseId<OfLine>;
type Solvable = SparseId<OfRelease>;

/// A graph as `resolvo` asks about it: a line is a package, a stretch a set of versions.
pub(crate) struct Resolvo<'a> {
    lines: &'a Lines<'a>,
    /// By line: the number of its first release among all.
    starts: Vec<u32>,
    /// By release: its line.
    line_of: Vec<u32>,
    /// Every stretch that meets a need; nothing meets the last but one, the last is the root's place.
    sets: Vec<Stretch>,
    /// By need: its first set, and the set after its last.
    of_need: Vec<(u32, u32)>,
}

impl<'a> Resolvo<'a> {
    pub(crate) fn new(lines: &'a Lines<'a>) -> Self {
        let (mut starts, mut line_of) = (Vec::new(), Vec::new());
        for (number, line) in (0..).zip(&lines.lines) {
            starts.push(line_of.len() as u32);
            line_of.resize(line_of.len() + line.releases.len(), number);
        }
        let (mut sets, mut of_need) = (Vec::new(), Vec::new());
        for stretches in &lines.meeting {
            let first = sets.len() as u32;
            sets.extend(stretches.iter().copied());
            of_need.push((first, sets.len() as u32));
        }
        sets.push(Stretch { line: u32::MAX, start: 0, end: 0 });
        Self { lines, starts, line_of, sets, of_need }
    }

    /// Whether there is a solution with this release as the only root.
    pub(crate) fn solve(&self, package: u32, release: u32, should_stop: &dyn Fn() -> bool) -> Verdict {
        let (line, number) = self.lines.number_of(package, release);
        let root = Stretch { line, start: number, end: number + 1 };
        let problem = ResolvoProblem { graph: self, root, should_stop, ticks: Cell::new(0) };
        let wanted = VersionSetId(self.sets.len() as u32);
        match Solver::new(problem).solve(Problem::new().requirements(vec![wanted.into()])) {
            Ok(_) => Verdict::Solvable,
            Err(UnsolvableOrCancelled::Unsolvable(_)) => Verdict::Unsolvable,
            Err(UnsolvableOrCancelled::Cancelled(_)) => Verdict::Unknown,
        }
    }
}

struct ResolvoProblem<'a> {
    graph: &'a Resolvo<'a>,
    root: Stretch,
    should_stop: &'a dyn Fn() -> bool,
    ticks: Cell<u32>,
}

impl ResolvoProblem<'_> {
    fn stretch(&self, set: VersionSetId) -> Stretch {
        self.graph.sets.get(set.0 as usize).copied().unwrap_or(self.root)
    }

    /// The line of a release, and its number there.
    fn place(&self, solvable: Solvable) -> (u32, u32) {
        let line = self.graph.line_of[solvable.into_raw() as usize];
        (line, solvable.into_raw() - self.graph.starts[line as usize])
    }

    fn requirement(&self, need: u32) -> Requirement {
        match self.graph.of_need[need as usize] {
            (first, end) if first == end => VersionSetId(self.graph.sets.len() as u32 - 1).into(),
            (first, end) if first + 1 == end => VersionSetId(first).into(),
            _ => VersionSetUnionId(need).into(),
        }
    }
}

impl Interner for ResolvoProblem<'_> {
    type NameId = Name;
    type SolvableId = Solvable;

    fn display_solvable(&self, solvable: Solvable) -> impl Display + '_ {
        let (line, number) = self.place(solvable);
        format!("{line}@{number}")
    }

    fn display_name(&self, name: Name) -> impl Display + '_ {
        name.into_raw()
    }

    fn display_version_set(&self, set: VersionSetId) -> impl Display + '_ {
        format!("{:?}", self.stretch(set))
    }

    fn display_string(&self, string: StringId) -> impl Display + '_ {
        string.0
    }

    fn version_set_name(&self, set: VersionSetId) -> Name {
        Name::from_raw(self.stretch(set).line)
    }

    fn solvable_name(&self, solvable: Solvable) -> Name {
        Name::from_raw(self.graph.line_of[solvable.into_raw() as usize])
    }

    fn version_sets_in_union(&self, union: VersionSetUnionId) -> impl Iterator<Item = VersionSetId> {
        let (first, end) = self.graph.of_need[union.0 as usize];
        (first..end).rev().map(VersionSetId)
    }

    fn resolve_condition(&self, _: ConditionId) -> Condition {
        unreachable!("no requirement has a condition")
    }
}

impl DependencyProvider for ResolvoProblem<'_> {
    async fn filter_candidates(
        &self,
        candidates: &[Solvable],
        set: VersionSetId,
        inverse: bool,
    ) -> Vec<Solvable> {
        let Stretch { line, start, end } = self.stretch(set);
        let is_in = |solvable: &Solvable| {
            let (of, number) = self.place(*solvable);
            of == line && (start..end).contains(&number)
        };
        candidates.iter().copied().filter(|solvable| is_in(solvable) != inverse).collect()
    }

    async fn get_candidates(&self, name: Name) -> Option<Candidates<Solvable>> {
        let line = self.graph.lines.lines.get(name.into_raw() as usize)?;
        let start = self.graph.starts[name.into_raw() as usize];
        let candidates = (start..start + line.releases.len() as u32).map(Solvable::from_raw).collect();
        Some(Candidates { candidates, ..Candidates::default() })
    }

    async fn sort_candidates(&self, _: &SolverCache<Self>, solvables: &mut [Solvable]) {
        solvables.sort_unstable_by_key(|solvable| std::cmp::Reverse(solvable.into_raw()));
    }

    async fn get_dependencies(&self, solvable: Solvable) -> Dependencies {
        let (line, number) = self.place(solvable);
        let needs = self.graph.lines.needs(line, number).iter();
        let requirements = needs.map(|need| self.requirement(*need).into()).collect();
        Dependencies::Known(KnownDependencies { requirements, constrains: Vec::new() })
    }

    fn should_cancel_with_value(&self) -> Option<Box<dyn Any>> {
        let tick = self.ticks.get();
        self.ticks.set(tick.wrapping_add(1));
        (tick.is_multiple_of(32) && (self.should_stop)()).then(|| Box::new(()) as Box<dyn Any>)
    }
}
