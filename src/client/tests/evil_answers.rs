//! Every lie of a registry ends a fetch at its own step, and leaves no file.

use serde_json::json;

use super::world::{QUIET, TALKATIVE, author, profile};
use super::{Answer, TestPlugin, World};
use crate::client::{TrustedKey, TrustedKeys};
use crate::domain::Digest;
use crate::signing::{ReleaseStatement, SecretKey, sign_release};

fn quiet() -> TestPlugin {
    TestPlugin::new("acme:hello", QUIET, "")
}

#[test]
fn an_honest_package_is_placed_with_its_bundle() {
    let plugin = TestPlugin::new("acme:feeds", TALKATIVE, r#"network = { hosts = ["a.example:443"] }"#);
    let world = World::granting(r#"{"network":{"hosts":["a.example:443","b.example:443"]}}"#, &[&plugin]);
    plugin.serve(&world.registry);

    let fetched = world.fetch().unwrap();

    let place = world.folder.path().join("acme/feeds/0.1.0.wasm");
    assert_eq!(fetched[0].path, place);
    assert_eq!(std::fs::read(&place).unwrap(), plugin.package);
    let bundle = std::fs::read(place.with_extension("bundle.json")).unwrap();
    assert_eq!(serde_json::from_slice::<crate::signing::Bundle>(&bundle).unwrap(), plugin.bundle);
    insta::assert_json_snapshot!(fetched[0].checked);
}

#[test]
fn other_bytes_of_the_same_length_stop_at_the_digest() {
    let plugin = quiet();
    let world = World::granting("{}", &[&plugin]);
    let mut other = plugin.package.clone();
    *other.last_mut().unwrap() ^= 1;
    plugin.serve_package(&world.registry, &other);
    plugin.serve(&world.registry);

    insta::assert_snapshot!(world.refusal());
}

#[test]
fn more_bytes_than_locked_stop_at_the_digest() {
    let plugin = quiet();
    let world = World::granting("{}", &[&plugin]);
    plugin.serve_package(&world.registry, &[plugin.package.as_slice(), &[0; 100]].concat());

    insta::assert_snapshot!(world.refusal());
}

#[test]
fn fewer_bytes_than_locked_stop_at_the_digest() {
    let plugin = quiet();
    let world = World::granting("{}", &[&plugin]);
    plugin.serve_package(&world.registry, &plugin.package[..plugin.package.len() - 1]);

    insta::assert_snapshot!(world.refusal());
}

#[test]
fn a_lock_over_the_size_limit_is_not_even_downloaded() {
    let mut plugin = quiet();
    plugin.locked.size_bytes = 1 << 40;
    let world = World::granting("{}", &[&plugin]);

    let words = world.refusal();

    assert!(world.registry.received().is_empty());
    insta::assert_snapshot!(words);
}

#[test]
fn a_package_of_another_release_stops_at_the_manifest() {
    let (plugin, other) = (quiet(), TestPlugin::new("acme:other", QUIET, ""));
    let mut world = World::granting("{}", &[&plugin]);
    world.lock.releases[0].digest = other.locked.digest;
    world.lock.releases[0].size_bytes = other.locked.size_bytes;
    plugin.serve_package(&world.registry, &other.package);
    plugin.serve_bundle(&world.registry, &serde_json::to_value(&plugin.bundle).unwrap());

    insta::assert_snapshot!(world.refusal());
}

#[test]
fn a_stripped_signature_stops_at_the_signature() {
    let plugin = quiet();
    let world = World::granting("{}", &[&plugin]);
    let mut bundle = serde_json::to_value(&plugin.bundle).unwrap();
    bundle["attestation"]["signatures"] = json!([]);
    plugin.serve_package(&world.registry, &plugin.package);
    plugin.serve_bundle(&world.registry, &bundle);

    insta::assert_snapshot!(world.refusal());
}

#[test]
fn a_missing_attestation_stops_at_the_signature() {
    let plugin = quiet();
    let world = World::granting("{}", &[&plugin]);
    let mut bundle = serde_json::to_value(&plugin.bundle).unwrap();
    bundle["attestation"] = serde_json::Value::Null;
    plugin.serve_package(&world.registry, &plugin.package);
    plugin.serve_bundle(&world.registry, &bundle);

    insta::assert_snapshot!(world.refusal());
}

/// Signs the plugin anew with a key the registry made up, in every place the registry can write to.
fn signed_by_the_registry(plugin: &TestPlugin) -> serde_json::Value {
    let key = SecretKey::from_seed(&[66; 32]);
    let statement = ReleaseStatement {
        release: plugin.locked.id(),
        digest: plugin.locked.digest,
        manifest_digest: plugin.bundle.manifest_digest,
        capabilities: plugin.locked.capabilities.clone(),
    };
    let mut bundle = plugin.bundle.clone();
    bundle.attestation = sign_release(&statement, &key);
    bundle.public_key = key.public_key();
    bundle.key_id = key.public_key().id();
    serde_json::to_value(bundle).unwrap()
}

#[test]
fn another_signer_than_the_locked_one_stops_at_the_signature() {
    let plugin = quiet();
    let world = World::granting("{}", &[&plugin]);
    plugin.serve_package(&world.registry, &plugin.package);
    plugin.serve_bundle(&world.registry, &signed_by_the_registry(&plugin));

    insta::assert_snapshot!(world.refusal());
}

#[test]
fn a_lock_that_pins_an_untrusted_signer_stops_at_the_signature() {
    let plugin = quiet();
    let bundle = signed_by_the_registry(&plugin);
    let mut world = World::granting("{}", &[&plugin]);
    world.lock.releases[0].signer = bundle["key_id"].as_str().unwrap().to_owned();
    let trusted = TrustedKey { public_key: author().public_key(), namespaces: None };
    world.options.trusted = Some(TrustedKeys(vec![trusted]));
    plugin.serve_package(&world.registry, &plugin.package);
    plugin.serve_bundle(&world.registry, &bundle);

    insta::assert_snapshot!(world.refusal());
}

#[test]
fn an_import_beyond_the_grants_stops_though_signed_and_declared() {
    let plugin = TestPlugin::new("acme:hello", TALKATIVE, "network = {}");
    let world = World::granting("{}", &[&plugin]);
    plugin.serve(&world.registry);

    insta::assert_snapshot!(world.refusal());
}

#[test]
fn an_import_that_the_manifest_hides_stops() {
    let plugin = TestPlugin::new("acme:hello", TALKATIVE, "");
    let world = World::granting(r#"{"network":{}}"#, &[&plugin]);
    plugin.serve(&world.registry);

    insta::assert_snapshot!(world.refusal());
}

#[test]
fn a_wider_scope_than_granted_stops() {
    let plugin = TestPlugin::new("acme:hello", TALKATIVE, r#"network = { hosts = ["*"] }"#);
    let world = World::granting(r#"{"network":{"hosts":["a.example:443"]}}"#, &[&plugin]);
    plugin.serve(&world.registry);

    insta::assert_snapshot!(world.refusal());
}

#[test]
fn a_doctored_profile_in_the_bundle_changes_nothing() {
    let mut plugin = TestPlugin::new("acme:hello", TALKATIVE, "");
    plugin.bundle.profile.imports[1].capability = None;
    let world = World::granting("{}", &[&plugin]);
    plugin.serve(&world.registry);

    let words = world.refusal();

    assert!(words.contains("needs `network` for"), "{words}");
}

#[test]
fn a_host_contract_that_only_the_registry_knows_is_not_believed_unasked() {
    let plugin = quiet();
    let mut world = World::granting("{}", &[&plugin]);
    world.options.profiles.clear();
    plugin.serve(&world.registry);

    insta::assert_snapshot!(world.refusal());

    world.options.believe_registry_profile = true;
    let fetched = world.fetch().unwrap();
    assert_eq!(fetched[0].checked.profile, profile().name.to_string() + "@1.0.0");
    assert_eq!(fetched[0].checked.remarks.len(), 1);
}

#[test]
fn one_bad_package_keeps_the_whole_lock_out_and_every_bad_one_is_named() {
    let (good, bad, gone) =
        (quiet(), TestPlugin::new("acme:bad", TALKATIVE, ""), TestPlugin::new("acme:gone", QUIET, ""));
    let world = World::granting("{}", &[&good, &bad, &gone]);
    good.serve(&world.registry);
    bad.serve(&world.registry);
    let answer = Answer::problem(451, "taken-down", "acme:gone@0.1.0 was taken down");
    world.registry.answer(&gone.locked.url, answer);

    insta::assert_snapshot!(world.refusal());
}

#[test]
fn a_fetch_over_an_older_file_replaces_it_only_when_all_is_well() {
    let plugin = quiet();
    let world = World::granting("{}", &[&plugin]);
    let place = world.folder.path().join("acme/hello/0.1.0.wasm");
    std::fs::create_dir_all(place.parent().unwrap()).unwrap();
    std::fs::write(&place, "tampered").unwrap();
    plugin.serve(&world.registry);

    world.fetch().unwrap();

    assert_eq!(Digest::of(&std::fs::read(&place).unwrap()), plugin.locked.digest);
}
