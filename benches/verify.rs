//! How long a host takes to check a release by its bundle, beside hashing and validating the package alone.
//!
//! `cargo bench --no-default-features --bench verify`. All run in turn over the same bytes in one process; the best of
//! the rounds is shown.
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

mod generated;
mod honest;

use std::hint::black_box;
use std::time::{Duration, Instant};

use honest::{AT, HonestRelease};
use pluginry::domain::{Digest, Grants};
use pluginry::trust::{Bundle, Check, Demands, check_log, check_package};
use pluginry::wasm::PackageLimits;
use wasmparser::Validator;

const ROUNDS: usize = 15;

fn main() {
    println!(
        "| package | log entries | bundle, KB | SHA-256 of it, ms | validating it, ms | reading the bundle, ms | its log alone, ms | all seven steps, ms | without hashing, ms |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for functions in [1, 3_500] {
        let module = generated::module(functions);
        for log_size in [1_000, 1_000_000] {
            measure(&honest::release_of(&module, log_size), log_size);
        }
    }
    println!("\n| entry of the log | bytes |\n|---|---|");
    for statement in honest::release_of(&generated::module(1), 4).statements {
        println!("| {} | {} |", statement.kind(), statement.to_bytes().expect("a small statement").len());
    }
}

fn measure(release: &HonestRelease, log_size: u64) {
    let HonestRelease { package, bundle, trust, recalls, .. } = release;
    let id = bundle.release_id();
    let (demands, grants, limits) = (Demands::default(), Grants::default(), PackageLimits::default());
    let check = Check {
        release: &id,
        trust,
        known_log: None,
        recalls: Some(recalls),
        pinned: None,
        authors: None,
        demands: &demands,
        grants: Some(&grants),
        host: None,
        profiles: &[],
        believe_bundle_profile: false,
        limits: &limits,
        now: AT,
    };
    let json = bundle.to_json();
    let hashing = best(|| {
        black_box(Digest::of(black_box(package)));
    });
    let validating = best(|| drop(black_box(Validator::new().validate_all(package).expect("valid"))));
    let reading = best(|| drop(black_box(Bundle::from_json(black_box(&json)).expect("a bundle"))));
    let log = best(|| drop(black_box(check_log(black_box(bundle), &check).expect("an honest log"))));
    let all = best(|| {
        drop(black_box(check_package(black_box(package), bundle, &check).expect("an honest release")))
    });
    println!(
        "| {} KB | {log_size} | {:.1} | {:.3} | {:.3} | {:.3} | {:.3} | {:.3} | {:.3} |",
        package.len() / 1000,
        json.len() as f64 / 1000.0,
        millis(hashing),
        millis(validating),
        millis(reading),
        millis(log),
        millis(all),
        millis(all.saturating_sub(hashing)),
    );
}

/// The round that others on the machine disturbed least.
fn best(mut work: impl FnMut()) -> Duration {
    let time = |_| {
        let start = Instant::now();
        work();
        start.elapsed()
    };
    (0..ROUNDS).map(time).min().unwrap_or_default()
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
