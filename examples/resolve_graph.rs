//! Solves a dependency graph package by package, with this resolver and with plain PubGrub, and compares.
//!
//! `cargo run --release --example resolve_graph -- FILE` with FILE as JSON lines, gzipped when it ends in `.gz`:
//! `{"name":…,"version":…,"deps":[[name,requirement],…],"yanked":true?}`.
#![expect(clippy::print_stdout, reason = "a command line program")]

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::time::{Duration, Instant};

use pluginry::domain::{Requirement, Timestamp};
use pluginry::resolver::{Circumstances, ResolveFailure, ResolveRequest, resolve};

#[path = "../tests/resolver/plain.rs"]
mod plain;
use plain::{Graph, Plain};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = std::env::args().nth(1).ok_or("usage: resolve_graph FILE")?;
    let mut text = String::new();
    if file.ends_with(".gz") {
        flate2::read::GzDecoder::new(File::open(&file)?).read_to_string(&mut text)?;
    } else {
        File::open(&file)?.read_to_string(&mut text)?;
    }
    let graph = Graph::from_json_lines(&text);
    drop(text);

    let lines: Vec<_> = graph.index_lines().collect();
    let memory_before = resident_bytes();
    let start = Instant::now();
    let mut index = pluginry::resolver::Index::default();
    for (name, line) in &lines {
        index.apply(name, line);
    }
    let snapshot = index.snapshot();
    let load_time = start.elapsed();
    let bytes = resident_bytes().saturating_sub(memory_before);
    drop(lines);
    let size = snapshot.size();
    println!(
        "index: {} plugins, {} releases, {} edges; loaded in {:.0} ms; {:.1} MiB resident, {} bytes an edge",
        size.plugins,
        size.releases,
        size.edges,
        load_time.as_secs_f64() * 1e3,
        bytes as f64 / f64::from(1 << 20),
        bytes / size.edges.max(1),
    );

    let mut plain = Plain::new(&graph);
    let roots = graph.sampled_roots();
    let never = || false;
    let circumstances = Circumstances { profiles: &[], now: Timestamp::from_micros(0), should_stop: &never };
    let mut ours = Figures::default();
    let mut theirs = Figures::default();
    let (mut disagreements, mut circles) = (0, 0);
    for (number, place) in roots {
        let package = &graph.packages[number];
        let version = &package.releases[place].version;
        let roots = BTreeMap::from([(package.name.clone(), Requirement::exactly(version))]);
        let request = ResolveRequest { roots, ..ResolveRequest::default() };

        let start = Instant::now();
        let answer = resolve(&snapshot, &request, &circumstances);
        let our_time = start.elapsed();
        let start = Instant::now();
        let their_answer = plain.is_solvable(number, place);
        theirs.add(start.elapsed(), their_answer);

        circles += usize::from(matches!(answer, Err(ResolveFailure::Cycle { .. })));
        let our_answer = matches!(answer, Ok(_) | Err(ResolveFailure::Cycle { .. }));
        ours.add(our_time, our_answer);
        if our_answer != their_answer {
            disagreements += 1;
            println!(
                "disagreement: {} {version}: pluginry {our_answer}, pubgrub {their_answer}",
                package.name
            );
        }
    }
    ours.print("pluginry");
    theirs.print("pubgrub");
    println!("problems: {}; disagreements: {disagreements}; circles: {circles}", ours.times.len());
    Ok(())
}

#[derive(Default)]
struct Figures {
    times: Vec<Duration>,
    unsolvable: usize,
}

impl Figures {
    fn add(&mut self, time: Duration, is_solved: bool) {
        self.times.push(time);
        self.unsolvable += usize::from(!is_solved);
    }

    fn print(&mut self, name: &str) {
        self.times.sort_unstable();
        let micros = |time: Duration| time.as_secs_f64() * 1e6;
        let at = |share: f64| {
            let last = self.times.len().saturating_sub(1);
            self.times.get((last as f64 * share) as usize).copied().map_or(0.0, micros)
        };
        let total: Duration = self.times.iter().sum();
        println!(
            "{name:>8}: p50 {:.1} us, p95 {:.1} us, p99 {:.1} us, max {:.1} us, total {:.0} ms, unsat {}",
            at(0.5),
            at(0.95),
            at(0.99),
            at(1.0),
            total.as_secs_f64() * 1e3,
            self.unsolvable,
        );
    }
}

/// Resident memory of this process on Linux; 0 elsewhere.
fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split_whitespace().nth(1).and_then(|text| text.parse::<usize>().ok()).unwrap_or(0);
    pages * 4096
}
