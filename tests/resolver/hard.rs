//! Graphs on which a resolver can lose itself: where the solvers finish they agree, where ours does not it says so.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

use pluginry::domain::{PluginName, Refusal as _, ReleaseId, Requirement, Timestamp, Version};
use pluginry::resolver::{Circumstances, ResolveFailure, ResolveRequest, resolve};

use super::checker::{Asked, faults};
use super::differential::{RULES, graph_index, noise, request_for, verdict};
use super::graph::{Graph, GraphBuilder, GraphLines};
use super::plain::{Lines, Plain, Verdict};
use super::plain_resolvo::Resolvo;
use super::universe::{Bytes, Universe, index_line, name};

/// Says stop when it has been asked this often.
fn patience(most: u32) -> impl Fn() -> bool {
    let asked = Cell::new(0);
    move || {
        asked.set(asked.get() + 1);
        asked.get() > most
    }
}

/// Solves `root 1.0.0` of a graph under both rules: all agree, none gives up, and a lock holds.
fn all_agree(graph: &Graph) -> [Verdict; 2] {
    let snapshot = graph_index(graph).snapshot();
    let package = graph.packages.iter().position(|package| package.name.name() == "root").unwrap() as u32;
    RULES.map(|rule| {
        let lines = Lines::new(graph, rule);
        let request = request_for(graph, rule, (package, 0));
        let stop = patience(20_000);
        let circumstances =
            Circumstances { profiles: &[], now: Timestamp::from_micros(1), should_stop: &stop };

        let answer = resolve(&snapshot, &request, &circumstances);

        let pubgrub = Plain::new(&lines).solve(package, 0, &patience(20_000));
        let resolvo = Resolvo::new(&lines).solve(package, 0, &patience(200_000));
        assert_eq!([pubgrub, resolvo], [verdict(&answer); 2], "{rule:?}");
        assert_ne!(pubgrub, Verdict::Unknown, "{rule:?}");
        if let Ok(lock) = &answer {
            let registry = GraphLines::new(graph);
            let asked = Asked {
                registry: &registry,
                request: &request,
                profiles: &[],
                now: Timestamp::from_micros(1),
            };
            assert_eq!(faults(lock, &asked), Vec::<String>::new(), "{rule:?}");
        }
        pubgrub
    })
}

/// Takes in releases of packages by number; needs are (package, requirement).
fn add(builder: &mut GraphBuilder, package: &str, version: &str, needs: &[(String, String)]) {
    builder.add(package, version, needs.iter().map(|(name, requirement)| (&**name, &**requirement)));
}

#[test]
fn a_chain_in_which_every_version_must_be_tried_has_an_end() {
    let mut builder = GraphBuilder::default();
    add(&mut builder, "root", "1.0.0", &[("p1".into(), "*".into())]);
    for package in 1..40 {
        for version in 1..60 {
            let next = (format!("p{}", package + 1), format!("=1.{version}.0"));
            add(&mut builder, &format!("p{package}"), &format!("1.{version}.0"), &[next]);
        }
    }

    assert_eq!(all_agree(&builder.finish()), [Verdict::Unsolvable; 2]);
}

#[test]
fn a_chain_whose_end_excludes_the_root_has_an_end() {
    let mut builder = GraphBuilder::default();
    let exactly = |package: &str, version: usize| (package.to_owned(), format!("=1.{version}.0"));
    add(&mut builder, "root", "1.0.0", &[("p1".into(), "*".into()), exactly("last", 0)]);
    for package in 1..30 {
        for version in 1..40 {
            let next = exactly(&format!("p{}", package + 1), version);
            add(&mut builder, &format!("p{package}"), &format!("1.{version}.0"), &[next]);
        }
    }
    for version in 0..40 {
        if version > 0 {
            add(&mut builder, "p30", &format!("1.{version}.0"), &[exactly("last", version)]);
        }
        add(&mut builder, "last", &format!("1.{version}.0"), &[]);
    }

    assert_eq!(all_agree(&builder.finish()), [Verdict::Unsolvable; 2]);
}

#[test]
fn ranges_that_shrink_from_package_to_package_have_an_end() {
    let mut builder = GraphBuilder::default();
    add(&mut builder, "root", "1.0.0", &[("p1".into(), "*".into())]);
    for package in 1..5 {
        for version in 1..60 {
            let next = (format!("p{}", package + 1), format!(">=1.{}.0", 60 - version));
            add(&mut builder, &format!("p{package}"), &format!("1.{version}.0"), &[next]);
        }
    }

    assert_eq!(all_agree(&builder.finish()), [Verdict::Unsolvable; 2]);
}

/// Each pigeon sits in one hole; a hole takes one pigeon.
fn pigeons(pigeons: usize, holes: usize) -> Graph {
    let mut builder = GraphBuilder::default();
    let all: Vec<_> = (0..pigeons).map(|pigeon| (format!("pigeon{pigeon}"), "*".to_owned())).collect();
    add(&mut builder, "root", "1.0.0", &all);
    for pigeon in 0..pigeons {
        for hole in 0..holes {
            let place = (format!("hole{hole}"), format!("=1.{pigeon}.0"));
            add(&mut builder, &format!("pigeon{pigeon}"), &format!("1.{hole}.0"), &[place]);
            add(&mut builder, &format!("hole{hole}"), &format!("1.{pigeon}.0"), &[]);
        }
    }
    builder.finish()
}

#[test]
fn pigeons_find_holes_exactly_when_there_are_enough() {
    assert_eq!(all_agree(&pigeons(6, 6)), [Verdict::Solvable; 2]);
    assert_eq!(all_agree(&pigeons(5, 4)), [Verdict::Unsolvable; 2]);
}

#[test]
fn more_pigeons_than_can_be_counted_end_with_the_refusal_that_names_the_time() {
    let graph = pigeons(12, 11);
    let root = graph.packages.iter().position(|package| package.name.name() == "root").unwrap() as u32;
    let stop = patience(20);
    let circumstances = Circumstances { profiles: &[], now: Timestamp::from_micros(1), should_stop: &stop };

    let answer =
        resolve(&graph_index(&graph).snapshot(), &request_for(&graph, RULES[0], (root, 0)), &circumstances);

    let failure = answer.unwrap_err();
    assert_eq!(failure, ResolveFailure::Deadline);
    assert_eq!(failure.code(), "resolve-deadline");
}

/// Each cell holds a digit, and each row, column and box takes each digit in one cell.
fn sudoku(given: &str) -> Graph {
    let mut builder = GraphBuilder::default();
    let cells: Vec<_> = given
        .bytes()
        .enumerate()
        .map(|(cell, digit)| {
            let requirement = if digit == b'.' { "*".to_owned() } else { format!("=1.{}.0", digit - b'0') };
            (format!("cell{cell}"), requirement)
        })
        .collect();
    add(&mut builder, "root", "1.0.0", &cells);
    for cell in 0..81 {
        let (row, column) = (cell / 9, cell % 9);
        let places = [("row", row), ("column", column), ("box", row / 3 * 3 + column / 3)];
        for digit in 1..=9 {
            let needs =
                places.map(|(kind, number)| (format!("{kind}{number}takes{digit}"), format!("=1.{cell}.0")));
            add(&mut builder, &format!("cell{cell}"), &format!("1.{digit}.0"), &needs);
            for (taken, _) in needs {
                add(&mut builder, &taken, &format!("1.{cell}.0"), &[]);
            }
        }
    }
    builder.finish()
}

#[test]
fn sudokus_are_solved_and_a_false_one_is_refused() {
    let sound = "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79";
    let false_one = format!("55{}", &sound[2..]);

    assert_eq!(all_agree(&sudoku(sound)), [Verdict::Solvable; 2]);
    assert_eq!(all_agree(&sudoku(&false_one)), [Verdict::Unsolvable; 2]);
}

/// Random clauses of three literals; `1.1.0` of a variable is true, `1.0.0` is false.
fn clauses(seed: u64, variables: usize, count: usize) -> Graph {
    let noise = noise(seed, count * 6);
    let mut bytes = Bytes(&noise);
    let mut builder = GraphBuilder::default();
    let all: Vec<_> = (0..count).map(|clause| (format!("clause{clause}"), "*".to_owned())).collect();
    add(&mut builder, "root", "1.0.0", &all);
    for variable in 0..variables {
        add(&mut builder, &format!("variable{variable}"), "1.0.0", &[]);
        add(&mut builder, &format!("variable{variable}"), "1.1.0", &[]);
    }
    for clause in 0..count {
        for literal in 0..3 {
            let need = (format!("variable{}", bytes.below(variables)), format!("=1.{}.0", bytes.below(2)));
            add(&mut builder, &format!("clause{clause}"), &format!("1.{literal}.0"), &[need]);
        }
    }
    builder.finish()
}

#[test]
fn random_clauses_are_satisfied_by_all_three_or_by_none() {
    let verdicts: Vec<Verdict> = (0..24).map(|seed| all_agree(&clauses(seed, 12, 52))[0]).collect();

    assert!(verdicts.contains(&Verdict::Solvable) && verdicts.contains(&Verdict::Unsolvable), "{verdicts:?}");
}

#[test]
fn the_one_major_of_many_that_fits_is_found() {
    let mut builder = GraphBuilder::default();
    add(&mut builder, "root", "1.0.0", &[("many".into(), "*".into()), ("also".into(), ">=1".into())]);
    for major in 1..300 {
        let gone = ("gone".to_owned(), "^1".to_owned());
        let needs = if major == 3 { vec![("also".into(), "<250".into())] } else { vec![gone] };
        add(&mut builder, "many", &format!("{major}.0.0"), &needs);
        add(&mut builder, "also", &format!("{major}.0.0"), &[]);
    }

    assert_eq!(all_agree(&builder.finish()), [Verdict::Solvable; 2]);
}

/// Layers of packages of many versions, whose needs lead downwards.
#[test]
fn a_large_random_graph_is_solved_alike() {
    for seed in 0..6 {
        let noise = noise(seed, 60_000);
        let mut bytes = Bytes(&noise);
        let mut builder = GraphBuilder::default();
        let all: Vec<_> = (0..8).map(|number| (format!("p0x{number}"), "*".to_owned())).collect();
        add(&mut builder, "root", "1.0.0", &all);
        for layer in 0..8 {
            for number in 0..8 {
                for version in 0..24 {
                    let needs: Vec<_> = (0..bytes.below(4))
                        .map(|_| {
                            let (low, width) = (bytes.below(24), 1 + bytes.below(6));
                            let package = format!("p{}x{}", layer + 1, bytes.below(8));
                            (package, format!(">=1.{low}.0, <1.{}.0", low + width))
                        })
                        .collect();
                    let needs = if layer == 7 { Vec::new() } else { needs };
                    add(&mut builder, &format!("p{layer}x{number}"), &format!("1.{version}.0"), &needs);
                }
            }
        }
        all_agree(&builder.finish());
    }
}

fn universe(releases: impl IntoIterator<Item = (ReleaseId, pluginry::domain::IndexRelease)>) -> Universe {
    let releases = releases.into_iter().map(|(id, line)| (id, Rc::new(line))).collect();
    Universe { releases, profiles: Vec::new() }
}

fn release(plugin: &str, version: Version) -> (ReleaseId, pluginry::domain::IndexRelease) {
    let id = ReleaseId::new(name(plugin), version);
    let line = index_line(&id, 1);
    (id, line)
}

fn request(roots: &[(&str, &str)]) -> ResolveRequest {
    let roots: BTreeMap<PluginName, Requirement> =
        roots.iter().map(|(plugin, requirement)| (name(plugin), requirement.parse().unwrap())).collect();
    ResolveRequest { roots, ..ResolveRequest::default() }
}

#[test]
fn the_one_of_five_hundred_stand_ins_that_can_be_loaded_is_found() {
    let stand_ins = (0..500).map(|number| {
        let (id, mut line) = release(&format!("stand:in{number}"), Version::new(1, 0, 0));
        line.provides = [(name("face:draw"), Version::new(1, 0, 0))].into();
        if number != 77 {
            line.dependencies = serde_json::from_str(r#"{"is:missing":"^1"}"#).unwrap();
        }
        (id, line)
    });
    let universe = universe(stand_ins);
    let request = request(&[("face:draw", "^1")]);

    let lock = universe.resolve(&request).unwrap();

    assert_eq!(lock.releases.len(), 1);
    assert_eq!(lock.releases[0].name, name("stand:in77"));
    assert_eq!(faults(&lock, &universe.asked(&request)), Vec::<String>::new());
}

#[test]
fn a_conflict_with_thousands_of_versions_leaves_the_ones_it_does_not_name() {
    let many = (0..3_000).map(|patch| release("many:versions", Version::new(1, 0, patch)));
    let (id, mut line) = release("picky:plugin", Version::new(1, 0, 0));
    line.conflicts = serde_json::from_str(r#"{"many:versions":">=1.0.5"}"#).unwrap();
    let universe = universe(many.chain([(id, line)]));
    let request = request(&[("many:versions", "*"), ("picky:plugin", "*")]);

    let lock = universe.resolve(&request).unwrap();

    assert!(lock.releases.iter().any(|locked| locked.version == Version::new(1, 0, 4)));
    assert_eq!(faults(&lock, &universe.asked(&request)), Vec::<String>::new());
}

#[test]
fn a_signal_to_stop_ends_the_work() {
    let universe = universe([release("a:a", Version::new(1, 0, 0))]);
    let circumstances =
        Circumstances { profiles: &[], now: Timestamp::from_micros(0), should_stop: &|| true };

    let answer = resolve(&universe.index().snapshot(), &request(&[("a:a", "*")]), &circumstances);

    assert_eq!(answer, Err(ResolveFailure::Deadline));
}

#[test]
fn a_request_with_too_many_roots_is_refused() {
    let roots: BTreeMap<PluginName, Requirement> =
        (0..1_001).map(|number| (name(&format!("a:b{number}")), Requirement::any())).collect();

    let answer = Universe::default().resolve(&ResolveRequest { roots, ..ResolveRequest::default() });

    assert_eq!(answer, Err(ResolveFailure::TooLarge { what: "roots", count: 1_001, most: 1_000 }));
}
