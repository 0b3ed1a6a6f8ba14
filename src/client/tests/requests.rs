//! How requests are sent: tokens, retries, refusals, bodies.

use bytes::Bytes;

use super::world::block_on;
use super::{Answer, TestPlugin, TestRegistry, World};
use crate::client::{Client, Publication};
use crate::signing::{Envelope, verify_release};
use crate::trust::testing::{QUIET, author};

const KEYS: &str = "/api/v1/namespaces/acme/keys";

fn client(registry: &TestRegistry) -> Client {
    Client::new(&registry.url()).unwrap().with_token(Some("plg_secret".into()))
}

#[test]
fn a_refusal_keeps_the_words_of_the_registry() {
    let registry = TestRegistry::start();
    registry.answer(KEYS, Answer::problem(403, "scope-missing", "the token may not list keys"));

    let error = block_on(client(&registry).list_keys(&"acme".parse().unwrap())).unwrap_err();

    assert_eq!((error.status(), error.code()), (Some(403), "scope-missing"));
    assert_eq!(error.to_string(), "the token may not list keys");
    assert_eq!(error.mend().as_deref(), Some("Do as it says."));
}

#[test]
fn every_finding_of_a_refused_inspection_is_kept() {
    let registry = TestRegistry::start();
    let mut answer = Answer::problem(422, "undeclared-import", "it imports env.fetch");
    let mut body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    body["inspection"] = serde_json::json!({ "refusals": [
        { "code": "undeclared-import", "message": "it imports env.fetch" },
        { "code": "unknown-import", "message": "it imports env.open", "mend": "Do not." },
    ] });
    answer.body = serde_json::to_vec(&body).unwrap();
    registry.answer(KEYS, answer);

    let error = block_on(client(&registry).list_keys(&"acme".parse().unwrap())).unwrap_err();

    let further = error.further_findings();
    assert_eq!(further.len(), 1);
    assert_eq!((further[0].code.as_str(), further[0].mend.as_deref()), ("unknown-import", Some("Do not.")));
}

#[test]
fn an_answer_of_something_else_is_said_to_be_one() {
    let registry = TestRegistry::start();
    let page = Answer { status: 502, content_type: "text/html", ..Answer::bytes("<h1>Bad gateway") };
    registry.answer(KEYS, page);

    let error = block_on(client(&registry).create_namespace(&"acme".parse().unwrap())).unwrap_err();
    assert_eq!(error.code(), "not-found");
    let error =
        block_on(client(&registry).enroll_key(&"acme".parse().unwrap(), &author().public_key(), "", None));

    assert_eq!(error.unwrap_err().code(), "unexpected-answer");
}

#[test]
fn passing_trouble_is_retried_where_that_is_safe() {
    let registry = TestRegistry::start();
    registry.answer(KEYS, Answer::problem(503, "busy", "come back").header("retry-after", "0"));
    registry.answer(KEYS, Answer::json(&serde_json::json!({ "keys": [] })));

    let list = block_on(client(&registry).list_keys(&"acme".parse().unwrap())).unwrap();

    assert!(list.keys.is_empty());
    assert_eq!(registry.received().len(), 2);
}

#[test]
fn what_must_not_happen_twice_is_sent_once() {
    let registry = TestRegistry::start();
    registry.answer(KEYS, Answer::problem(503, "busy", "come back").header("retry-after", "0"));

    let outcome =
        block_on(client(&registry).enroll_key(&"acme".parse().unwrap(), &author().public_key(), "", None));

    assert_eq!(outcome.unwrap_err().code(), "busy");
    assert_eq!(registry.received().len(), 1);
}

#[test]
fn the_token_goes_to_the_registry_and_nowhere_else() {
    let plugin = TestPlugin::new("acme:hello", QUIET, "");
    let mut world = World::granting("{}", &[&plugin]);
    let elsewhere = TestRegistry::start();
    plugin.serve_package(&elsewhere, &plugin.package.bytes);
    world.lock.releases[0].url = format!("{}{}", elsewhere.url(), plugin.locked.url);

    world.client = client(&world.registry);
    world.fetch().unwrap();

    assert!(!elsewhere.received()[0].headers.contains_key("authorization"));
    assert_eq!(world.registry.received()[0].headers["authorization"], "Bearer plg_secret");
}

#[test]
fn a_redirect_to_another_host_takes_no_token_along() {
    let (registry, elsewhere) = (TestRegistry::start(), TestRegistry::start());
    let moved = format!("{}{KEYS}", elsewhere.url());
    registry.answer(KEYS, Answer { status: 307, ..Answer::bytes("") }.header("location", moved));
    elsewhere.answer(KEYS, Answer::json(&serde_json::json!({ "keys": [] })));

    block_on(client(&registry).list_keys(&"acme".parse().unwrap())).unwrap();

    assert!(!elsewhere.received()[0].headers.contains_key("authorization"));
}

#[test]
fn an_endless_answer_is_cut_off() {
    let registry = TestRegistry::start();
    registry.answer(KEYS, Answer::bytes(vec![b' '; 17 * 1024 * 1024]));

    let error = block_on(client(&registry).list_keys(&"acme".parse().unwrap())).unwrap_err();

    assert!(error.to_string().contains("over 16777216 bytes"), "{error}");
}

#[test]
fn a_publish_sends_the_package_and_its_attestation() {
    let registry = TestRegistry::start();
    let plugin = TestPlugin::new("acme:hello", QUIET, "");
    let path = "/api/v1/plugins/acme/hello/0.1.0?accept_widening=true";
    registry.answer(path, Answer::problem(409, "version-exists", "it is there already"));
    let publication = Publication {
        release: &plugin.locked.id(),
        package: Bytes::from(plugin.package.bytes.clone()),
        attestation: &plugin.package.attestation(&author()),
        accept_widening: true,
    };

    let error = block_on(client(&registry).publish(&publication)).unwrap_err();

    assert_eq!(error.code(), "version-exists");
    let request = registry.received().remove(0);
    let text = String::from_utf8_lossy(&request.body).into_owned();
    assert!(request.line.starts_with("PUT "), "{}", request.line);
    assert!(request.body.windows(plugin.package.bytes.len()).any(|window| window == plugin.package.bytes));
    let json = text.split("\r\n\r\n").nth(1).unwrap().split("\r\n").next().unwrap();
    let envelope = Envelope::from_json(json.as_bytes()).unwrap();
    let keys = [author().public_key()];
    assert!(verify_release(&envelope, &keys, &plugin.locked.id(), plugin.locked.digest).is_ok());
    assert!(text.contains("name=\"package\"; filename=\"package.wasm\""), "{text}");
}

#[test]
fn a_registry_that_is_not_there_is_said_to_be_unreachable() {
    let client = Client::new("http://127.0.0.1:1").unwrap();

    let error = block_on(client.search("x", None)).unwrap_err();

    assert_eq!(error.code(), "registry-unreachable");
    assert!(error.to_string().starts_with("cannot reach http://127.0.0.1:1/"), "{error}");
}

#[test]
fn an_address_that_is_none_is_refused() {
    for address in ["", "plugins.example.org", "ftp://x", "http://name:password@x", "file:///etc"] {
        assert!(Client::new(address).is_err(), "{address:?}");
    }
    let client = Client::new("https://example.org/registry").unwrap();
    assert_eq!(client.registry().as_str(), "https://example.org/registry/");
}
