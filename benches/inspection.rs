//! How fast untrusted bytes are read, bounded and validated, beside plain wasmparser validation.
//!
//! `cargo bench --no-default-features --bench inspection -- [FILE.wasm …]`. Both run in turn over the same
//! bytes in one process, so the ratio holds on a busy machine; the best of the rounds is shown.
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

mod generated;

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use pluginry::domain::Manifest;
use pluginry::wasm::{
    PackFiles, PackageLimits, PreflightLimits, built_in_profile, inspect, pack, preflight, read_package,
};
use wasmparser::{Parser, Validator};

const ROUNDS: usize = 15;
const MANIFEST: &str = "[plugin]\nname = \"bench:sample\"\nversion = \"1.0.0\"\ndescription = \"A sample\"\n\
     license = \"MIT\"\n[host]\nprofile = \"pluginry:reference\"\nversion = \"^1.0\"\n";

fn main() {
    let mut inputs = vec![("generated module".to_owned(), generated::module(12_000))];
    for argument in std::env::args().skip(1).filter(|argument| !argument.starts_with('-')) {
        let bytes = std::fs::read(&argument).expect("the file can be read");
        let name = Path::new(&argument).file_name().unwrap_or_default().to_string_lossy();
        inputs.push((name.into_owned(), bytes));
    }
    println!(
        "{:<34} {:>8} {:>9} {:>16} {:>6} {:>14} {:>6}",
        "file, MB/s", "MB", "validate", "read, preflight", "ratio", "read, inspect", "ratio"
    );
    for (name, module) in inputs {
        measure(&name, &module);
    }
}

fn measure(name: &str, module: &[u8]) {
    let manifest = Manifest::from_toml(MANIFEST).expect("the manifest is valid");
    let package = match pack(module, &manifest, &PackFiles::default()) {
        Ok(package) => package,
        Err(error) => return println!("{name:<34} cannot be packed: {error}"),
    };
    let limits = PreflightLimits::with_memory_mib(4_096);
    if let Err(error) = preflight(&package, &limits) {
        return println!("{name:<34} is refused: {error}");
    }
    let profile = if Parser::is_component(&package) { "pluginry:reference" } else { "extism:pdk" };
    let profile = built_in_profile(profile).expect("a built-in profile");
    let (mut validating, mut bounding, mut inspecting) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        validating.push(time(|| {
            black_box(Validator::new().validate_all(black_box(&package)).expect("valid"));
        }));
        bounding.push(time(|| {
            black_box(read_package(black_box(&package), &PackageLimits::default()).expect("a package"));
            black_box(preflight(black_box(&package), &limits).expect("within the caps"));
        }));
        inspecting.push(time(|| {
            let read = read_package(black_box(&package), &PackageLimits::default()).expect("a package");
            black_box(inspect(&read, profile));
        }));
    }
    let megabytes = package.len() as f64 / 1e6;
    let [validate, bound, inspected] =
        [validating, bounding, inspecting].map(|times| megabytes / best(&times).as_secs_f64());
    println!(
        "{name:<34} {megabytes:>8.2} {validate:>9.0} {bound:>16.0} {:>6.2} {inspected:>14.0} {:>6.2}",
        bound / validate,
        inspected / validate,
    );
}

fn time(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

/// The round that others on the machine disturbed least.
fn best(times: &[Duration]) -> Duration {
    times.iter().min().copied().unwrap_or_default()
}
