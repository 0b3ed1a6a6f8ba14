//! Solves a dependency graph package by package, with this resolver, with plain PubGrub and with `resolvo`, compares
//! their answers and checks every lock.
//!
//! ```text
//! cargo run --release --example resolve_graph -- FILE [--limit PROBLEMS] [--deadline SECONDS]
//! ```
//!
//! FILE holds JSON lines, gzipped or not: `{"name":…,"version":…,"deps":[[name,requirement],…],"published":…?,
//! "yanked":true?}`. What of it cannot be told to a resolver is left out and counted. A problem is a release as the only
//! root: the newest one and four more of every package (with `--limit`, of evenly chosen ones), under both rules. A
//! solver that is not done with a problem after the deadline (10 seconds) is not compared in it.
//!
//! Only the solving is timed: from the request to the lock, or to the proof that there is none, for `pluginry`; to the
//! bare answer for the others. The order takes turns. What it takes to explain a refusal (its minimal conflict, its
//! words, and its mends, each proven by solving again), which the others do not do, has a line of its own. Exits with 1
//! after a disagreement or a lock that does not hold.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line program")]

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs::File;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use pluginry::domain::{IndexRelease, PluginName, Requirement, Timestamp};
use pluginry::resolver::{
    Circumstances, Index, IndexSnapshot, Lock, ResolveFailure, ResolveRequest, Unexplained, decide,
};

#[path = "../tests/resolver/checker.rs"]
mod checker;
mod counting;
#[path = "../tests/resolver/graph.rs"]
#[expect(dead_code, reason = "the tests build graphs of their own")]
mod graph;
#[path = "../tests/resolver/plain.rs"]
mod plain;
#[path = "../tests/resolver/plain_resolvo.rs"]
mod plain_resolvo;
use checker::{Asked, Registry, faults};
use counting::Counting;
use graph::{Graph, GraphLines};
use plain::{Lines, Plain, Rule, Verdict};
use plain_resolvo::Resolvo;

#[global_allocator]
static MEMORY: Counting = Counting::new();

/// Disagreements and faulty locks told one by one before they are only counted.
const TOLD_MAX: usize = 20;
/// Index lines built ahead, so that building them is not timed.
const BATCH: usize = 10_000;

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("resolve_graph: {error}");
            ExitCode::from(2)
        }
    }
}

/// Whether all agree and all locks hold.
fn run() -> Result<bool, Box<dyn std::error::Error>> {
    let options = Options::read(std::env::args().skip(1))?;
    let graph = Graph::read(File::open(&options.file)?)?;
    println!(
        "left out: {}; {} needs lead to packages that are not there, and nothing meets them",
        graph.left_out, graph.outward_edges
    );
    let snapshot = load(&graph);
    let lines = GraphLines::new(&graph);
    let mut roots = graph.sampled_roots();
    if let Some(limit) = options.limit.filter(|limit| *limit < roots.len()) {
        roots = (0..limit).map(|place| roots[place * roots.len() / limit]).collect();
    }

    let mut all = Figures::default();
    for (rule, name) in
        [(Rule::OnePerMajor, "one version per major"), (Rule::OnePerName, "one version per name")]
    {
        let figures = Race::new(&graph, rule, &snapshot, &lines, options.deadline).run(&roots);
        println!("\n{name}");
        figures.print();
        all.add(figures);
    }
    println!("\nboth rules");
    all.print();
    Ok(all.disagreements == 0 && all.invalid_locks == 0)
}

struct Options {
    file: String,
    limit: Option<usize>,
    deadline: Duration,
}

impl Options {
    fn read(mut arguments: impl Iterator<Item = String>) -> Result<Self, Box<dyn std::error::Error>> {
        let usage = "usage: resolve_graph FILE [--limit PROBLEMS] [--deadline SECONDS]";
        let (mut file, mut limit, mut deadline) = (None, None, Duration::from_secs(10));
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--limit" => limit = Some(arguments.next().ok_or(usage)?.parse()?),
                "--deadline" => {
                    deadline = Duration::try_from_secs_f64(arguments.next().ok_or(usage)?.parse()?)?
                }
                _ if argument.starts_with("--") || file.is_some() => return Err(usage.into()),
                _ => file = Some(argument),
            }
        }
        Ok(Self { file: file.ok_or(usage)?, limit, deadline })
    }
}

/// The index of the whole graph; says how long it took and how much it holds.
fn load(graph: &Graph) -> IndexSnapshot {
    let mut lines = graph.index_lines();
    let mut batch: Vec<(&PluginName, IndexRelease)> = Vec::with_capacity(BATCH);
    let (mut time, mut bytes) = (Duration::ZERO, 0);
    let mut index = Index::default();
    let mut snapshot = IndexSnapshot::default();
    loop {
        batch.extend(lines.by_ref().take(BATCH));
        let (before, start) = (MEMORY.bytes(), Instant::now());
        batch.iter().for_each(|(name, line)| index.apply(name, line));
        if batch.is_empty() {
            snapshot = index.snapshot();
        }
        time += start.elapsed();
        bytes += MEMORY.bytes().wrapping_sub(before) as isize;
        if batch.is_empty() {
            break;
        }
        batch.clear();
    }
    let size = snapshot.size();
    println!(
        "index: {} plugins, {} releases, {} edges; loaded in {:.0} ms; {:.1} MiB resident, {} bytes an edge \
         (counted by the allocator, as malloc rounds up; the feed's side of the index included)",
        size.plugins,
        size.releases,
        size.edges,
        time.as_secs_f64() * 1e3,
        bytes as f64 / f64::from(1 << 20),
        bytes / size.edges.max(1) as isize,
    );
    drop(index);
    snapshot
}

/// The three solvers over one graph under one rule.
struct Race<'a> {
    graph: &'a Graph,
    rule: Rule,
    snapshot: &'a IndexSnapshot,
    registry: &'a dyn Registry,
    deadline: Duration,
    started: Cell<Instant>,
}

impl<'a> Race<'a> {
    fn new(
        graph: &'a Graph,
        rule: Rule,
        snapshot: &'a IndexSnapshot,
        registry: &'a dyn Registry,
        deadline: Duration,
    ) -> Self {
        Self { graph, rule, snapshot, registry, deadline, started: Cell::new(Instant::now()) }
    }

    fn run(&self, roots: &[(u32, u32)]) -> Figures {
        let lines = Lines::new(self.graph, self.rule);
        let (pubgrub, resolvo) = (Plain::new(&lines), Resolvo::new(&lines));
        let should_stop = || self.started.get().elapsed() > self.deadline;
        let circumstances =
            Circumstances { profiles: &[], now: Timestamp::from_micros(i64::MAX), should_stop: &should_stop };
        let mut figures = Figures::default();
        for (turn, (package, release)) in roots.iter().copied().enumerate() {
            let request = self.request(package, release);
            let mut answer = None;
            let mut verdicts = [Verdict::Unknown; 3];
            for solver in (0..3).map(|place| (place + turn) % 3) {
                let start = Instant::now();
                self.started.set(start);
                verdicts[solver] = match solver {
                    0 => verdict(answer.insert(decide(self.snapshot, &request, &circumstances))),
                    1 => pubgrub.solve(package, release, &should_stop),
                    _ => resolvo.solve(package, release, &should_stop),
                };
                figures.solvers[solver].add(start.elapsed(), verdicts[solver]);
            }
            figures.problems += 1;
            self.compare(&verdicts, &request, &mut figures);
            match answer.expect("each solver had its turn") {
                Ok(lock) => self.check(&lock, &request, &mut figures),
                Err(refused) => match refused.plainly() {
                    Some(ResolveFailure::Cycle { .. }) => figures.circles += 1,
                    Some(_) => {}
                    None => {
                        let start = Instant::now();
                        self.started.set(start);
                        refused.explain();
                        figures.explained.add(start.elapsed(), Verdict::Unsolvable);
                    }
                },
            }
        }
        figures
    }

    fn request(&self, package: u32, release: u32) -> ResolveRequest {
        let package = &self.graph.packages[package as usize];
        let exactly = Requirement::exactly(&package.releases[release as usize].version);
        let mut request = ResolveRequest {
            roots: BTreeMap::from([(package.name.clone(), exactly)]),
            ..ResolveRequest::default()
        };
        request.policy.one_version_per_plugin = self.rule == Rule::OnePerName;
        request
    }

    fn compare(&self, verdicts: &[Verdict; 3], request: &ResolveRequest, figures: &mut Figures) {
        let mut known = verdicts.iter().filter(|verdict| **verdict != Verdict::Unknown);
        let first = known.next();
        if known.any(|verdict| Some(verdict) != first) {
            figures.disagreements += 1;
            if figures.disagreements <= TOLD_MAX {
                let [ours, pubgrub, resolvo] = verdicts;
                let root = root_of(request);
                println!("disagreement: {root}: pluginry {ours:?}, pubgrub {pubgrub:?}, resolvo {resolvo:?}");
            }
        }
    }

    fn check(&self, lock: &Lock, request: &ResolveRequest, figures: &mut Figures) {
        let now = Timestamp::from_micros(i64::MAX);
        let found = faults(lock, &Asked { registry: self.registry, request, profiles: &[], now });
        figures.locks += 1;
        if !found.is_empty() {
            figures.invalid_locks += 1;
            if figures.invalid_locks <= TOLD_MAX {
                println!("invalid lock: {}: {}", root_of(request), found.join("; "));
            }
        }
    }
}

fn root_of(request: &ResolveRequest) -> String {
    let roots: Vec<String> =
        request.roots.iter().map(|(name, requirement)| format!("{name} {requirement}")).collect();
    roots.join(", ")
}

/// Releases that need each other in a circle are refused, though there is a solution.
fn verdict(answer: &Result<Lock, Unexplained<'_>>) -> Verdict {
    match answer.as_ref().map_err(Unexplained::plainly) {
        Ok(_) | Err(Some(ResolveFailure::Cycle { .. })) => Verdict::Solvable,
        Err(Some(ResolveFailure::Deadline)) => Verdict::Unknown,
        Err(_) => Verdict::Unsolvable,
    }
}

#[derive(Default)]
struct Figures {
    /// pluginry, pubgrub, resolvo.
    solvers: [Times; 3],
    /// Explaining the refusals of pluginry.
    explained: Times,
    problems: usize,
    disagreements: usize,
    circles: usize,
    locks: usize,
    invalid_locks: usize,
}

#[derive(Default)]
struct Times {
    all: Vec<Duration>,
    /// Where there is a solution, and so nothing to explain.
    solved: Duration,
    unsolvable: usize,
    unknown: usize,
}

impl Times {
    fn add(&mut self, time: Duration, verdict: Verdict) {
        self.all.push(time);
        if verdict == Verdict::Solvable {
            self.solved += time;
        }
        self.unsolvable += usize::from(verdict == Verdict::Unsolvable);
        self.unknown += usize::from(verdict == Verdict::Unknown);
    }
}

impl Figures {
    fn add(&mut self, other: Self) {
        let others = other.solvers.into_iter().chain([other.explained]);
        for (times, more) in self.solvers.iter_mut().chain([&mut self.explained]).zip(others) {
            times.all.extend(more.all);
            times.solved += more.solved;
            times.unsolvable += more.unsolvable;
            times.unknown += more.unknown;
        }
        self.problems += other.problems;
        self.disagreements += other.disagreements;
        self.circles += other.circles;
        self.locks += other.locks;
        self.invalid_locks += other.invalid_locks;
    }

    fn print(&self) {
        let names = ["pluginry", "pubgrub", "resolvo", "explaining"];
        for (name, times) in names.into_iter().zip(self.solvers.iter().chain([&self.explained])) {
            let mut sorted = times.all.clone();
            sorted.sort_unstable();
            let at = |share: f64| {
                let place = ((sorted.len() as f64 * share).ceil() as usize).saturating_sub(1);
                sorted.get(place).map_or(0.0, |time| time.as_secs_f64() * 1e6)
            };
            let total: Duration = sorted.iter().sum();
            println!(
                "{name:<8} p50 {:.1} us, p95 {:.1} us, p99 {:.1} us, max {:.1} us, total {:.0} ms, {} unsatisfiable, \
                 {} over the deadline",
                at(0.5),
                at(0.95),
                at(0.99),
                at(1.0),
                total.as_secs_f64() * 1e3,
                times.unsolvable,
                times.unknown,
            );
        }
        println!("problems: {}, disagreements: {}", self.problems, self.disagreements);
        println!(
            "locks checked: {}, failures: {}; refused for a circle, though solvable: {}",
            self.locks, self.invalid_locks, self.circles,
        );
        let [ours, theirs, _] = &self.solvers;
        let ratio = |ours: Duration, theirs: Duration| ours.as_secs_f64() / theirs.as_secs_f64().max(1e-9);
        println!(
            "pluginry's total over pubgrub's: {:.2} where there is a solution, {:.2} in all, {:.2} with explanations",
            ratio(ours.solved, theirs.solved),
            ratio(ours.all.iter().sum(), theirs.all.iter().sum()),
            ratio(ours.all.iter().chain(&self.explained.all).sum(), theirs.all.iter().sum()),
        );
    }
}
