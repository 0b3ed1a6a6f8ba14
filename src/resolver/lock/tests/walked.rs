//! Trees and reasons.

use std::fmt::Write as _;

use super::{Chains, Lock, TreeLine, TreeView, lock, name, release, sample};

fn drawn(lines: &[TreeLine]) -> String {
    let mut text = String::new();
    for line in lines {
        let via = line.requirement.as_ref().map(|wanted| format!(" ({wanted})")).unwrap_or_default();
        let provides = line.provides.as_ref().map(|wanted| format!(" for {wanted}")).unwrap_or_default();
        let roots: String = line.roots.iter().map(|wanted| format!(" asked for {wanted}")).collect();
        let last = if line.is_last { "`" } else { "|" };
        let star = if line.is_repeat { " (*)" } else { "" };
        let indent = "  ".repeat(line.depth);
        writeln!(text, "{indent}{last} {}{via}{provides}{roots}{star}", line.release).unwrap();
    }
    text
}

fn told(chains: &Chains) -> String {
    let mut text = String::new();
    for chain in &chains.chains {
        let links: Vec<String> =
            chain.0.iter().map(|link| format!("({}) {}", link.requirement, link.release)).collect();
        writeln!(text, "{}", links.join(" -> ")).unwrap();
    }
    for asker in &chains.asked_by {
        let who = asker.release.as_ref().map_or("request".to_owned(), ToString::to_string);
        writeln!(text, "{who} asks for {}", asker.link.requirement).unwrap();
    }
    text
}

/// A diamond on a diamond: two ways to the middle, four to the bottom.
fn diamonds() -> Lock {
    lock(
        &[("a:top", "^1"), ("a:left", "^1.0")],
        vec![
            release("a:bottom@1.0.0", 0, &[], "{}"),
            release("a:even@1.0.0", 1, &["a:bottom ^1 -> a:bottom@1.0.0"], "{}"),
            release("a:odd@1.0.0", 1, &["a:bottom =1.0.0 -> a:bottom@1.0.0"], "{}"),
            release("a:middle@1.0.0", 2, &["a:even ^1 -> a:even@1.0.0", "a:odd ^1 -> a:odd@1.0.0"], "{}"),
            release("a:left@1.0.0", 3, &["a:middle ^1 -> a:middle@1.0.0"], "{}"),
            release("a:right@1.0.0", 3, &["a:middle >=1 -> a:middle@1.0.0"], "{}"),
            release("a:top@1.0.0", 4, &["a:left ^1 -> a:left@1.0.0", "a:right ^1 -> a:right@1.0.0"], "{}"),
        ],
    )
}

#[test]
fn a_tree_unfolds_each_release_once() {
    insta::assert_snapshot!(drawn(&diamonds().tree(&TreeView::default())));
}

#[test]
fn a_tree_names_stand_ins() {
    insta::assert_snapshot!(drawn(&sample().tree(&TreeView::default())));
}

#[test]
fn a_tree_can_be_cut_and_turned_upside_down() {
    let lock = diamonds();

    let cut = lock.tree(&TreeView { depth: Some(1), ..TreeView::default() });
    let inverted = lock.tree(&TreeView { invert: Some(name("a:odd")), ..TreeView::default() });

    insta::assert_snapshot!(drawn(&cut));
    insta::assert_snapshot!(drawn(&inverted));
}

#[test]
fn every_shortest_way_from_every_root_is_told_with_its_requirements() {
    insta::assert_snapshot!(told(&diamonds().why(&name("a:bottom")).unwrap()));
}

#[test]
fn a_stand_in_is_there_for_what_it_stands_in_for() {
    let lock = sample();

    let chains = lock.why(&name("text:renderer")).unwrap();

    insta::assert_snapshot!(told(&chains));
    assert_eq!(lock.why(&name("acme:unknown")), None);
}

/// Every layer of two doubles the ways.
#[test]
fn ways_beyond_counting_are_counted() {
    let layers = 70_u32;
    let id = |layer: u32, side: &str| format!("a:l{layer:02}{side}@1.0.0");
    let releases = (0..layers).flat_map(|layer| {
        let needs: Vec<String> = ["a", "b"]
            .iter()
            .filter(|_| layer > 0)
            .map(|side| format!("a:l{:02}{side} ^1 -> {}", layer - 1, id(layer - 1, side)))
            .collect();
        let needs: Vec<&str> = needs.iter().map(String::as_str).collect();
        ["a", "b"].map(|side| release(&id(layer, side), layer, &needs, "{}"))
    });
    let lock = lock(&[("a:l69a", "^1")], releases.collect());

    let chains = lock.why(&name("a:l00a")).unwrap();

    assert_eq!((chains.chains.len(), chains.more), (20, u64::MAX - 20));
    let lines_below_each = 2 * (1 + 2 * 68);
    let lost_one = 1 + 2;
    assert_eq!(lock.tree(&TreeView::default()).len(), 1 + lines_below_each + lost_one);
}

#[test]
fn a_chain_of_thousands_is_walked_without_a_deep_stack() {
    let id = |number: u32| format!("a:p{number}@1.0.0");
    let releases = (0..9_999).map(|number| {
        let need = (number > 0).then(|| format!("a:p{} ^1 -> {}", number - 1, id(number - 1)));
        release(&id(number), number, &need.as_deref().into_iter().collect::<Vec<_>>(), "{}")
    });
    let lock = lock(&[("a:p9998", "^1")], releases.collect());

    assert_eq!(lock.check(), Ok(()));
    assert_eq!(lock.tree(&TreeView::default()).len(), 9_999);
    assert_eq!(lock.why(&name("a:p0")).unwrap().chains[0].0.len(), 9_999);
}
