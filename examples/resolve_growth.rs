//! How the solver's index grows: loading, the next snapshot, memory and resolving from 1,000 releases to all of a graph.
//!
//! `resolve_growth FILE` prints a table (FILE as for `resolve_graph`); each size runs in a process of its own.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark stops at the first surprise and prints"
)]

use std::collections::BTreeMap;
use std::process::Command;
use std::time::{Duration, Instant};

use pluginry::domain::{Requirement, Timestamp, Version};
use pluginry::resolver::{Circumstances, Index, ResolveRequest, resolve};

#[path = "../tests/resolver/checker.rs"]
#[expect(dead_code, reason = "the graph needs its traits alone")]
mod checker;
mod counting;
#[path = "../tests/resolver/graph.rs"]
#[expect(dead_code, reason = "only the graph is needed here")]
mod graph;
mod subset;
use counting::Counting;
use subset::first_releases;

#[global_allocator]
static MEMORY: Counting = Counting::new();

const SIZES: [usize; 5] = [1_000, 3_000, 10_000, 30_000, 100_000];
/// Releases in the answers that are timed, at least and at most.
const ANSWERS: std::ops::RangeInclusive<usize> = 40..=60;
const ROUNDS: usize = 2_000;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().expect("usage: resolve_growth FILE");
    if let Some(size) = arguments.next() {
        return measure(&file, size.parse().unwrap());
    }
    println!(
        "| releases | edges | load ms | index MiB | next snapshot µs | resolve p50 µs | p99 µs | releases an answer |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for size in SIZES {
        let own = std::env::current_exe().unwrap();
        let status = Command::new(own).args([&file, &size.to_string()]).status().unwrap();
        assert!(status.success(), "{size}: {status}");
    }
}

fn measure(file: &str, size: usize) {
    let universe = graph::Graph::read(std::fs::File::open(file).unwrap()).unwrap();
    let lines = universe.index_lines().map(|(name, line)| (name.clone(), line)).collect();
    let lines = first_releases(lines, size);
    drop(universe);

    let before = MEMORY.bytes();
    let start = Instant::now();
    let mut index = Index::default();
    lines.iter().for_each(|(name, line)| index.apply(name, line));
    let snapshot = index.snapshot();
    let load = start.elapsed();
    let bytes = MEMORY.bytes().saturating_sub(before);

    // One more release, as a publish brings it, while a reader holds the snapshot before.
    let mut nexts: Vec<Duration> = Vec::new();
    for (number, place) in (0..100).zip((0..lines.len()).step_by(lines.len() / 100)) {
        let (name, line) = &lines[place];
        let mut line = line.clone();
        line.version = Version::new(1_000_000, 0, number);
        line.sequence = (lines.len() + 1) as u64 + number;
        line.yanked = true;
        let start = Instant::now();
        index.apply(name, &line);
        let next = index.snapshot();
        nexts.push(start.elapsed());
        drop(next);
    }

    let never = || false;
    let circumstances = Circumstances { profiles: &[], now: Timestamp::from_micros(0), should_stop: &never };
    let mut requests = Vec::new();
    let mut names: Vec<_> = lines.iter().map(|(name, _)| name.clone()).collect();
    names.dedup();
    for name in names.iter().rev() {
        let roots = BTreeMap::from([(name.clone(), Requirement::any())]);
        let request = ResolveRequest { roots, ..ResolveRequest::default() };
        let answer = resolve(&snapshot, &request, &circumstances);
        if let Ok(lock) = answer.as_ref()
            && ANSWERS.contains(&lock.releases.len())
        {
            requests.push((request, lock.releases.len()));
        }
        if requests.len() == 50 {
            break;
        }
    }
    let mut times: Vec<Duration> = Vec::new();
    for (request, _) in requests.iter().cycle().take(if requests.is_empty() { 0 } else { ROUNDS }) {
        let start = Instant::now();
        let answer = resolve(&snapshot, request, &circumstances);
        times.push(start.elapsed());
        assert!(answer.is_ok());
    }
    let answered: usize = requests.iter().map(|(_, releases)| releases).sum();
    let size = snapshot.size();
    println!(
        "| {} | {} | {:.1} | {:.1} | {:.0} | {:.0} | {:.0} | {:.0} |",
        size.releases,
        size.edges,
        load.as_secs_f64() * 1e3,
        bytes as f64 / f64::from(1 << 20),
        micros(&mut nexts, 0.5),
        micros(&mut times, 0.5),
        micros(&mut times, 0.99),
        answered as f64 / requests.len() as f64,
    );
}

fn micros(times: &mut [Duration], share: f64) -> f64 {
    times.sort_unstable();
    let place = (times.len().saturating_sub(1) as f64 * share) as usize;
    times.get(place).map_or(f64::NAN, |time| time.as_secs_f64() * 1e6)
}
