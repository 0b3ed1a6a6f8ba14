//! Whatever a policy or a host forbids is in no lock, over universes of the size and shape of a real one.

use std::collections::BTreeMap;
use std::rc::Rc;

use pluginry::domain::{
    CapabilityName, CapabilityRequest, IndexRelease, PluginName, ReleaseId, Requirement, Risk, Scope,
    TrustLevel, VerificationState,
};
use pluginry::resolver::{Circumstances, IndexSnapshot, ResolveFailure, ResolveRequest, resolve};

use super::checker::{faults, objection_to};
use super::differential::{excerpt, noise};
use super::universe::{Bytes, NOW, Universe, name, read_host, read_policy};

const CASES: usize = 3_000;

/// The real graph's packages and needs, with what policies and hosts look at strewn over them.
fn coloured() -> Universe {
    let graph = excerpt();
    let noise = noise(11, 400_000);
    let mut bytes = Bytes(&noise);
    let namespaces = ["ant", "bee", "cat"];
    let renamed: BTreeMap<&PluginName, PluginName> = graph
        .packages
        .iter()
        .map(|package| &package.name)
        .zip((0_usize..).map(|number| namespaces[number % 3]))
        .map(|(plain, namespace)| (plain, PluginName::new(namespace, plain.name()).unwrap()))
        .collect();
    let mut releases = BTreeMap::new();
    for (plain, mut line) in graph.index_lines() {
        line.dependencies =
            line.dependencies.into_iter().map(|(needed, spec)| (renamed[&needed].clone(), spec)).collect();
        colour(&mut line, &mut bytes);
        let id = ReleaseId::new(renamed[plain].clone(), line.version.clone());
        line.trust = match id.plugin.namespace().as_str() {
            "ant" => TrustLevel::Internal,
            "bee" => TrustLevel::Partner,
            _ => TrustLevel::Marketplace,
        };
        releases.insert(id, Rc::new(line));
    }
    Universe { releases, ..Universe::read(&mut Bytes(&[]), super::universe::Ways::Plain, 2) }
}

/// Most releases are harmless; each way of not being so is seldom, or hardly any set could be loaded.
fn colour(line: &mut IndexRelease, bytes: &mut Bytes<'_>) {
    line.profile = name("host:main");
    line.published_at = NOW.plus_seconds(-3600 * if bytes.seldom(12) { 10 } else { 1_000 });
    if bytes.seldom(20) {
        let power: CapabilityName =
            if bytes.below(2) == 0 { "network" } else { "file-read" }.parse().unwrap();
        let kind = if power.as_str() == "network" { "hosts" } else { "paths" };
        let scope = Scope([(kind.to_owned(), vec![["a", "b"][bytes.below(2)].to_owned()])].into());
        line.capabilities = [(power, CapabilityRequest { reason: None, scope })].into();
        line.risk = Some([Risk::Low, Risk::Medium, Risk::High][bytes.below(3)]);
    }
    if bytes.seldom(14) {
        line.license = ["GPL-3.0-only", "MIT OR Apache-2.0", "Apache-2.0 AND MIT"][bytes.below(3)].into();
    }
    if bytes.seldom(8) {
        line.verification = [VerificationState::Pending, VerificationState::Failed][bytes.below(2)];
    }
    if bytes.seldom(8) {
        line.profile_version = ["^2.0", "^1.1", "<1.1"][bytes.below(3)].parse().unwrap();
    }
    if bytes.seldom(6) {
        line.extension_points = vec![["tool", "store"][bytes.below(2)].to_owned()];
    }
    let because = || Some("because".to_owned());
    if bytes.seldom(8) {
        match bytes.below(5) {
            0 => line.recalled = because(),
            1 => line.quarantined = because(),
            2 => line.taken_down = because(),
            3 => line.signer_revoked = true,
            _ => line.deprecated = because(),
        }
    }
}

fn request(bytes: &mut Bytes<'_>, names: &[&PluginName]) -> ResolveRequest {
    let mut request = ResolveRequest::default();
    for _ in 0..=bytes.below(2) {
        let place = (bytes.below(256) * 256 + bytes.below(256)) % names.len();
        request.roots.insert(names[place].clone(), Requirement::any());
    }
    if bytes.below(3) > 0 {
        request.host = Some(read_host(bytes));
    }
    if bytes.below(4) > 0 {
        read_policy(bytes, &mut request.policy);
    }
    request
}

#[test]
fn whatever_the_policy_or_the_host_forbids_is_in_no_lock() {
    let universe = coloured();
    let snapshot = universe.index().snapshot();
    let names: Vec<&PluginName> = universe.releases.keys().map(|id| &id.plugin).collect();
    let noise = noise(13, CASES * 60);

    let parts = std::thread::scope(|scope| {
        let half = |first: usize| {
            let (snapshot, noise, names) = (snapshot.clone(), &noise, names.len());
            scope.spawn(move || cases(first, &snapshot, noise, names))
        };
        [half(0), half(1)].map(|part| part.join().unwrap())
    });

    let locks: usize = parts.iter().map(|part| part.locks).sum();
    let avoided: usize = parts.iter().map(|part| part.avoided).sum();
    assert!(locks > CASES / 4, "only {locks} locks of {CASES}");
    assert!(avoided > locks, "only {avoided} releases were kept out of {locks} locks");
}

struct Outcome {
    locks: usize,
    /// Forbidden releases of the plugins in the locks.
    avoided: usize,
}

/// Every other case; each thread has a universe of its own, whose lines are not shared.
fn cases(first: usize, snapshot: &IndexSnapshot, noise: &[u8], names_expected: usize) -> Outcome {
    let universe = coloured();
    let names: Vec<&PluginName> = universe.releases.keys().map(|id| &id.plugin).collect();
    assert_eq!(names.len(), names_expected);
    let circumstances = Circumstances { profiles: &universe.profiles, now: NOW, should_stop: &|| false };
    let mut outcome = Outcome { locks: 0, avoided: 0 };
    for case in (first..CASES).step_by(2) {
        let request = request(&mut Bytes(&noise[case * 60..(case + 1) * 60]), &names);

        let answer = resolve(snapshot, &request, &circumstances);

        match answer {
            Ok(lock) => {
                let asked = universe.asked(&request);
                assert_eq!(faults(&lock, &asked), Vec::<String>::new(), "case {case}: {request:?}");
                outcome.locks += 1;
                let host = lock.host.as_ref().map(|host| &host.version);
                outcome.avoided += lock
                    .releases
                    .iter()
                    .flat_map(|locked| universe.of_plugin(&locked.name))
                    .filter(|(id, line)| objection_to(&asked, id, line, host).is_some())
                    .count();
            }
            Err(ResolveFailure::Deadline) => panic!("case {case}: {request:?}"),
            Err(_) => {}
        }
    }
    outcome
}
