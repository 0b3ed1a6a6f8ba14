//! Measures the solver's index: its memory, loading it, taking in one more release, and its bytes on disk.
//!
//! `cargo run --release --no-default-features --features solver --example measure_index -- FILE` with FILE as for
//! `resolve_graph`, or `-- synthetic RELEASES` for plugins with capabilities, signers, licences and extension points.
#![expect(clippy::print_stdout, reason = "a command line program")]

use std::fs::File;
use std::time::{Duration, Instant};

use pluginry::domain::{Digest, IndexRelease, PluginName, VerificationState};
use pluginry::resolver::Index;
use serde_json::json;

#[path = "../tests/resolver/checker.rs"]
#[expect(dead_code, reason = "no lock is checked here")]
mod checker;
#[path = "../tests/resolver/graph.rs"]
#[expect(dead_code, reason = "not all of a graph is used here")]
mod graph;
use graph::Graph;

/// How many single changes are measured.
const CHANGES: usize = 500;

type Lines = Vec<(PluginName, IndexRelease)>;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut lines = match arguments.next().as_deref() {
        Some("synthetic") => synthetic(arguments.next().ok_or("how many releases?")?.parse()?),
        Some(file) => crates(file)?,
        None => return Err("usage: measure_index FILE | synthetic RELEASES".into()),
    };
    let texts: Vec<(PluginName, String)> = lines
        .iter()
        .map(|(name, line)| Ok((name.clone(), serde_json::to_string(line)?)))
        .collect::<Result<_, serde_json::Error>>()?;

    let memory_before = resident_bytes();
    let start = Instant::now();
    let mut index = Index::default();
    for (name, line) in &lines {
        index.apply(name, line);
    }
    let snapshot = index.snapshot();
    let load_time = start.elapsed();
    let bytes = resident_bytes().saturating_sub(memory_before);
    let size = snapshot.size();
    println!(
        "index: {} plugins, {} releases, {} edges; {:.1} MiB resident, {} bytes an edge, {} bytes a release",
        size.plugins,
        size.releases,
        size.edges,
        bytes as f64 / f64::from(1 << 20),
        bytes / size.edges.max(1),
        bytes / size.releases.max(1),
    );
    println!("loaded from parsed lines in {:.0} ms", millis(load_time));

    let start = Instant::now();
    for (_, text) in &texts {
        std::hint::black_box(serde_json::from_str::<IndexRelease>(text)?);
    }
    println!("parsing the lines as JSON alone takes {:.0} ms", millis(start.elapsed()));
    drop(texts);

    let start = Instant::now();
    let image = snapshot.to_bytes();
    let write_time = start.elapsed();
    let start = Instant::now();
    let mut read_back = Index::from_bytes(&image)?;
    let read_snapshot = read_back.snapshot();
    let read_time = start.elapsed();
    assert_eq!(read_snapshot.to_bytes(), image, "the image reads back");
    let (write_time, read_time) = (millis(write_time), millis(read_time));
    println!(
        "image: {:.1} MB; written in {write_time:.0} ms, read in {read_time:.0} ms",
        image.len() as f64 / 1e6
    );
    drop((read_back, read_snapshot, image, snapshot));

    let spread = lines.len() / CHANGES;
    let mut sequence = 10_000_000;
    let mut changes: [(&str, Vec<Duration>); 3] =
        [("a new release", vec![]), ("a verdict", vec![]), ("a new plugin", vec![])];
    let mut reader = index.snapshot();
    for number in 0..CHANGES {
        let (name, mut line) = lines[number * spread].clone();
        for (place, (_, times)) in changes.iter_mut().enumerate() {
            sequence += 1;
            line.sequence = sequence;
            let name = if place == 2 { format!("new:plugin-{number}").parse()? } else { name.clone() };
            match place {
                1 => line.verification = VerificationState::Failed,
                _ => line.version = format!("{}.0.{number}", 9_000 + place).parse()?,
            }
            let start = Instant::now();
            index.apply(&name, &line);
            let next = index.snapshot();
            drop(std::mem::replace(&mut reader, next));
            times.push(start.elapsed());
        }
    }
    for (what, times) in &mut changes {
        times.sort_unstable();
        let micros = |share: usize| times[(times.len() - 1) * share / 100].as_secs_f64() * 1e6;
        println!(
            "apply and snapshot of {what}: p50 {:.0} us, p99 {:.0} us, max {:.0} us",
            micros(50),
            micros(99),
            micros(100)
        );
    }

    // The same plugins change over and over: what is gone must not stay in memory.
    let memory_before = resident_bytes();
    for round in 0..20_u64 {
        for (name, line) in lines.iter_mut().take(5_000) {
            sequence += 1;
            line.sequence = sequence;
            line.deprecated = Some(format!("advice of round {round}"));
            line.yanked = round % 2 == 0;
            index.apply(name, line);
            reader = index.snapshot();
        }
    }
    let grown = resident_bytes().saturating_sub(memory_before);
    println!("100,000 changes of 5,000 releases, a snapshot each: {} KiB more resident", grown / 1024);
    drop(reader);
    Ok(())
}

fn crates(file: &str) -> Result<Lines, Box<dyn std::error::Error>> {
    let graph = Graph::read(File::open(file)?)?;
    Ok(graph.index_lines().map(|(name, line)| (name.clone(), line)).collect())
}

/// Plugins of 1 to 19 releases as a marketplace might have them: half of them ask for capabilities, each names signers,
/// licences and extension points, and needs up to five older plugins.
fn synthetic(releases: usize) -> Lines {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    let mut lines = Lines::new();
    let mut plugin = 0;
    while lines.len() < releases {
        let name: PluginName = format!("author-{}:plugin-{plugin}", plugin % 997).parse().expect("a name");
        let signer = Digest::of(format!("key {}", plugin % 997).as_bytes()).to_hex();
        let license = ["MIT", "Apache-2.0", "MIT OR Apache-2.0", "BSD-3-Clause"][random(4) as usize];
        let points = [json!([]), json!(["tool"]), json!(["tool", "lifecycle"])][random(3) as usize].clone();
        let capabilities = match random(2) {
            0 => json!({}),
            _ => json!({
                "network": { "hosts": [format!("api.plugin-{plugin}.example.com:443")], "reason": "fetches what it shows" },
                "storage": { "reason": format!("keeps what plugin {plugin} has seen") },
            }),
        };
        let mut needs = serde_json::Map::new();
        for _ in 0..random(6).min(plugin) {
            let other = random(plugin);
            needs
                .insert(format!("author-{}:plugin-{other}", other % 997), json!(format!("^1.{}", random(4))));
        }
        for patch in 0..=random(19) {
            if random(5) == 0 && plugin > 0 {
                let other = random(plugin);
                needs.insert(format!("author-{}:plugin-{other}", other % 997), json!("^1"));
            }
            let line = json!({
                "version": format!("1.{}.{patch}", patch / 4), "digest": Digest::of(format!("{name}{patch}").as_bytes()),
                "size_bytes": 10_000 + random(1_000_000), "sequence": lines.len() + 1,
                "published_at": "2026-11-21T12:00:00Z", "profile": "pluginry:reference", "profile_version": "^1.0",
                "extension_points": points, "capabilities": capabilities, "dependencies": needs,
                "risk": if capabilities == json!({}) { json!(null) } else { json!("medium") },
                "license": license, "signer": signer, "verification": "passed",
            });
            lines.push((name.clone(), serde_json::from_value(line).expect("a line of the index")));
        }
        plugin += 1;
    }
    lines
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Resident memory of this process on Linux; 0 elsewhere.
fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split_whitespace().nth(1).and_then(|text| text.parse::<usize>().ok()).unwrap_or(0);
    pages * 4096
}
