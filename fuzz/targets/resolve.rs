//! A resolve: a request as JSON against a small universe, or a universe and a request that are both made of the bytes.
//! No panic, no lock that does not hold, no mend that mends nothing.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pluginry::resolver::{Lock, ResolveRequest};
use pluginry_fuzz::seed;

#[path = "../../tests/resolver/checker.rs"]
mod checker;
#[path = "../../tests/resolver/universe.rs"]
#[expect(dead_code, reason = "the tests ask more of it")]
mod universe;
use checker::faults;
use universe::{Bytes, NOW, Universe, Ways, read_request};

/// A universe of most kinds of releases.
fn fixed_universe() -> Universe {
    let bytes: Vec<u8> = (0..400_u32).map(|place| (place * place % 251) as u8).collect();
    Universe::read(&mut Bytes(&bytes), Ways::All, 30)
}

fn seeds() -> Vec<Vec<u8>> {
    let requests = [
        r#"{"roots":{"ant:one":"*","bee:one":"^1.0"},"policy":{"one_version_per_plugin":true}}"#,
        r#"{"roots":{"face:draw":"*"},"host":{"profile":"host:main","grants":{"network":{"hosts":["a"]}}}}"#,
        r#"{"roots":{"ant:two":">=1, <3"},"policy":{"max_risk":"low","licenses":["MIT"],"min_age_hours":72}}"#,
    ];
    let mut seeds: Vec<Vec<u8>> = requests.map(|request| [b"{", request.as_bytes()].concat()).into();
    for request in requests {
        let mut request: ResolveRequest = serde_json::from_str(request).expect("a request");
        request.lock = fixed_universe().resolve(&request).ok();
        seeds.push([b"{", serde_json::to_vec(&request).expect("a request").as_slice()].concat());
    }
    seeds.extend(
        (0..8_u32).map(|seed| (0..240).map(|place| (place * (seed + 3) * place % 253) as u8).collect()),
    );
    seeds
}

fn resolve(universe: &Universe, request: &ResolveRequest) -> Option<Lock> {
    match universe.resolve(request) {
        Ok(lock) => {
            let found = faults(&lock, &universe.asked(request));
            assert!(found.is_empty(), "{found:?}\n{request:?}\n{universe:?}");
            Some(lock)
        }
        Err(failure) => {
            for mend in failure.mends() {
                let now = mend.not_before().map_or(NOW, |moment| moment.max(NOW));
                assert!(universe.resolve_at(&mend.apply(request), now).is_ok(), "{mend:?}\n{request:?}");
            }
            None
        }
    }
}

fuzz_target!(init: seed("resolve", seeds()), |bytes: &[u8]| {
    // A brace marks a request; it is told before the request's own.
    if let Some(text) = bytes.strip_prefix(b"{") {
        if let Ok(request) = serde_json::from_slice::<ResolveRequest>(text) {
            let _ = fixed_universe().resolve(&request);
        }
        return;
    }
    let bytes = &mut Bytes(bytes);
    let universe = Universe::read(bytes, Ways::All, 20);
    let mut request = read_request(bytes, Ways::All);
    if let Some(lock) = resolve(&universe, &request) {
        request.upgrade = lock.releases.iter().filter(|_| bytes.below(3) == 1).map(|one| one.name.clone()).collect();
        request.lock = Some(lock);
        resolve(&universe, &request);
    }
});
