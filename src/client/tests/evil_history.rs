//! A registry that contradicts what it showed before is refused loudly, and nothing of it is remembered.

use super::world::{block_on, stranger};
use super::{Answer, TestPlugin, World};
use crate::client::{Client, Memory, Pinning};
use crate::domain::{Grants, Risk, Timestamp};
use crate::resolver::{AsOf, Lock, LockedHost, Policy, ResolveRequest};
use crate::signing::SecretKey;
use crate::trust::testing::{QUIET, TALKATIVE, TestLog, TestPackage, author, registry_key};
use crate::trust::{
    DatedKey, LogEvent, Moment, RECALLS_LIFE_SECONDS, RecallFeed, TrustChain, TrustDocument, sign_recalls,
};

fn world() -> World {
    World::granting("{}", &[&TestPlugin::new("acme:hello", QUIET, "")])
}

/// A world whose client met the registry before.
fn after_a_contact() -> World {
    let world = world();
    world.contact().unwrap();
    world
}

fn other(name: &str) -> TestPackage {
    TestPackage::new(name, QUIET, "")
}

fn refusal(world: &World) -> String {
    world.words_of(&world.contact().unwrap_err())
}

#[test]
fn the_first_contact_pins_and_later_ones_follow_the_log() {
    let mut world = world();

    let first = world.contact().unwrap();
    for count in 0..600 {
        world.log.publish(&other(&format!("acme:p{count}")), &author());
    }
    world.serve_log();
    let second = world.contact().unwrap();

    assert_eq!(first.pinning, Pinning::FirstUse("this process".into()));
    assert_eq!((first.checkpoint.tree_size, second.checkpoint.tree_size), (3, 603));
    assert_eq!(second.pinning, Pinning::Known);
}

#[test]
fn a_partial_tile_that_is_gone_is_cut_from_the_full_one() {
    let mut world = after_a_contact();
    for count in 0..400 {
        world.log.publish(&other(&format!("acme:p{count}")), &author());
    }
    world.serve_log();
    // The tree of 403 entries needs this partial tile, but meanwhile it grew full.
    let grown = {
        let mut edge = crate::log::TreeEdge::new();
        for entry in world.log.entries.iter().chain(&world.log.entries).take(512) {
            edge.append(entry).unwrap();
        }
        edge.take_tiles()
    };
    let full = grown.into_iter().find(|(path, _)| path.path() == "tile/0/001").unwrap();
    world.registry.set("/log/tile/0/001", Answer::bytes(full.1));
    world.registry.set("/log/tile/0/001.p/147", Answer::problem(404, "not-found", "gone"));

    assert_eq!(world.contact().unwrap().checkpoint.tree_size, 403);
}

#[test]
fn a_smaller_log_is_refused() {
    let mut world = world();
    world.log.publish(&other("acme:later"), &author());
    world.serve_log();
    world.contact().unwrap();
    world.log.entries.pop();
    world.serve_log();

    insta::assert_snapshot!(refusal(&world));
}

#[test]
fn another_log_of_the_same_size_is_refused() {
    let mut world = after_a_contact();
    world.log.entries.pop();
    world.log.publish(&other("acme:else"), &author());
    world.serve_log();

    insta::assert_snapshot!(refusal(&world));
}

#[test]
fn a_longer_log_that_rewrote_its_past_is_refused() {
    let mut world = after_a_contact();
    world.log.entries.remove(1);
    for count in 0..4 {
        world.log.publish(&other(&format!("acme:p{count}")), &author());
    }
    world.serve_log();

    insta::assert_snapshot!(refusal(&world));
}

#[test]
fn a_fork_is_told_from_damaged_tiles_whatever_the_sizes() {
    let mut codes = Vec::new();
    for (old, new) in [(1, 2), (2, 3), (3, 4), (4, 5), (4, 8), (5, 8), (8, 9), (256, 257), (257, 300)] {
        let mut world = world();
        world.log = TestLog::new();
        let publish =
            |log: &mut TestLog, count: usize| log.publish(&other(&format!("acme:p{count}")), &author());
        (1..old).for_each(|count| _ = publish(&mut world.log, count));
        world.serve_log();
        world.contact().unwrap();
        world.log.entries.clear();
        (0..new).for_each(|count| _ = publish(&mut world.log, count));
        world.serve_log();
        codes.push(world.contact().unwrap_err().code().to_owned());
    }

    assert_eq!(codes, vec!["log-forked"; 9]);
}

#[test]
fn a_tile_that_was_truncated_is_refused() {
    let mut world = after_a_contact();
    world.log.publish(&other("acme:later"), &author());
    world.serve_log();
    world.registry.set("/log/tile/0/000.p/4", Answer::bytes(vec![0; 100]));

    insta::assert_snapshot!(refusal(&world));
}

#[test]
fn a_tile_that_was_changed_does_not_prove_anything() {
    let mut world = after_a_contact();
    world.log.publish(&other("acme:later"), &author());
    world.serve_log();
    world.registry.set("/log/tile/0/000.p/4", Answer::bytes(vec![0; 128]));

    insta::assert_snapshot!(refusal(&world));
}

#[test]
fn other_keys_than_the_pinned_ones_are_refused() {
    let mut world = after_a_contact();
    world.log.registry_key = stranger();
    world.log.log_key = stranger();
    world.serve_log();

    insta::assert_snapshot!(refusal(&world));
}

#[test]
fn keys_that_the_host_was_given_bind_the_first_contact_too() {
    let world = world();
    let mut others = TestLog::new();
    others.registry_key = stranger();
    let client = world.client.clone();

    let bound = Client { memory: Memory::default(), ..client.clone() }.with_pin(Some(world.log.chain()));
    let wrong = Client { memory: Memory::default(), ..client }.with_pin(Some(others.chain()));

    assert_eq!(block_on(bound.contact(world.now())).unwrap().pinning, Pinning::Known);
    insta::assert_snapshot!(world.words_of(&block_on(wrong.contact(world.now())).unwrap_err()));
}

/// A second version of the trust document with new keys, signed by `old`.
fn rotated(world: &World, new: &SecretKey, old: &SecretKey) -> TrustChain {
    let first = world.log.trust();
    let retired_at = Some(world.log.entries.len() as u64);
    let retire = |keys: &[DatedKey]| {
        let old = keys.iter().map(|key| DatedKey { retired_at, ..*key });
        old.chain([DatedKey::new(new.public_key())]).collect::<Vec<_>>()
    };
    let second = TrustDocument {
        version: 2,
        log_keys: retire(&first.log_keys),
        registry_keys: retire(&first.registry_keys),
        ..first
    };
    let mut chain = world.log.chain();
    chain.0.push(second.sign(&[old, new]));
    chain
}

#[test]
fn keys_that_the_pinned_ones_signed_in_are_followed() {
    let mut world = after_a_contact();
    let new = || SecretKey::from_seed(&[103; 32]);
    let chain = rotated(&world, &new(), &registry_key());
    world.log.log_key = new();
    world.log.registry_key = new();
    world.log.publish(&other("acme:later"), &author());
    world.serve_log();
    world.registry.set("/api/v1/trust", Answer::json(&chain));

    let contact = world.contact().unwrap();

    assert_eq!((contact.pinning, contact.trust.version), (Pinning::Moved(1), 2));
    assert_eq!(world.contact().unwrap().pinning, Pinning::Known);
}

#[test]
fn keys_that_only_signed_themselves_in_are_refused() {
    let world = after_a_contact();
    let new = SecretKey::from_seed(&[103; 32]);
    world.registry.set("/api/v1/trust", Answer::json(&rotated(&world, &new, &new)));

    insta::assert_snapshot!(refusal(&world));
}

fn serve_feed(world: &World, change: impl FnOnce(&mut RecallFeed)) {
    let mut feed = world.log.feed();
    change(&mut feed);
    world.registry.set("/api/v1/recalls", Answer::json(&sign_recalls(&feed, &world.log.registry_key)));
}

#[test]
fn an_expired_recall_feed_is_refused() {
    let world = world();
    serve_feed(&world, |feed| {
        feed.issued_at = feed.issued_at.plus_seconds(-RECALLS_LIFE_SECONDS);
        feed.expires_at = feed.expires_at.plus_seconds(-RECALLS_LIFE_SECONDS);
    });

    insta::assert_snapshot!(refusal(&world));
}

#[test]
fn an_older_recall_feed_than_the_remembered_one_is_refused() {
    let world = after_a_contact();
    serve_feed(&world, |feed| {
        feed.issued_at = feed.issued_at.plus_seconds(-60);
        feed.expires_at = feed.expires_at.plus_seconds(-60);
    });

    insta::assert_snapshot!(refusal(&world));
}

#[test]
fn a_recall_feed_that_forgets_a_revocation_is_refused() {
    let mut world = world();
    world.log.revoke(author().public_key().id(), None);
    world.serve_log();
    world.contact().unwrap();
    serve_feed(&world, |feed| {
        feed.revoked_keys.clear();
        feed.issued_at = feed.issued_at.plus_seconds(60);
    });

    insta::assert_snapshot!(refusal(&world));
}

#[test]
fn a_feed_of_a_stranger_is_refused() {
    let world = world();
    let feed = sign_recalls(&world.log.feed(), &stranger());
    world.registry.set("/api/v1/recalls", Answer::json(&feed));

    insta::assert_snapshot!(refusal(&world));
}

#[test]
fn after_a_refusal_the_memory_is_as_it_was() {
    let mut world = after_a_contact();
    let honest = std::mem::replace(&mut world.log.registry_key, stranger());
    world.serve_log();
    world.contact().unwrap_err();
    world.log.registry_key = honest;
    world.serve_log();

    assert_eq!(world.contact().unwrap().pinning, Pinning::Known);
}

#[test]
fn bundles_of_an_older_log_than_its_checkpoint_are_refused() {
    let plugin = TestPlugin::new("acme:hello", QUIET, "");
    let mut world = World::granting("{}", &[&plugin]);
    world.log.event(&plugin.package, LogEvent::Yank(Moment { at: world.log.now() }));
    world.serve_log();

    insta::assert_snapshot!(world.refusal());
}

#[test]
fn bundles_of_a_fork_are_refused_though_the_log_key_signed_it() {
    let plugin = TestPlugin::new("acme:hello", QUIET, "");
    let mut world = World::granting("{}", &[&plugin]);
    let contact = world.contact().unwrap();
    // The fork: the same release, and another history before and after it.
    world.log.entries.remove(2);
    world.log.verify(&plugin.package, crate::domain::VerificationState::Failed);
    world.log.publish(&other("acme:else"), &author());
    world.serve_log();
    world.serve_bundle(&world.honest_bundle(&[&plugin]));

    let outcome = block_on(world.client.fetch(&world.lock, world.folder.path(), &world.options, &contact));

    insta::assert_snapshot!(world.words_of(&outcome.unwrap_err()));
    assert_eq!(std::fs::read_dir(world.folder.path()).unwrap().count(), 0);
}

#[test]
fn a_lock_of_another_log_is_refused() {
    let mut world = world();
    let mut elsewhere = TestLog::new();
    elsewhere.publish(&other("acme:else"), &author());
    world.lock.checkpoint = Some(elsewhere.note());

    insta::assert_snapshot!(world.refusal());
}

fn resolve(world: &World, answer: &Lock, request: &ResolveRequest) -> Result<Lock, String> {
    let contact = world.contact().unwrap();
    world.registry.set("/api/v1/resolve", Answer::json(answer));
    block_on(world.client.resolve(request, &contact)).map_err(|error| world.words_of(&error))
}

fn request(world: &World) -> ResolveRequest {
    ResolveRequest {
        roots: world.lock.roots.clone(),
        host: world.lock.host.as_ref().map(LockedHost::to_request),
        ..ResolveRequest::default()
    }
}

#[test]
fn a_lock_of_an_older_log_than_its_checkpoint_is_refused() {
    let mut world = world();
    world.log.publish(&other("acme:later"), &author());
    world.serve_log();

    insta::assert_snapshot!(resolve(&world, &world.lock, &request(&world)).unwrap_err());
}

#[test]
fn a_lock_that_newly_chose_what_was_yanked_is_refused_and_one_that_kept_it_is_not() {
    let plugin = TestPlugin::new("acme:hello", QUIET, "");
    let mut world = World::granting("{}", &[&plugin]);
    world.log.event(&plugin.package, LogEvent::Yank(Moment { at: world.log.now() }));
    world.serve_log();
    world.serve_bundle(&world.honest_bundle(&[&plugin]));
    // An old answer with the newest checkpoint in it.
    let answer = Lock { checkpoint: Some(world.log.note()), ..world.lock.clone() };
    let keeps = ResolveRequest { lock: Some(world.lock.clone()), ..request(&world) };

    assert!(resolve(&world, &answer, &keeps).is_ok());
    insta::assert_snapshot!(resolve(&world, &answer, &request(&world)).unwrap_err());
}

#[test]
fn a_lock_that_is_no_answer_to_the_question_is_refused() {
    let world = world();
    let mut grants_more = world.lock.clone();
    grants_more.host.as_mut().unwrap().grants = Some(serde_json::from_str(r#"{"network":{}}"#).unwrap());
    let mut other_roots = world.lock.clone();
    other_roots.roots.insert("acme:evil".parse().unwrap(), "*".parse().unwrap());
    let mut other_bytes = world.lock.clone();
    other_bytes.releases[0].digest = crate::domain::Digest::of(b"other");
    let relock = ResolveRequest { lock: Some(world.lock.clone()), ..request(&world) };

    assert!(resolve(&world, &world.lock, &request(&world)).is_ok());
    let words = [
        resolve(&world, &grants_more, &request(&world)).unwrap_err(),
        resolve(&world, &other_roots, &request(&world)).unwrap_err(),
        resolve(&world, &other_bytes, &relock).unwrap_err(),
    ];

    insta::assert_snapshot!(words.join("\n"));
}

#[test]
fn a_lock_that_holds_what_the_host_forbids_is_refused() {
    let plugin = TestPlugin::new("acme:hello", TALKATIVE, "network = {}");
    let world = World::granting(r#"{"network":{}}"#, &[&plugin]);
    let asked = || request(&world);
    let policy = |text: &str| -> (Lock, ResolveRequest) {
        let policy: Policy = serde_json::from_str(text).unwrap();
        (Lock { policy: policy.clone(), ..world.lock.clone() }, ResolveRequest { policy, ..asked() })
    };
    let changed = |change: &dyn Fn(&mut Lock)| {
        let mut lock = world.lock.clone();
        change(&mut lock);
        lock
    };
    let older = changed(&|lock| {
        lock.releases[0].version = "0.0.9".parse().unwrap();
        lock.releases[0].capabilities.clear();
    });
    let (risky, within_risk) = policy(r#"{"max_risk":"medium"}"#);
    let risky =
        Lock { releases: changed(&|lock| lock.releases[0].risk = Some(Risk::High)).releases, ..risky };
    let cases = [
        ("ungranted", changed(&|lock| lock.host.as_mut().unwrap().grants = Some(Grants::new())), {
            let mut request = asked();
            request.host.as_mut().unwrap().grants = Some(Grants::new());
            request
        }),
        (
            "denied",
            policy(r#"{"denied_namespaces":["acme"]}"#).0,
            policy(r#"{"denied_namespaces":["acme"]}"#).1,
        ),
        (
            "not allowed",
            policy(r#"{"allowed_namespaces":["good"]}"#).0,
            policy(r#"{"allowed_namespaces":["good"]}"#).1,
        ),
        (
            "distrusted",
            policy(r#"{"min_trust":"partner","trust":{"acme":"marketplace"}}"#).0,
            policy(r#"{"min_trust":"partner","trust":{"acme":"marketplace"}}"#).1,
        ),
        ("too risky", risky, within_risk),
        ("risk untold", policy(r#"{"max_risk":"high"}"#).0, policy(r#"{"max_risk":"high"}"#).1),
        ("licence", policy(r#"{"licenses":["MIT"]}"#).0, policy(r#"{"licenses":["MIT"]}"#).1),
        ("another policy", world.lock.clone(), policy(r#"{"licenses":["MIT"]}"#).1),
        ("another moment", changed(&|lock| lock.as_of = Some(AsOf { tree_size: 1 })), asked()),
        (
            "more optional",
            changed(&|lock| lock.with_optional = ["acme:more".parse().unwrap()].into()),
            asked(),
        ),
        ("widening", world.lock.clone(), ResolveRequest { lock: Some(older), ..asked() }),
        (
            "unasked",
            changed(&|lock| lock.roots.clear()),
            ResolveRequest { roots: Default::default(), ..asked() },
        ),
        ("a wrong level", changed(&|lock| lock.releases[0].load_level = 3), asked()),
    ];

    let words = cases
        .iter()
        .map(|(what, answer, request)| format!("{what}: {}", resolve(&world, answer, request).unwrap_err()));

    insta::assert_snapshot!(words.collect::<Vec<_>>().join("\n"));
}

#[test]
fn times_are_told_by_the_caller() {
    let world = world();
    let far = Timestamp::from_micros(i64::MAX / 2);

    let error = block_on(world.client.contact(far)).unwrap_err();

    assert_eq!(error.code(), "recalls-expired");
}
