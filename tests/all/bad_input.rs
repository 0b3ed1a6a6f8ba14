//! Whatever is wrong with a publish, the answer says what, where and how to mend it, and nothing is stored.
//!
//! Each test sends one wrong thing to the running server; the snapshot is the whole answer, so that its words are read.

use insta::assert_json_snapshot;
use pluginry::signing::SecretKey;
use serde_json::{Value, json};

use crate::harness::generated;
use crate::harness::server::{
    ADDER, Author, TestPackage, TestServer, append_section, core_manifest, refusal,
};

const EMPTY_MODULE: &[u8] = b"\0asm\x01\0\0\0";

/// Sends what must be refused, and checks that nothing became visible.
async fn refused(server: &TestServer, author: &Author<'_>, package: &TestPackage) -> Value {
    let problem = refusal(author.try_publish(package).await).await;
    let page = server.get(&format!("/api/v1/plugins/{}", package.address())).await;
    assert_eq!(page.status(), 404, "a refused release is visible");
    problem
}

fn manifest_json(release: &str, change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let (name, version) = release.split_once('@').unwrap();
    let mut manifest = json!({
        "plugin": { "name": name, "version": version, "description": "A plugin for tests", "license": "MIT" },
        "host": { "profile": "wasi:cli", "version": "*" },
    });
    change(&mut manifest);
    serde_json_canonicalizer::to_vec(&manifest).unwrap()
}

#[tokio::test]
async fn an_import_without_its_capability_is_refused_with_the_line_to_add() {
    let server = TestServer::start().await;
    let author = server.author("acme").await;
    let reader = r#"(module
        (import "wasi_snapshot_preview1" "path_open"
            (func (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32))))"#;

    let package = TestPackage::pack(&core_manifest("acme:reader@1.0.0", ""), reader);

    assert_json_snapshot!(refused(&server, &author, &package).await);
}

#[tokio::test]
async fn an_unknown_import_is_refused_with_the_nearest_known_one() {
    let server = TestServer::start().await;
    let author = server.author("acme").await;
    let module = r#"(module (import "wasi_snapshot_preview1" "clock_time_gett" (func (param i32 i64 i32) (result i32))))"#;

    let package = TestPackage::pack(&core_manifest("acme:clock@1.0.0", ""), module);

    assert_json_snapshot!(refused(&server, &author, &package).await);
}

#[tokio::test]
async fn an_import_of_another_type_is_refused_with_both_types() {
    let server = TestServer::start().await;
    let author = server.author("acme").await;
    let module = r#"(module (import "wasi_snapshot_preview1" "clock_time_get" (func (param i32 i32 i32) (result i64))))"#;

    let package = TestPackage::pack(&core_manifest("acme:clock@1.0.0", ""), module);

    assert_json_snapshot!(refused(&server, &author, &package).await);
}

#[tokio::test]
async fn a_module_without_a_manifest_is_refused() {
    let server = TestServer::start().await;
    let author = server.author("acme").await;

    let mut package = TestPackage::forge("acme:bare@1.0.0", EMPTY_MODULE, b"");
    package.bytes = EMPTY_MODULE.to_vec();

    assert_json_snapshot!(refused(&server, &author, &package).await);
}

#[tokio::test]
async fn two_manifests_are_refused() {
    let server = TestServer::start().await;
    let author = server.author("acme").await;
    let manifest = manifest_json("acme:twice@1.0.0", |_| {});

    let mut package = TestPackage::forge("acme:twice@1.0.0", EMPTY_MODULE, &manifest);
    append_section(&mut package.bytes, "pluginry:manifest", &manifest);

    assert_json_snapshot!(refused(&server, &author, &package).await);
}

#[tokio::test]
async fn a_manifest_that_cannot_be_read_is_refused_with_the_place() {
    let server = TestServer::start().await;
    let author = server.author("acme").await;

    let manifest = manifest_json("acme:odd@1.0.0", |manifest| manifest["plugin"]["colour"] = json!("red"));
    let package = TestPackage::forge("acme:odd@1.0.0", EMPTY_MODULE, &manifest);

    assert_json_snapshot!(refused(&server, &author, &package).await);
}

#[tokio::test]
async fn a_manifest_over_64_kib_is_refused() {
    let server = TestServer::start().await;
    let author = server.author("acme").await;

    let manifest = manifest_json("acme:long@1.0.0", |manifest| {
        manifest["plugin"]["description"] = json!("x".repeat(70_000));
    });
    let package = TestPackage::forge("acme:long@1.0.0", EMPTY_MODULE, &manifest);

    assert_json_snapshot!(refused(&server, &author, &package).await);
}

#[tokio::test]
async fn a_manifest_that_disagrees_with_the_address_is_refused() {
    let server = TestServer::start().await;
    let author = server.author("acme").await;
    let package = TestPackage::pack(&core_manifest("acme:adder@1.0.0", ""), ADDER);
    let attestation = package.sign(&author.key).to_json();

    let response = author.send("acme/adder/1.0.1", package.bytes.clone(), attestation).await;

    assert_json_snapshot!(refusal(response).await);
}

#[tokio::test]
async fn bytes_behind_the_module_are_refused() {
    let server = TestServer::start().await;
    let author = server.author("acme").await;

    let mut package = TestPackage::pack(&core_manifest("acme:tail@1.0.0", ""), ADDER);
    package.bytes.extend_from_slice(b"\x7fmore");

    assert_json_snapshot!(refused(&server, &author, &package).await);
}

#[tokio::test]
async fn a_truncated_module_is_refused() {
    let server = TestServer::start().await;
    let author = server.author("acme").await;

    let mut package = TestPackage::pack(&core_manifest("acme:cut@1.0.0", ""), ADDER);
    package.bytes.truncate(package.bytes.len() - 5);

    assert_json_snapshot!(refused(&server, &author, &package).await);
}

#[tokio::test]
async fn a_zip_sent_as_wasm_is_refused_by_its_name() {
    let server = TestServer::start().await;
    let author = server.author("acme").await;

    let mut package = TestPackage::pack(&core_manifest("acme:zip@1.0.0", ""), ADDER);
    package.bytes = [b"PK\x03\x04".as_slice(), &[0; 200]].concat();

    assert_json_snapshot!(refused(&server, &author, &package).await);
}

#[tokio::test]
async fn a_body_of_65_mib_is_refused() {
    let server = TestServer::start().await;
    let author = server.author("acme").await;

    let mut package = TestPackage::pack(&core_manifest("acme:huge@1.0.0", ""), ADDER);
    package.bytes = vec![0; 65 * 1024 * 1024];

    assert_json_snapshot!(refused(&server, &author, &package).await);
}

#[tokio::test]
async fn a_body_that_stands_still_is_broken_off() {
    let server = TestServer::start_with(|configuration| configuration.limits.body_timeout_ms = 300).await;
    let author = server.author("acme").await;
    let url = format!("{}/api/v1/plugins/acme/slow/1.0.0", server.url);
    let head = "--b\r\nContent-Disposition: form-data; name=\"package\"; filename=\"p\"\r\n\r\n\0asm";
    let body = futures::stream::once(async move { Ok::<_, std::io::Error>(head.to_owned()) });
    let body = futures::StreamExt::chain(body, futures::stream::pending());

    let request = server.http.put(url).bearer_auth(&author.token);
    let request = request.header("content-type", "multipart/form-data; boundary=b");
    let response = request.body(reqwest::Body::wrap_stream(body)).send().await.unwrap();

    assert_json_snapshot!(refusal(response).await);
}

#[tokio::test]
async fn a_signature_by_a_key_of_somebody_else_is_refused() {
    let server = TestServer::start().await;
    let author = server.author("acme").await;
    let stranger = server.author("other").await;
    let package = TestPackage::pack(&core_manifest("acme:adder@1.0.0", ""), ADDER);

    let attestation = package.sign(&stranger.key).to_json();
    let response = author.send(&package.address(), package.bytes.clone(), attestation).await;

    assert_json_snapshot!(refusal(response).await);
}

#[tokio::test]
async fn a_signature_by_a_key_nobody_enrolled_is_refused() {
    let server = TestServer::start().await;
    let author = server.author("acme").await;
    let package = TestPackage::pack(&core_manifest("acme:adder@1.0.0", ""), ADDER);

    let attestation = package.sign(&SecretKey::from_seed(&[9; 32])).to_json();
    let response = author.send(&package.address(), package.bytes.clone(), attestation).await;

    assert_json_snapshot!(refusal(response).await);
}

#[tokio::test]
async fn a_signature_by_a_revoked_key_is_refused() {
    let server = TestServer::start().await;
    let author = server.author("acme").await;
    author.revoke(&author.key).await;

    let package = TestPackage::pack(&core_manifest("acme:adder@1.0.0", ""), ADDER);

    assert_json_snapshot!(refused(&server, &author, &package).await);
}

#[tokio::test]
async fn a_signature_over_other_bytes_is_refused() {
    let server = TestServer::start().await;
    let author = server.author("acme").await;
    let signed = TestPackage::pack(&core_manifest("acme:adder@1.0.0", ""), ADDER);
    let sent = TestPackage::pack(&core_manifest("acme:adder@1.0.0", ""), "(module)");

    let attestation = signed.sign(&author.key).to_json();
    let response = author.send(&sent.address(), sent.bytes.clone(), attestation).await;

    assert_json_snapshot!(refusal(response).await);
}

#[tokio::test]
async fn a_version_that_is_there_with_other_bytes_is_refused() {
    let server = TestServer::start().await;
    let author = server.author("acme").await;
    author.publish(&TestPackage::pack(&core_manifest("acme:adder@1.0.0", ""), ADDER)).await;

    let other = TestPackage::pack(&core_manifest("acme:adder@1.0.0", ""), "(module)");

    assert_json_snapshot!(refusal(author.try_publish(&other).await).await);
}

#[tokio::test]
async fn names_and_versions_in_the_address_are_checked() {
    let server = TestServer::start().await;
    let author = server.author("acme").await;
    let package = TestPackage::pack(&core_manifest("acme:adder@1.0.0", ""), ADDER);
    let addresses = [
        "acme/adder/1.0.0+build",
        "acme/adder/1.0",
        "Acme/adder/1.0.0",
        "acme/ad.der/1.0.0",
        "acme/ad%2Fder/1.0.0",
        "acme/%2e%2e/1.0.0",
        "acme/add%00er/1.0.0",
        "acme/add%D0%B5r/1.0.0",
    ];

    let mut answers = serde_json::Map::new();
    for address in addresses {
        let attestation = package.sign(&author.key).to_json();
        let response = author.send(address, package.bytes.clone(), attestation).await;
        answers.insert(address.to_owned(), refusal(response).await);
    }

    assert_json_snapshot!(answers);
}

#[tokio::test]
async fn a_patch_release_that_asks_for_more_is_refused() {
    let server = TestServer::start().await;
    let author = server.author("acme").await;
    author.publish(&TestPackage::pack(&core_manifest("acme:adder@1.0.0", ""), ADDER)).await;

    let wider = "[capabilities]\nfile-read = { paths = [\"/workspace\"], reason = \"reads templates\" }\n";
    let package = TestPackage::pack(&core_manifest("acme:adder@1.0.1", wider), ADDER);

    assert_json_snapshot!(refused(&server, &author, &package).await);
}

#[tokio::test]
async fn a_minor_release_that_asks_for_more_needs_a_yes() {
    let server = TestServer::start().await;
    let author = server.author("acme").await;
    author.publish(&TestPackage::pack(&core_manifest("acme:adder@1.0.0", ""), ADDER)).await;
    let wider = "[capabilities]\nfile-read = { paths = [\"/workspace\"] }\n";
    let package = TestPackage::pack(&core_manifest("acme:adder@1.1.0", wider), ADDER);

    assert_json_snapshot!(refused(&server, &author, &package).await);
    let attestation = package.sign(&author.key).to_json();
    let response = author
        .send_with(&package.address(), "?accept_widening=true", package.bytes.clone(), attestation)
        .await;

    assert_eq!(response.status(), 201);
}

#[tokio::test]
async fn a_plugin_that_depends_on_itself_is_refused() {
    let server = TestServer::start().await;
    let author = server.author("acme").await;

    let manifest = manifest_json("acme:snake@1.0.0", |manifest| {
        manifest["dependencies"] = json!({ "acme:snake": "^1" })
    });
    let package = TestPackage::forge("acme:snake@1.0.0", EMPTY_MODULE, &manifest);

    assert_json_snapshot!(refused(&server, &author, &package).await);
}

#[tokio::test]
async fn a_dependency_on_nothing_is_refused() {
    let server = TestServer::start().await;
    let author = server.author("acme").await;

    let more = "[dependencies]\n\"acme:nothing\" = \"^1\"\n";
    let package = TestPackage::pack(&core_manifest("acme:lonely@1.0.0", more), ADDER);

    assert_json_snapshot!(refused(&server, &author, &package).await);
}

#[tokio::test]
async fn a_dependency_with_a_bad_requirement_is_refused() {
    let server = TestServer::start().await;
    let author = server.author("acme").await;

    let manifest = manifest_json("acme:vague@1.0.0", |manifest| {
        manifest["dependencies"] = json!({ "acme:other": "around 1" });
    });
    let package = TestPackage::forge("acme:vague@1.0.0", EMPTY_MODULE, &manifest);

    assert_json_snapshot!(refused(&server, &author, &package).await);
}

#[tokio::test]
async fn a_token_of_another_namespace_or_none_is_refused() {
    let server = TestServer::start().await;
    let author = server.author("acme").await;
    let mut stranger = server.author("other").await;
    let package = TestPackage::pack(&core_manifest("acme:adder@1.0.0", ""), ADDER);

    let foreign = refusal(stranger.try_publish(&package).await).await;
    stranger.token = "plg_nobody-gave-this-one".into();
    let unknown = refusal(stranger.try_publish(&package).await).await;
    let body = json!({ "label": "read only", "scopes": ["yank"] });
    let response = server.post("/api/v1/tokens", &author.token, body).await;
    let narrow = crate::harness::server::accept(response).await;
    stranger.token = narrow["token"].as_str().unwrap().to_owned();
    let out_of_scope = refusal(stranger.try_publish(&package).await).await;

    assert_json_snapshot!(json!({ "foreign": foreign, "unknown": unknown, "out of scope": out_of_scope }));
}

#[tokio::test]
async fn modules_that_would_hold_the_compiler_are_refused_before_it_sees_them() {
    let server = TestServer::start().await;
    let author = server.author("acme").await;
    let modules = [
        ("acme:nested@1.0.0", generated::nested_blocks(200_000)),
        ("acme:locals@1.0.0", generated::many_locals(50_000)),
        ("acme:segments@1.0.0", generated::many_data_segments(60_000)),
        ("acme:loops@1.0.0", generated::loops_with_locals(500, 20_000)),
    ];

    let mut answers = serde_json::Map::new();
    for (release, module) in modules {
        let manifest = manifest_json(release, |_| {});
        let package = TestPackage::forge(release, &module, &manifest);
        answers.insert(release.to_owned(), refused(&server, &author, &package).await);
    }

    assert_json_snapshot!(answers);
}
