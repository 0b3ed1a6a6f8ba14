//! What hostile graphs cost: each is resolved in a process of its own under the deadline of the server.
//!
//! `cargo run --release --example hostile_graphs [NAME]` prints a table of outcome, time, lateness and memory.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark stops at the first surprise and prints"
)]

use std::process::Command;
use std::time::Duration;

use pluginry::domain::{Refusal, Timestamp};
use pluginry::resolver::{Circumstances, Index, resolve};

#[path = "../tests/resolver/hostile.rs"]
#[expect(dead_code, reason = "what the tests use besides")]
mod hostile;

const DEADLINE: Duration = Duration::from_millis(1_800);

fn main() {
    if let Some(place) = std::env::args().nth(1) {
        // As much stack as the server's threads have.
        let look = move || look_at(place.parse().unwrap());
        return std::thread::Builder::new().stack_size(2 << 20).spawn(look).unwrap().join().unwrap();
    }
    println!(
        "| graph | releases | outcome | ms | looks | longest without a look, ms | index, ms | index, MiB | solve, MiB | answer, KB |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for place in 0..hostile::HOSTILE_GRAPHS.len() {
        let own = std::env::current_exe().unwrap();
        let output = Command::new(own).arg(place.to_string()).output().unwrap();
        match output.status.success() {
            true => print!("{}", String::from_utf8(output.stdout).unwrap()),
            false => println!("| {place} | {} {}", output.status, String::from_utf8_lossy(&output.stderr)),
        }
    }
}

fn look_at(place: usize) {
    let graph = hostile::HOSTILE_GRAPHS[place]();
    let before_index = memory("VmRSS");
    let start = cpu_time();
    let mut index = Index::default();
    for (name, line) in &graph.lines {
        index.apply(name, line);
    }
    let snapshot = index.snapshot();
    let index_time = cpu_time() - start;
    let before = memory("VmRSS");

    let (looks, last, longest) =
        (std::cell::Cell::new(0_u64), std::cell::Cell::new(cpu_time()), std::cell::Cell::new(Duration::ZERO));
    let start = cpu_time();
    let should_stop = || {
        let now = cpu_time();
        looks.set(looks.get() + 1);
        longest.set(longest.get().max(now - last.replace(now)));
        now - start >= DEADLINE
    };
    let circumstances =
        Circumstances { profiles: &[], now: Timestamp::from_micros(0), should_stop: &should_stop };
    let answer = resolve(&snapshot, &graph.request(), &circumstances);
    let took = cpu_time() - start;
    let since_last_look = cpu_time() - last.get();
    let (outcome, bytes) = match &answer {
        Ok(lock) => (format!("lock of {}", lock.releases.len()), serde_json::to_vec(lock).unwrap().len()),
        Err(failure) => {
            let derivation = failure.derivation().map_or(0, |value| value.to_string().len());
            (failure.code().to_owned(), failure.to_string().len() + derivation)
        }
    };
    drop(answer);
    println!(
        "| {} | {} | {outcome} | {:.0} | {} | {:.0} | {:.0} | {:.0} | {:.0} | {:.0} |",
        graph.name,
        graph.lines.len(),
        took.as_secs_f64() * 1e3,
        looks.get(),
        longest.get().max(since_last_look).as_secs_f64() * 1e3,
        index_time.as_secs_f64() * 1e3,
        mib(before.saturating_sub(before_index)),
        mib(memory("VmHWM").saturating_sub(before)),
        bytes as f64 / 1e3,
    );
}

fn mib(kibibytes: usize) -> f64 {
    kibibytes as f64 / 1024.0
}

/// A line of `/proc/self/status`, in KiB.
fn memory(line: &str) -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let found = status.lines().find_map(|text| text.strip_prefix(line)?.strip_prefix(':'));
    found.and_then(|text| text.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

/// The time this thread has worked, whatever else the machine does.
fn cpu_time() -> Duration {
    let status = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(status.split_whitespace().next().unwrap().parse().unwrap())
}
