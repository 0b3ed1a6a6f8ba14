//! The resolver against two others: plain PubGrub on real and random graphs, and trying everything on small ones.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Once;

use pluginry::domain::{IndexRelease, PluginName, Requirement, Timestamp, Version};
use pluginry::resolver::{
    Circumstances, Index, Lock, LockedDependency, ResolveFailure, ResolveRequest, resolve,
};
use proptest::prelude::*;

use super::plain::{Graph, Plain};

static LEFT_OUT: Once = Once::new();

const NOW: Circumstances<'static> =
    Circumstances { profiles: &[], now: Timestamp::from_micros(0), should_stop: &|| false };

fn is_solved(answer: &Result<Lock, ResolveFailure>) -> bool {
    matches!(answer, Ok(_) | Err(ResolveFailure::Cycle { .. }))
}

/// The real graph beside the repository, or the excerpt in it.
fn real_graph() -> Graph {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let shared = std::env::var_os("PLUGINRY_SHARED").map_or(beside, PathBuf::from);
    let file = shared.join("data/crates-graph.jsonl.gz");
    if !file.exists() {
        LEFT_OUT.call_once(|| {
            let line = format!("{} is not here; the excerpt in tests/data stands in\n", file.display());
            // Past the capture of test output.
            std::io::stderr().write_all(line.as_bytes()).unwrap();
        });
        return Graph::from_json_lines(include_str!("../data/crates-graph-excerpt.jsonl"));
    }
    let mut text = String::new();
    flate2::read::GzDecoder::new(File::open(file).unwrap()).read_to_string(&mut text).unwrap();
    Graph::from_json_lines(&text)
}

fn graph_index(graph: &Graph) -> Index {
    let mut index = Index::default();
    for (name, line) in graph.index_lines() {
        index.apply(name, &line);
    }
    index
}

#[test]
fn on_real_graphs_plain_pubgrub_agrees_and_every_lock_holds() {
    let graph = real_graph();
    let snapshot = graph_index(&graph).snapshot();
    let mut plain = Plain::new(&graph);
    let roots = graph.sampled_roots();
    let step = (roots.len() / 300).max(1);

    for (number, place) in roots.into_iter().step_by(step) {
        let package = &graph.packages[number];
        let version = &package.releases[place].version;
        let roots = BTreeMap::from([(package.name.clone(), Requirement::exactly(version))]);
        let request = ResolveRequest { roots, ..ResolveRequest::default() };

        let answer = resolve(&snapshot, &request, &NOW);

        assert_eq!(is_solved(&answer), plain.is_solvable(number, place), "{} {version}", package.name);
        if let Ok(lock) = &answer {
            check_graph_lock(&graph, lock);
        }
    }
}

/// Every need of every release is met by the release the lock says, and two compatible versions never stand together.
fn check_graph_lock(graph: &Graph, lock: &Lock) {
    for release in &lock.releases {
        let package = graph.packages.iter().find(|package| package.name == release.name).unwrap();
        let known = package.releases.iter().find(|known| known.version == release.version).unwrap();
        for (number, requirement) in &known.needs {
            let name = &graph.packages[*number].name;
            let is_met = |known: &&LockedDependency| {
                known.release.plugin == *name
                    && known.requirement == *requirement
                    && requirement.matches(&known.release.version)
            };
            let met_by = release.dependencies.iter().find(is_met).expect("a need is met");
            let dependency = lock.release(&met_by.release).expect("a dependency is in the lock");
            assert!(dependency.load_level < release.load_level);
        }
    }
    check_lines(lock);
}

fn check_lines(lock: &Lock) {
    let mut seen = std::collections::BTreeSet::new();
    for release in &lock.releases {
        let version = release.version.as_semver();
        let line = match (version.major, version.minor) {
            (0, 0) => (0, 0, version.patch),
            (0, minor) => (0, minor, 0),
            (major, _) => (major, 0, 0),
        };
        assert!(seen.insert((&release.name, line)), "two compatible versions of {}", release.name);
    }
}

/// A small universe: per plugin, per version, what it needs, what it refuses and whether it stands in for `v:v`.
type Universe = BTreeMap<(usize, Version), SmallRelease>;

#[derive(Debug, Clone)]
struct SmallRelease {
    needs: BTreeMap<usize, Requirement>,
    conflicts: BTreeMap<usize, Requirement>,
    provides: Option<Version>,
    yanked: bool,
}

const PLUGINS: usize = 4;
/// The number of the virtual package in needs.
const VIRTUAL: usize = PLUGINS;
const VERSIONS: [&str; 3] = ["1.0.0", "1.1.0", "2.0.0"];

fn small_name(number: usize) -> PluginName {
    if number == VIRTUAL { "v:v".parse().unwrap() } else { format!("p:p{number}").parse().unwrap() }
}

fn any_requirement() -> impl Strategy<Value = Requirement> {
    proptest::sample::select(vec!["*", "^1.0", "^1.1", "=1.0.0", "^2.0", ">=1.1, <3.0", "<2.0", "^3.0"])
        .prop_map(|text| text.parse().unwrap())
}

fn any_universe(plain: bool) -> impl Strategy<Value = Universe> {
    let most_needed = if plain { PLUGINS } else { PLUGINS + 1 };
    let release = (
        proptest::collection::btree_map(0..most_needed, any_requirement(), 0..3),
        proptest::collection::btree_map(0..PLUGINS, any_requirement(), 0..2),
        proptest::option::weighted(0.2, proptest::sample::select(VERSIONS.to_vec())),
        proptest::bool::weighted(0.1),
    )
        .prop_map(move |(needs, conflicts, provides, yanked)| SmallRelease {
            needs,
            conflicts: if plain { BTreeMap::new() } else { conflicts },
            provides: if plain { None } else { provides.map(|text| text.parse().unwrap()) },
            yanked,
        });
    let key = (0..PLUGINS, proptest::sample::select(VERSIONS.to_vec()));
    proptest::collection::btree_map(
        key.prop_map(|(number, text)| (number, text.parse().unwrap())),
        release,
        3..11,
    )
    .prop_map(|mut universe| {
        for ((number, _), release) in &mut universe {
            release.needs.remove(number);
            release.conflicts.remove(number);
        }
        universe
    })
}

fn small_index(universe: &Universe) -> Index {
    let mut index = Index::default();
    for ((number, version), release) in universe {
        let line = serde_json::json!({
            "version": version, "digest": pluginry::domain::Digest::of(b"x"), "size_bytes": 1, "sequence": 1,
            "published_at": "2026-01-01T00:00:00Z", "profile": "h:h", "profile_version": "*",
            "dependencies": by_name(&release.needs), "conflicts": by_name(&release.conflicts),
            "provides": release.provides.iter().map(|version| ("v:v".to_owned(), version)).collect::<BTreeMap<_, _>>(),
            "license": "MIT", "signer": "k", "verification": "passed", "yanked": release.yanked,
        });
        let line: IndexRelease = serde_json::from_value(line).unwrap();
        index.apply(&small_name(*number), &line);
    }
    index
}

fn by_name(map: &BTreeMap<usize, Requirement>) -> BTreeMap<PluginName, &Requirement> {
    map.iter().map(|(number, requirement)| (small_name(*number), requirement)).collect()
}

/// A set of chosen releases.
type Chosen = Vec<(usize, Version)>;

fn is_met(universe: &Universe, chosen: &Chosen, wanted: usize, requirement: &Requirement) -> bool {
    chosen.iter().any(|(number, version)| {
        (*number == wanted && requirement.matches(version))
            || (wanted == VIRTUAL
                && universe[&(*number, version.clone())]
                    .provides
                    .as_ref()
                    .is_some_and(|provided| requirement.matches(provided)))
    })
}

/// Whether the chosen releases meet the roots and each other.
fn holds(universe: &Universe, chosen: &Chosen, roots: &BTreeMap<usize, Requirement>) -> bool {
    roots.iter().all(|(wanted, requirement)| is_met(universe, chosen, *wanted, requirement))
        && chosen.iter().all(|key| {
            let release = &universe[key];
            !release.yanked
                && release
                    .needs
                    .iter()
                    .all(|(wanted, requirement)| is_met(universe, chosen, *wanted, requirement))
                && !release.conflicts.iter().any(|(other, requirement)| {
                    chosen.iter().any(|(number, version)| number == other && requirement.matches(version))
                })
        })
}

/// Tries every set that holds at most one version of a line.
fn exists_by_trying(universe: &Universe, roots: &BTreeMap<usize, Requirement>) -> bool {
    let mut lines: BTreeMap<(usize, u64), Vec<Version>> = BTreeMap::new();
    for (number, version) in universe.keys() {
        lines.entry((*number, version.as_semver().major)).or_default().push(version.clone());
    }
    let lines: Vec<((usize, u64), Vec<Version>)> = lines.into_iter().collect();
    let mut chosen = Vec::new();
    any_choice(&lines, &mut chosen, &mut |chosen| holds(universe, chosen, roots))
}

fn any_choice(
    lines: &[((usize, u64), Vec<Version>)],
    chosen: &mut Chosen,
    test: &mut dyn FnMut(&Chosen) -> bool,
) -> bool {
    let Some((((number, _), versions), rest)) = lines.split_first() else { return test(chosen) };
    if any_choice(rest, chosen, test) {
        return true;
    }
    versions.iter().any(|version| {
        chosen.push((*number, version.clone()));
        let found = any_choice(rest, chosen, test);
        chosen.pop();
        found
    })
}

fn small_request(roots: &BTreeMap<usize, Requirement>) -> ResolveRequest {
    let roots =
        roots.iter().map(|(number, requirement)| (small_name(*number), requirement.clone())).collect();
    ResolveRequest { roots, ..ResolveRequest::default() }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn trying_everything_on_small_universes_agrees(
        universe in any_universe(false),
        roots in proptest::collection::btree_map(0..=VIRTUAL, any_requirement(), 1..3),
    ) {
        let answer = resolve(&small_index(&universe).snapshot(), &small_request(&roots), &NOW);

        prop_assert_eq!(is_solved(&answer), exists_by_trying(&universe, &roots), "{:?}", answer);
        if let Ok(lock) = &answer {
            let number = |name: &PluginName| (0..=VIRTUAL).find(|number| small_name(*number) == *name).unwrap();
            let chosen: Chosen = lock.releases.iter().map(|r| (number(&r.name), r.version.clone())).collect();
            prop_assert!(holds(&universe, &chosen, &roots), "{:?}", chosen);
            check_lines(lock);
        }
    }

    #[test]
    fn plain_pubgrub_on_small_universes_agrees(
        universe in any_universe(true),
        root in 0..PLUGINS,
    ) {
        let lines: String = universe
            .iter()
            .map(|((number, version), release)| {
                let needs: Vec<_> = release.needs.iter().map(|(n, r)| (format!("p{n}"), r.to_string())).collect();
                let line = serde_json::json!({
                    "name": format!("p{number}"), "version": version, "deps": needs, "yanked": release.yanked,
                });
                format!("{line}\n")
            })
            .collect();
        let graph = Graph::from_json_lines(&lines);
        let mut plain = Plain::new(&graph);
        let snapshot = graph_index(&graph).snapshot();
        let Some(number) = graph.packages.iter().position(|p| p.name.name() == format!("p{root}")) else {
            return Ok(());
        };

        for (place, release) in graph.packages[number].releases.iter().enumerate() {
            let name = graph.packages[number].name.clone();
            let roots = BTreeMap::from([(name, Requirement::exactly(&release.version))]);
            let answer = resolve(&snapshot, &ResolveRequest { roots, ..ResolveRequest::default() }, &NOW);

            prop_assert_eq!(is_solved(&answer), plain.is_solvable(number, place), "{:?}", answer);
        }
    }
}

#[test]
fn a_signal_to_stop_ends_the_work() {
    let universe: Universe = BTreeMap::from([(
        (0, Version::new(1, 0, 0)),
        SmallRelease { needs: BTreeMap::new(), conflicts: BTreeMap::new(), provides: None, yanked: false },
    )]);
    let roots = BTreeMap::from([(0, Requirement::any())]);

    let answer = resolve(
        &small_index(&universe).snapshot(),
        &small_request(&roots),
        &Circumstances { should_stop: &|| true, ..NOW },
    );

    assert_eq!(answer, Err(ResolveFailure::Deadline));
}

#[test]
fn a_request_with_too_many_roots_is_refused() {
    let roots =
        (0..1_001).map(|number| (format!("a:b{number}").parse().unwrap(), Requirement::any())).collect();

    let answer = resolve(&Index::default().snapshot(), &ResolveRequest { roots, ..Default::default() }, &NOW);

    assert_eq!(answer, Err(ResolveFailure::TooLarge { what: "roots", count: 1_001, most: 1_000 }));
}
