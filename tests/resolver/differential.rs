//! The resolver beside plain PubGrub and `resolvo`: all three must agree on what can be solved, and every lock must hold.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Once;

use pluginry::domain::{PluginName, Requirement, Timestamp};
use pluginry::resolver::{
    Circumstances, Index, IndexSnapshot, Lock, ResolveFailure, ResolveRequest, resolve,
};

use super::checker::{Asked, faults};
use super::graph::{Graph, GraphBuilder, GraphLines};
use super::plain::{Lines, Plain, Rule, Verdict};
use super::plain_resolvo::Resolvo;
use super::universe::Bytes;

pub(crate) const RULES: [Rule; 2] = [Rule::OnePerMajor, Rule::OnePerName];
/// Where every release of a graph is old enough.
const NOW: Timestamp = Timestamp::from_micros(i64::MAX);

static LEFT_OUT: Once = Once::new();

/// The real graph beside the repository, or the excerpt in it.
fn real_graph() -> Graph {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let shared = std::env::var_os("PLUGINRY_SHARED").map_or(beside, PathBuf::from);
    let file = shared.join("data/crates-graph.jsonl.gz");
    if file.exists() {
        return Graph::read(File::open(file).unwrap()).unwrap();
    }
    LEFT_OUT.call_once(|| {
        let line = format!("{} is not here; the excerpt in tests/data stands in\n", file.display());
        // Past the capture of test output.
        std::io::stderr().write_all(line.as_bytes()).unwrap();
    });
    excerpt()
}

/// The part of the real graph that is in the repository.
pub(crate) fn excerpt() -> Graph {
    Graph::read(&include_bytes!("../data/crates-graph-excerpt.jsonl")[..]).unwrap()
}

pub(crate) fn graph_index(graph: &Graph) -> Index {
    let mut index = Index::default();
    for (name, line) in graph.index_lines() {
        index.apply(name, &line);
    }
    index
}

/// Every release that may be chosen, as a root.
pub(crate) fn every_root(graph: &Graph) -> Vec<(u32, u32)> {
    let places = |(number, package): (u32, &super::graph::GraphPackage)| {
        let releases = (0_u32..).zip(&package.releases).filter(|(_, release)| release.is_candidate());
        releases.map(|(place, _)| (number, place)).collect::<Vec<_>>()
    };
    (0..).zip(&graph.packages).flat_map(places).collect()
}

/// The request for exactly this release.
pub(crate) fn request_for(graph: &Graph, rule: Rule, (package, release): (u32, u32)) -> ResolveRequest {
    let package = &graph.packages[package as usize];
    let roots: BTreeMap<PluginName, Requirement> =
        [(package.name.clone(), Requirement::exactly(&package.releases[release as usize].version))].into();
    let mut request = ResolveRequest { roots, ..ResolveRequest::default() };
    request.policy.one_version_per_plugin = rule == Rule::OnePerName;
    request
}

/// Releases that need each other in a circle are refused, though there is a solution.
pub(crate) fn verdict(answer: &Result<Lock, ResolveFailure>) -> Verdict {
    match answer {
        Ok(_) | Err(ResolveFailure::Cycle { .. }) => Verdict::Solvable,
        Err(ResolveFailure::Deadline) => Verdict::Unknown,
        Err(_) => Verdict::Unsolvable,
    }
}

/// What came of comparing.
#[derive(Debug, Default)]
pub(crate) struct Compared {
    pub(crate) problems: usize,
    pub(crate) unsolvable: usize,
    pub(crate) locks: usize,
    pub(crate) wrong: Vec<String>,
}

/// Solves each root three times and checks every lock, on two threads.
pub(crate) fn compare(graph: &Graph, rule: Rule, snapshot: &IndexSnapshot, roots: &[(u32, u32)]) -> Compared {
    let lines = Lines::new(graph, rule);
    let (pubgrub, resolvo) = (Plain::new(&lines), Resolvo::new(&lines));
    let part = |first: usize| {
        let registry = GraphLines::new(graph);
        let mut compared = Compared::default();
        for root in roots.iter().copied().skip(first).step_by(2) {
            let request = request_for(graph, rule, root);
            let circumstances = Circumstances { profiles: &[], now: NOW, should_stop: &|| false };
            let answer = resolve(snapshot, &request, &circumstances);

            let verdicts = [
                verdict(&answer),
                pubgrub.solve(root.0, root.1, &|| false),
                resolvo.solve(root.0, root.1, &|| false),
            ];
            compared.problems += 1;
            compared.unsolvable += usize::from(verdicts[0] == Verdict::Unsolvable);
            if verdicts.iter().any(|verdict| *verdict != verdicts[0]) {
                compared.wrong.push(format!("{:?}: pluginry, pubgrub, resolvo: {verdicts:?}", request.roots));
            }
            if let Ok(lock) = &answer {
                compared.locks += 1;
                let found =
                    faults(lock, &Asked { registry: &registry, request: &request, profiles: &[], now: NOW });
                compared.wrong.extend(found.into_iter().map(|fault| format!("{:?}: {fault}", request.roots)));
            }
        }
        compared
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(|| part(1));
        let mut all = part(0);
        let other = other.join().unwrap();
        all.problems += other.problems;
        all.unsolvable += other.unsolvable;
        all.locks += other.locks;
        all.wrong.extend(other.wrong);
        all
    })
}

#[test]
fn on_the_real_graph_all_three_agree_and_every_lock_holds() {
    let graph = real_graph();
    let snapshot = graph_index(&graph).snapshot();
    let mut roots = graph.sampled_roots();
    if roots.len() < 5_000 {
        roots = every_root(&graph);
    }
    let kept = 5_100.min(roots.len());
    let roots: Vec<(u32, u32)> = (0..kept).map(|place| roots[place * roots.len() / kept]).collect();

    let compared = RULES.map(|rule| compare(&graph, rule, &snapshot, &roots));

    for compared in &compared {
        assert!(compared.wrong.is_empty(), "{:#?}", compared.wrong);
        assert!(compared.locks > compared.problems / 2, "only {} locks", compared.locks);
    }
}

#[test]
fn on_random_graphs_all_three_agree_and_every_lock_holds() {
    let (mut problems, mut unsolvable) = (0, 0);

    for seed in 0..40 {
        let graph = random_graph(seed);
        let snapshot = graph_index(&graph).snapshot();
        let roots = every_root(&graph);
        for rule in RULES {
            let compared = compare(&graph, rule, &snapshot, &roots);
            assert!(compared.wrong.is_empty(), "seed {seed}: {:#?}", compared.wrong);
            problems += compared.problems;
            unsolvable += compared.unsolvable;
        }
    }

    assert!(problems >= 10_000, "only {problems} problems");
    assert!(unsolvable * 10 > problems, "only {unsolvable} of {problems} are unsolvable");
    assert!(unsolvable * 10 < problems * 9, "{unsolvable} of {problems} are unsolvable");
}

/// Thirty packages of some versions each, whose needs are narrow enough to clash.
pub(crate) fn random_graph(seed: u64) -> Graph {
    const VERSIONS: [&str; 9] =
        ["0.1.0", "0.1.1", "0.2.0", "1.0.0", "1.1.0", "1.2.0", "2.0.0", "2.1.0-rc.1", "2.1.0"];
    const REQUIREMENTS: [&str; 10] =
        ["*", "^1", "^1.1", "^2.0", "=1.0.0", ">=0.2, <2.0", "~0.1", "<=1.1", "^0.2", ">=1.2"];
    let noise = noise(seed, 30_000);
    let mut bytes = Bytes(&noise);
    let mut builder = GraphBuilder::default();
    let names: Vec<String> = (0..30).map(|number| format!("crate_{number}")).collect();
    for (number, name) in names.iter().enumerate() {
        for version in VERSIONS {
            if bytes.below(3) == 0 {
                continue;
            }
            let needs: Vec<(&str, &str)> = (0..bytes.below(5))
                .map(|_| (&*names[bytes.below(names.len())], REQUIREMENTS[bytes.below(REQUIREMENTS.len())]))
                .filter(|(needed, _)| *needed != names[number] || number % 7 == 0)
                .collect();
            builder.add(name, version, needs).yanked = bytes.below(12) == 0;
        }
    }
    builder.finish()
}

/// Bytes that look like chance and are the same every time.
pub(crate) fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..length).map(|_| next()).collect()
}

#[test]
fn whatever_a_graph_holds_is_read_or_counted() {
    let long = "x".repeat(5_000);
    let text = format!(
        r#"{{"name":"Core_Foundation","version":"1.0.0","deps":[["core-foundation","^1"],["@scope/x","*"],["ünï.code+","^1"],["{long}",">=0"]]}}
{{"name":"core-foundation","version":"1.0.0","deps":[["Core_Foundation","^1"]],"published":"2020-01-01T00:00:00Z"}}
{{"name":"core-foundation","version":"1.0.0","deps":[]}}
{{"name":"core-foundation","version":"1.0.1+build","deps":[]}}
{{"name":"core-foundation","version":"latest","deps":[],"yanked":true}}
{{"name":"@scope/x","version":"1.0.0","deps":[["@scope/x","^1"],["gone","^1"],["@scope/x","^2"]],"published":"yesterday"}}
{{"name":"ünï.code+","version":"1.0.0","deps":[["@scope/x","workspace:*"],["@scope/x"],7,["@scope/x","^1","more"]],"yanked":null}}
{{"name":"{long}","version":"0.0.1-rc.1"}}
{{"name":"{long}","version":"18446744073709551615.0.0","deps":[["{long}","<18446744073709551615.0.0"]]}}

not json
{{"name":7,"version":"1.0.0"}}
"#
    );
    let mut bytes = text.into_bytes();
    bytes.extend(b"\xff\xfe\n");

    let graph = Graph::read(&*bytes).unwrap();
    let snapshot = graph_index(&graph).snapshot();

    insta::assert_snapshot!(graph.left_out.to_string(), @"3 lines that cannot be read, 2 releases whose version is none (build metadata included), 1 releases told again (the first counts), 3 needs whose requirement is none, 1 further needs of one package (the first counts), 1 times of publishing that are none");
    assert_eq!((graph.outward_edges, graph.packages.len(), snapshot.size().releases), (1, 6, 6));
    for rule in RULES {
        let compared = compare(&graph, rule, &snapshot, &every_root(&graph));
        assert!(compared.wrong.is_empty(), "{:#?}", compared.wrong);
    }
}

#[test]
fn a_graph_of_nothing_is_a_graph() {
    let graph = Graph::read(&b""[..]).unwrap();

    assert_eq!(graph_index(&graph).snapshot().size().releases, 0);
    assert!(every_root(&graph).is_empty() && graph.sampled_roots().is_empty());
}
