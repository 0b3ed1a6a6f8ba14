//! Hostile graphs and the bounds: what is told to stop does, on as much stack as a server's thread has.

use std::cell::Cell;

use pluginry::domain::{Refusal, Timestamp};
use pluginry::resolver::{Circumstances, Index, Lock, ResolveFailure, resolve};

use crate::hostile::{self, HOSTILE_GRAPHS, HostileGraph};

/// What a blocking thread of the server has.
const STACK_BYTES: usize = 2 << 20;

/// The answer when the signal to stop comes at the look of this number.
fn answer(graph: &HostileGraph, looks_most: u32) -> Result<Lock, ResolveFailure> {
    let mut index = Index::default();
    for (name, line) in &graph.lines {
        index.apply(name, line);
    }
    let looks = Cell::new(0);
    let should_stop = || {
        looks.set(looks.get() + 1);
        looks.get() > looks_most
    };
    let circumstances =
        Circumstances { profiles: &[], now: Timestamp::from_micros(0), should_stop: &should_stop };
    resolve(&index.snapshot(), &graph.request(), &circumstances)
}

/// The code of the answer, computed on a small stack; a lock is `lock`.
fn code(make: impl FnOnce() -> HostileGraph + Send + 'static, looks_most: u32) -> &'static str {
    let work = move || answer(&make(), looks_most).map_or_else(|failure| failure.code(), |_| "lock");
    std::thread::Builder::new().stack_size(STACK_BYTES).spawn(work).unwrap().join().unwrap()
}

#[test]
fn a_proof_of_tens_of_thousands_of_steps_is_dropped_without_an_overflow() {
    let code = code(|| hostile::chain(30_000, Some("gone")), 4_000);

    assert!(["resolve-conflict", "resolve-deadline"].contains(&code), "{code}");
}

#[test]
fn every_graph_of_moderate_size_ends_when_it_is_told_to() {
    let graphs: [fn() -> HostileGraph; 10] = [
        || hostile::pigeonhole(12),
        || hostile::satisfiability(100, 426),
        || hostile::wide_versions(200),
        || hostile::crossed_versions(60),
        || hostile::circle(500),
        || hostile::providers(200),
        || hostile::conflicting_providers(40),
        || hostile::one_long_conflict(200),
        || hostile::guarded_versions(30),
        || hostile::ladder(50, 12),
    ];

    for graph in graphs {
        let code = code(graph, 50);
        assert!(code == "lock" || code.starts_with("resolve-"), "{code}");
    }
    assert_eq!(HOSTILE_GRAPHS.len(), 16, "the example measures each at the size at which it hurts");
}

#[test]
fn an_answer_that_could_not_be_handed_in_again_is_refused_with_its_size() {
    let failure = answer(&hostile::fan_out(5_000), u32::MAX).unwrap_err();

    assert_eq!(failure.code(), "resolve-too-large");
    assert_eq!(failure.to_string(), "what is asked for leads to 5081 releases; at most 5000 fit in a lock");
    assert_eq!(
        failure.mend().unwrap(),
        "Ask for fewer roots at once, or for plugins that need fewer others."
    );
}
