//! Fills the data directory of a registry that does not run with the releases of a dependency graph.
//!
//! `fill_registry DATA FILE [COUNT]`: FILE as for `resolve_graph`; COUNT: so many releases of it.
//! A few hostile graphs come beside. There are no packages behind the releases: nothing can be downloaded.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark stops at the first surprise and prints"
)]

use std::time::Instant;

use pluginry::config::Configuration;
use pluginry::registry::Registry;

#[path = "../tests/resolver/checker.rs"]
#[expect(dead_code, reason = "the graph needs its traits alone")]
mod checker;
#[path = "../tests/resolver/graph.rs"]
#[expect(dead_code, reason = "only the graph is needed here")]
mod graph;
#[path = "../tests/resolver/hostile.rs"]
#[expect(dead_code, reason = "a few of its graphs are enough")]
mod hostile;
#[path = "../tests/all/harness/rows.rs"]
#[expect(unreachable_pub, reason = "it is a module of the tests")]
mod rows;
mod subset;
use subset::first_releases;

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let (Some(data), Some(file)) = (arguments.next(), arguments.next()) else {
        panic!("usage: fill_registry DATA FILE [COUNT]");
    };
    let count = arguments.next().map_or(usize::MAX, |count| count.parse().unwrap());
    let universe = graph::Graph::read(std::fs::File::open(&file).unwrap()).unwrap();

    let start = Instant::now();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let configuration = Configuration { data: data.into(), ..Configuration::default() };
    let registry = Registry::open(configuration).await.unwrap();
    let lines = universe.index_lines().map(|(name, line)| (name.clone(), line)).collect();
    let lines = first_releases(lines, count);
    let lines = lines.iter().map(|(name, line)| (name, line));
    let written = rows::write_releases(registry.database(), lines).await;
    for hostile in [hostile::pigeonhole(14), hostile::satisfiability(160, 685), hostile::ladder(100, 24)] {
        let lines = hostile.lines.iter().map(|(name, line)| (name, line));
        rows::write_releases(registry.database(), lines).await;
    }
    registry.close().await;
    println!("{written} releases in {:.1} s", start.elapsed().as_secs_f64());
}
