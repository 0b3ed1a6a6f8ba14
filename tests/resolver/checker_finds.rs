//! That the checker finds what is wrong with a lock: one that finds nothing would prove nothing.

use std::collections::{BTreeMap, BTreeSet};

use pluginry::domain::{Digest, ReleaseId, Version};
use pluginry::resolver::{HeldBack, Lock, ResolveRequest};

use super::checker::faults;
use super::differential::noise;
use super::universe::{Bytes, Universe, Ways, name, read_request};

type Damage = (&'static str, fn(&mut Lock, &Universe) -> bool);

/// Ways to spoil a lock; each says whether it could.
const DAMAGES: [Damage; 14] = [
    ("a release taken out that another needs", |lock, _| {
        let needed = lock.releases.iter().flat_map(|locked| &locked.dependencies).next();
        let Some(needed) = needed.map(|told| told.release.clone()) else { return false };
        lock.releases.retain(|locked| locked.id() != needed);
        true
    }),
    ("the only release taken out", |lock, _| lock.releases.pop().is_some() && lock.releases.is_empty()),
    ("a release put in that nothing needs", |lock, universe| {
        let id =
            universe.releases.keys().find(|id| lock.releases.iter().all(|locked| locked.name != id.plugin));
        let (Some(id), Some(like)) = (id, lock.releases.first()) else { return false };
        let line = &universe.releases[id];
        let mut more = like.clone();
        (more.name, more.version, more.digest) = (id.plugin.clone(), id.version.clone(), line.digest);
        lock.releases.push(more);
        true
    }),
    ("another version", |lock, universe| {
        let Some(locked) = lock.releases.last_mut() else { return false };
        let other = universe.of_plugin(&locked.name).find(|(id, _)| id.version != locked.version);
        other.map(|(id, _)| locked.version = id.version.clone()).is_some()
    }),
    ("a version that was never published", |lock, _| {
        lock.releases.last_mut().map(|locked| locked.version = Version::new(9, 9, 9)).is_some()
    }),
    ("another digest", |lock, _| {
        lock.releases.last_mut().map(|locked| locked.digest = Digest::of(b"evil")).is_some()
    }),
    ("a level too high", |lock, _| lock.releases.last_mut().map(|locked| locked.load_level += 1).is_some()),
    ("the order turned round", |lock, _| {
        lock.releases.reverse();
        lock.releases.len() > 1
    }),
    ("a need left untold", |lock, _| {
        lock.releases.iter_mut().any(|locked| locked.dependencies.pop().is_some())
    }),
    ("a need told falsely", |lock, _| {
        let first = lock.releases.first().map(|locked| locked.id());
        let told = lock.releases.iter_mut().flat_map(|locked| &mut locked.dependencies);
        told.zip(first).any(|(told, first)| std::mem::replace(&mut told.release, first.clone()) != first)
    }),
    ("a capability hidden", |lock, _| lock.capabilities.pop_first().is_some()),
    ("another root", |lock, _| {
        lock.roots.insert(name("an:other"), "*".parse().unwrap());
        true
    }),
    ("a policy not asked for", |lock, _| {
        lock.policy.min_age_hours += 1;
        true
    }),
    ("something held back that is older", |lock, _| {
        let Some(locked) = lock.releases.first() else { return false };
        let held = HeldBack {
            name: locked.name.clone(),
            chosen: locked.version.clone(),
            newest: Version::new(0, 0, 0),
            reason: String::new(),
        };
        lock.held_back.push(held);
        true
    }),
];

#[test]
fn whatever_is_done_to_a_lock_is_found() {
    let mut found: BTreeMap<&str, usize> = BTreeMap::new();

    for seed in 0..1_000 {
        let noise = noise(seed, 240);
        let bytes = &mut Bytes(&noise);
        let universe = Universe::read(bytes, Ways::All, 12);
        let request = read_request(bytes, Ways::All);
        let Ok(lock) = universe.resolve(&request) else { continue };
        for (what, damage) in DAMAGES {
            let mut spoilt = lock.clone();
            if damage(&mut spoilt, &universe) && spoilt != lock {
                assert!(
                    !faults(&spoilt, &universe.asked(&request)).is_empty(),
                    "{what}: {spoilt:?}\n{universe:?}"
                );
                *found.entry(what).or_default() += 1;
            }
        }
    }

    assert_eq!(found.len(), DAMAGES.len(), "{found:?}");
    assert!(found.values().all(|times| *times >= 10), "{found:?}");
}

/// What a request forbids, each alone, and the word of the checker for it.
#[test]
fn whatever_a_lock_holds_against_the_request_is_found() {
    let id: ReleaseId = "ant:one@1.0.0".parse().unwrap();
    let mut universe = Universe::default();
    let mut line = super::universe::index_line(&id, 5);
    line.capabilities = serde_json::from_str(r#"{"network":{"hosts":["a"]}}"#).unwrap();
    line.risk = Some(pluginry::domain::Risk::Medium);
    line.license = "GPL-3.0-only".into();
    line.extension_points = vec!["tool".into()];
    line.verification = pluginry::domain::VerificationState::Pending;
    line.profile_version = "^1.0".parse().unwrap();
    universe.releases.insert(id.clone(), std::rc::Rc::new(line));
    let plain = r#"{"roots":{"ant:one":"*"}"#;
    let host = |more: &str| format!(r#"{plain},"host":{{"profile":"host:main","version":"1.0.0"{more}}}}}"#);
    let policy = |rule: &str| format!(r#"{plain},"policy":{{{rule}}}}}"#);
    let forbidding = [
        host(r#","grants":{}"#),
        host(r#","grants":{"network":{"hosts":["b"]}}"#),
        host(r#","extension_points":["store"]"#),
        host("").replace("host:main", "host:other"),
        host("").replace("1.0.0", "2.0.0"),
        policy(r#""min_age_hours":2000"#),
        policy(r#""require_verified":true"#),
        policy(r#""max_risk":"low""#),
        policy(r#""max_risk_by_trust":{"partner":"low"}"#),
        policy(r#""min_trust":"partner""#),
        policy(r#""trust":{"bee":"internal"},"min_trust":"internal""#),
        policy(r#""allowed_namespaces":["bee"]"#),
        policy(r#""denied_namespaces":["ant"]"#),
        policy(r#""licenses":["MIT"]"#),
        format!(r#"{plain},"as_of":{{"tree_size":4}}}}"#),
    ];
    let allowing: ResolveRequest = serde_json::from_str(&format!("{plain}}}")).unwrap();
    let lock = universe.resolve(&allowing).unwrap();

    let objections: BTreeSet<String> = forbidding
        .iter()
        .map(|text| {
            let request: ResolveRequest = serde_json::from_str(text).unwrap();
            let asked = universe.asked(&request);
            let host = request.host.as_ref().and_then(|host| host.version.as_ref());
            let objection = super::checker::objection_to(&asked, &id, &universe.releases[&id], host);
            assert!(universe.resolve(&request).is_err(), "{text}");
            objection.unwrap_or_else(|| panic!("nothing is found against {text}"))
        })
        .collect();

    assert!(faults(&lock, &universe.asked(&allowing)).is_empty());
    assert!(objections.len() >= 10, "{objections:?}");
}
