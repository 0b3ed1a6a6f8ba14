//! Every lie of a registry ends a fetch at its own step, and leaves no file.
//!
//! What a lie does to the steps themselves is tested in `trust/verify`; here it is that a fetch takes them.

use serde_json::json;

use super::world::stranger;
use super::{Answer, TestPlugin, World};
use crate::client::place_of;
use crate::domain::Digest;
use crate::trust::testing::{QUIET, TALKATIVE, TestLog, author, profile};
use crate::trust::{Bundle, LockBundle, TrustedKey, TrustedKeys};

fn quiet() -> TestPlugin {
    TestPlugin::new("acme:hello", QUIET, "")
}

#[test]
fn an_honest_package_is_placed_with_its_bundle() {
    let plugin = TestPlugin::new("acme:feeds", TALKATIVE, r#"network = { hosts = ["a.example:443"] }"#);
    let world = World::granting(r#"{"network":{"hosts":["a.example:443","b.example:443"]}}"#, &[&plugin]);

    let fetched = world.fetch().unwrap();

    let place = world.folder.path().join("acme/feeds/0.1.0.wasm");
    assert_eq!(fetched.packages[0].path, place);
    assert_eq!(std::fs::read(&place).unwrap(), plugin.package.bytes);
    let bundle = Bundle::from_json(&std::fs::read(place.with_extension("bundle.json")).unwrap()).unwrap();
    assert_eq!(bundle, world.log.bundle(&plugin.package));
    assert_eq!(LockBundle::from_json(&fetched.bundle.to_json()).unwrap(), fetched.bundle);
    insta::assert_json_snapshot!(fetched.packages[0].checked);
}

#[test]
fn other_bytes_of_the_same_length_stop_at_the_digest() {
    let plugin = quiet();
    let world = World::granting("{}", &[&plugin]);
    let mut other = plugin.package.bytes.clone();
    *other.last_mut().unwrap() ^= 1;
    plugin.serve_package(&world.registry, &other);

    insta::assert_snapshot!(world.refusal());
}

#[test]
fn more_bytes_than_locked_stop_at_the_digest() {
    let plugin = quiet();
    let world = World::granting("{}", &[&plugin]);
    plugin.serve_package(&world.registry, &[plugin.package.bytes.as_slice(), &[0; 100]].concat());

    insta::assert_snapshot!(world.refusal());
}

#[test]
fn fewer_bytes_than_locked_stop_at_the_digest() {
    let plugin = quiet();
    let world = World::granting("{}", &[&plugin]);
    plugin.serve_package(&world.registry, &plugin.package.bytes[..plugin.package.bytes.len() - 1]);

    insta::assert_snapshot!(world.refusal());
}

#[test]
fn a_lock_over_the_size_limit_is_not_even_downloaded() {
    let mut plugin = quiet();
    plugin.locked.size_bytes = 1 << 40;
    let world = World::granting("{}", &[&plugin]);

    let words = world.refusal();

    let downloads = world.registry.received().into_iter().filter(|request| request.line.contains("/blobs/"));
    assert_eq!(downloads.count(), 0);
    insta::assert_snapshot!(words);
}

#[test]
fn what_the_log_does_not_know_is_not_even_downloaded() {
    let plugin = quiet();
    let world = World::granting("{}", &[&plugin]);
    let mut forged = TestLog::new();
    forged.enroll(&stranger());
    forged.publish(&plugin.package, &stranger());
    let forged = Bundle { checkpoint: String::new(), ..forged.bundle(&plugin.package) };
    world.serve_bundle(&LockBundle { bundles: vec![forged], ..world.honest_bundle(&[&plugin]) });

    let words = world.refusal();

    let downloads = world.registry.received().into_iter().filter(|request| request.line.contains("/blobs/"));
    assert_eq!(downloads.count(), 0);
    insta::assert_snapshot!(words);
}

#[test]
fn a_bundle_that_is_left_out_is_missed() {
    let plugin = quiet();
    let world = World::granting("{}", &[&plugin]);
    world.serve_bundle(&LockBundle { bundles: vec![], ..world.honest_bundle(&[&plugin]) });

    insta::assert_snapshot!(world.refusal());
}

#[test]
fn a_bundle_without_an_attestation_is_no_bundle() {
    let plugin = quiet();
    let world = World::granting("{}", &[&plugin]);
    let mut bundle = serde_json::to_value(world.honest_bundle(&[&plugin])).unwrap();
    bundle["bundles"][0]["attestation"] = serde_json::Value::Null;
    world.serve_bundle(&bundle);

    insta::assert_snapshot!(world.refusal());
}

#[test]
fn a_stripped_signature_stops_at_the_inclusion() {
    let plugin = quiet();
    let world = World::granting("{}", &[&plugin]);
    let mut bundle = serde_json::to_value(world.honest_bundle(&[&plugin])).unwrap();
    bundle["bundles"][0]["attestation"]["signatures"] = json!([]);
    world.serve_bundle(&bundle);

    insta::assert_snapshot!(world.refusal());
}

#[test]
fn a_lock_that_pins_an_untrusted_signer_stops_at_the_signature() {
    let plugin = quiet();
    let mut world = World::granting("{}", &[&plugin]);
    let trusted = TrustedKey { public_key: stranger().public_key(), namespaces: None };
    world.options.authors = Some(TrustedKeys(vec![trusted]));

    insta::assert_snapshot!(world.refusal());
}

#[test]
fn a_trusted_signer_passes() {
    let plugin = quiet();
    let mut world = World::granting("{}", &[&plugin]);
    let trusted = TrustedKey { public_key: author().public_key(), namespaces: None };
    world.options.authors = Some(TrustedKeys(vec![trusted]));

    assert_eq!(world.fetch().unwrap().packages.len(), 1);
}

#[test]
fn an_import_beyond_the_grants_stops_though_signed_and_declared() {
    let plugin = TestPlugin::new("acme:hello", TALKATIVE, "network = {}");
    let world = World::granting("{}", &[&plugin]);

    insta::assert_snapshot!(world.refusal());
}

#[test]
fn a_host_contract_that_only_the_registry_knows_is_not_believed_unasked() {
    let plugin = quiet();
    let mut world = World::granting("{}", &[&plugin]);
    world.options.profiles.clear();

    insta::assert_snapshot!(world.refusal());

    world.options.believe_registry_profile = true;
    let fetched = world.fetch().unwrap();
    let checked = &fetched.packages[0].checked;
    assert_eq!(checked.profile, profile().name.to_string() + "@1.0.0");
    assert_eq!(checked.remarks.len(), 1);
}

#[test]
fn one_bad_package_keeps_the_whole_lock_out_and_every_bad_one_is_named() {
    let (good, bad, gone) =
        (quiet(), TestPlugin::new("acme:bad", TALKATIVE, ""), TestPlugin::new("acme:gone", QUIET, ""));
    let world = World::granting("{}", &[&good, &bad, &gone]);
    let answer = Answer::problem(451, "taken-down", "acme:gone@0.1.0 was taken down");
    world.registry.set(&gone.locked.url, answer);

    insta::assert_snapshot!(world.refusal());
}

#[test]
fn a_fetch_over_an_older_file_replaces_it_only_when_all_is_well() {
    let plugin = quiet();
    let world = World::granting("{}", &[&plugin]);
    let place = place_of(world.folder.path(), &plugin.locked.id());
    std::fs::create_dir_all(place.parent().unwrap()).unwrap();
    std::fs::write(&place, "tampered").unwrap();

    world.fetch().unwrap();

    assert_eq!(Digest::of(&std::fs::read(&place).unwrap()), plugin.locked.digest);
}
