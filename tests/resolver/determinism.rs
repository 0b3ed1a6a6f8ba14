//! The same releases and the same question give the same bytes, in whatever order either was told.

use std::rc::Rc;

use pluginry::domain::{IndexRelease, Refusal as _, ReleaseId};
use pluginry::resolver::{Circumstances, Index, Lock, ResolveFailure, ResolveRequest, resolve};
use proptest::prelude::*;
use serde_json::Value;

use super::differential::{excerpt, noise};
use super::universe::{Bytes, NOW, Universe, Ways, read_request};

/// Everything that a program or a person gets to see of an answer.
fn as_bytes(answer: &Result<Lock, ResolveFailure>) -> String {
    match answer {
        Ok(lock) => format!("{}\n{}", serde_json::to_string(lock).unwrap(), lock.to_toml()),
        Err(failure) => format!(
            "{}\n{failure}\n{:?}\n{:?}\n{:?}\n{}",
            failure.code(),
            failure.mend(),
            failure.mends(),
            failure.plugins(),
            failure.derivation().map(Value::to_string).unwrap_or_default(),
        ),
    }
}

fn shuffled<T>(mut all: Vec<T>, bytes: &mut Bytes<'_>) -> Vec<T> {
    for place in (1..all.len()).rev() {
        all.swap(place, (bytes.below(256) * 256 + bytes.below(256)) % (place + 1));
    }
    all
}

/// An index that is told the releases in another order, looked at in between, and told some of them wrongly at first.
fn told_otherwise(releases: Vec<(&ReleaseId, &IndexRelease)>, bytes: &mut Bytes<'_>) -> Index {
    let mut index = Index::default();
    let mut corrections = Vec::new();
    let mut seen = Vec::new();
    for (id, line) in shuffled(releases, bytes) {
        match bytes.below(8) {
            1 => {
                let mut first = line.clone();
                first.yanked = !line.yanked;
                first.recalled = Some("by mistake".into());
                first.deprecated = Some("too early".into());
                index.apply(&id.plugin, &first);
                corrections.push((id, line));
            }
            2 => {
                seen.push(index.snapshot());
                index.apply(&id.plugin, line);
            }
            _ => index.apply(&id.plugin, line),
        }
    }
    for (id, line) in shuffled(corrections, bytes) {
        index.apply(&id.plugin, line);
    }
    index
}

/// A request's JSON with the keys of every object in another order.
fn reordered(value: Value, bytes: &mut Bytes<'_>) -> Value {
    match value {
        Value::Object(map) => {
            let entries: Vec<(String, Value)> =
                map.into_iter().map(|(key, value)| (key, reordered(value, bytes))).collect();
            Value::Object(shuffled(entries, bytes).into_iter().collect())
        }
        Value::Array(items) => items.into_iter().map(|item| reordered(item, bytes)).collect(),
        other => other,
    }
}

fn answer(universe: &Universe, index: &mut Index, request: &ResolveRequest) -> String {
    let circumstances = Circumstances { profiles: &universe.profiles, now: NOW, should_stop: &|| false };
    as_bytes(&resolve(&index.snapshot(), request, &circumstances))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_order_of_telling_changes_nothing(
        bytes in proptest::collection::vec(any::<u8>(), 0..240),
        orders in proptest::collection::vec(any::<u8>(), 100..200),
    ) {
        let (bytes, orders) = (&mut Bytes(&bytes), &mut Bytes(&orders));
        let universe = Universe::read(bytes, Ways::All, 14);
        let mut request = read_request(bytes, Ways::All);
        request.lock = universe.until(8).resolve(&request).ok().filter(|_| bytes.below(2) == 1);
        let told = universe.releases.iter().map(|(id, line)| (id, &**line)).collect();
        let mut index = told_otherwise(told, orders);
        let text = reordered(serde_json::to_value(&request).unwrap(), orders).to_string();
        let again: ResolveRequest = serde_json::from_str(&text).unwrap();

        let first = answer(&universe, &mut universe.index(), &request);
        let second = answer(&universe, &mut index, &again);

        prop_assert_eq!(&again, &request);
        prop_assert_eq!(first, second);
    }

    #[test]
    fn a_lock_says_the_same_when_it_is_asked_about_again(
        bytes in proptest::collection::vec(any::<u8>(), 0..240),
    ) {
        let bytes = &mut Bytes(&bytes);
        let universe = Universe::read(bytes, Ways::All, 14);
        let request = read_request(bytes, Ways::All);
        let Ok(lock) = universe.resolve(&request) else { return Ok(()) };
        let read_back = Lock::from_toml(&lock.to_toml()).unwrap();

        let again = universe.resolve(&read_back.to_request()).unwrap();

        prop_assert_eq!(again.releases, lock.releases, "{:?}\n{:?}", request, universe);
        prop_assert_eq!(again.root_releases, lock.root_releases, "{:?}\n{:?}", request, universe);
        prop_assert_eq!(again.capabilities, lock.capabilities);
        prop_assert_eq!(again.host, lock.host);
    }
}

#[test]
fn on_a_real_graph_the_order_of_telling_changes_nothing() {
    let graph = excerpt();
    let releases: Vec<(ReleaseId, Rc<IndexRelease>)> = graph
        .index_lines()
        .map(|(name, line)| (ReleaseId::new(name.clone(), line.version.clone()), Rc::new(line)))
        .collect();
    let universe = Universe { releases: releases.into_iter().collect(), profiles: Vec::new() };
    let orders = noise(7, 400_000);
    let mut orders = Bytes(&orders);
    let told = || universe.releases.iter().map(|(id, line)| (id, &**line)).collect::<Vec<_>>();
    let mut indexes =
        [universe.index(), told_otherwise(told(), &mut orders), told_otherwise(told(), &mut orders)];
    let names: Vec<_> = graph.packages.iter().filter(|package| !package.releases.is_empty()).collect();

    for place in 0..200 {
        let mut request = ResolveRequest::default();
        for more in 0..1 + place % 3 {
            let root = names[(place * 7 + more * 31) % names.len()].name.clone();
            request.roots.insert(root, if place % 2 == 0 { "*" } else { "^1" }.parse().unwrap());
        }
        request.policy.one_version_per_plugin = place % 5 == 0;

        let [first, second, third] = indexes.each_mut().map(|index| answer(&universe, index, &request));

        assert_eq!(first, second, "{:?}", request.roots);
        assert_eq!(first, third, "{:?}", request.roots);
    }
}
