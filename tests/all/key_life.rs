//! The life of author keys through the running server: waiting, endorsement, recovery, rotation, revocation.
//!
//! Each test ends by replaying the log by the rules that a monitor checks: none may be broken.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic like tests")]

use insta::{assert_json_snapshot, assert_snapshot};
use pluginry::db::log;
use pluginry::signing::{Envelope, KeyEndorsement, PublicKey, SecretKey, sign_endorsement};
use pluginry::trust::{LogEvent, LogStatement, Replay};
use serde_json::{Value, json};

use crate::harness::command::Terminal;
use crate::harness::server::{ADDER, Author, TestPackage, TestServer, accept, core_manifest, refusal};

const DAY: i64 = 24;
const RECOVERY: i64 = 72;

/// Without verification runs the indexes of the log are those that the test made.
async fn start() -> TestServer {
    TestServer::start_with(|configuration| configuration.verification.children = 0).await
}

fn key(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32])
}

fn package(version: &str) -> TestPackage {
    TestPackage::pack(&core_manifest(&format!("acme:adder@{version}"), ""), ADDER)
}

fn endorsement(namespace: &str, new: &PublicKey, by: &SecretKey) -> Envelope {
    sign_endorsement(&KeyEndorsement { namespace: namespace.parse().unwrap(), public_key: *new }, by)
}

fn keys_path(namespace: &str) -> String {
    format!("/api/v1/namespaces/{namespace}/keys")
}

fn key_path(key: &SecretKey) -> String {
    format!("{}/{}", keys_path("acme"), key.public_key().id())
}

/// Asks to enrol a key in `acme`.
async fn enroll(
    server: &TestServer,
    token: &str,
    key: &SecretKey,
    endorsement: Option<Envelope>,
) -> reqwest::Response {
    let mut body = json!({ "public_key": key.public_key().to_string(), "label": "test" });
    if let Some(envelope) = endorsement {
        body["endorsement"] = serde_json::to_value(envelope).unwrap();
    }
    server.post(&keys_path("acme"), token, body).await
}

async fn approve(server: &TestServer, token: &str, key: &SecretKey) -> reqwest::Response {
    server.post(&format!("{}/approvals", key_path(key)), token, json!({})).await
}

/// Revokes a key of `acme`; `query` such as `?from_index=3`.
async fn revoke(server: &TestServer, token: &str, key: &SecretKey, query: &str) -> reqwest::Response {
    let url = format!("{}{}{query}", server.url, key_path(key));
    server.http.delete(url).bearer_auth(token).send().await.unwrap()
}

async fn publish(author: &Author<'_>, version: &str, key: &SecretKey) -> reqwest::Response {
    let package = package(version);
    author.send(&package.address(), package.bytes.clone(), package.sign(key).to_json()).await
}

/// Makes `account` a member of `acme` by the author's hand; gives its token.
async fn member(server: &TestServer, author: &Author<'_>, account: &str, role: &str) -> String {
    let token = server.account(account).await;
    set_role(server, author, account, role).await;
    token
}

async fn set_role(server: &TestServer, author: &Author<'_>, account: &str, role: &str) {
    let url = format!("{}/api/v1/namespaces/acme/members/{account}", server.url);
    let request = server.http.put(url).bearer_auth(&author.token).json(&json!({ "role": role }));
    accept(request.send().await.unwrap()).await;
}

async fn states(server: &TestServer) -> Vec<String> {
    let list = server.get_json(&keys_path("acme")).await;
    let keys = list["keys"].as_array().unwrap().iter();
    keys.map(|key| key["state"].as_str().unwrap().to_owned()).collect()
}

/// A refusal's words, with the moments taken out.
async fn words(response: reqwest::Response) -> String {
    let problem = refusal(response).await;
    let text = |field: &str| timeless(problem[field].as_str().unwrap_or_default());
    format!("{} {}: {}\n    {}\n", problem["status"], text("code"), text("detail"), text("mend"))
}

fn timeless(text: &str) -> String {
    let is_moment = |word: &str| word.starts_with("20") && word.contains('T') && word.contains('Z');
    let word = |word: &str| if is_moment(word) { "[moment]".to_owned() } else { word.to_owned() };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// A list of keys with the moments taken out.
async fn timeless_keys(server: &TestServer) -> Value {
    let mut list = server.get_json(&keys_path("acme")).await;
    for key in list["keys"].as_array_mut().unwrap() {
        for field in ["enrolled_at", "counts_from", "revoked_at"] {
            if key.get(field).is_some() {
                key[field] = "[moment]".into();
            }
        }
    }
    list
}

async fn logged(server: &TestServer) -> Vec<LogStatement> {
    let database = server.database().connect().await;
    let mut connection = database.read().await.unwrap();
    let entries = log::entries_after(&mut connection, 0, 10_000).await.unwrap();
    entries.iter().map(|entry| LogStatement::from_bytes(entry.payload.as_bytes()).unwrap()).collect()
}

/// What a monitor makes of the log: nothing is wrong with it, and it says the same about each release as the index.
async fn check_log(server: &TestServer) {
    let mut replay = Replay::default();
    for statement in logged(server).await {
        assert_eq!(replay.take(&statement), [], "{statement:?}");
    }
    let index = server.get("/index/acme/adder.json").await.text().await.unwrap();
    for line in index.lines().filter(|line| line.contains("\"digest\"")) {
        let line: Value = serde_json::from_str(line).unwrap();
        let release = format!("acme:adder@{}", line["version"].as_str().unwrap()).parse().unwrap();
        let is_marked = line.get("signer_revoked").is_some_and(|marked| marked == true);
        assert_eq!(replay.release(&release).unwrap().signer_revoked, is_marked, "{line}");
    }
}

#[tokio::test]
async fn keys_of_a_namespace_without_releases_count_at_once() {
    let server = start().await;
    let author = server.author("acme").await;

    accept(enroll(&server, &author.token, &key(1), None).await).await;
    accept(enroll(&server, &author.token, &key(2), None).await).await;

    assert_eq!(states(&server).await, ["counts", "counts", "counts"]);
    accept(publish(&author, "1.0.0", &key(2)).await).await;
    check_log(&server).await;
}

#[tokio::test]
async fn a_further_key_beside_releases_waits_a_day() {
    let server = start().await;
    let author = server.author("acme").await;
    author.publish(&package("1.0.0")).await;

    let enrolled = accept(enroll(&server, &author.token, &key(1), None).await).await;
    let again = accept(enroll(&server, &author.token, &key(1), None).await).await;
    let said = words(publish(&author, "1.0.1", &key(1)).await).await;
    server.put_clock_forward(DAY - 1);
    let still = words(publish(&author, "1.0.1", &key(1)).await).await;
    server.put_clock_forward(1);
    let published = accept(publish(&author, "1.0.1", &key(1)).await).await;

    assert_eq!((&enrolled["state"], &enrolled), (&json!("waiting"), &again));
    assert_eq!(said, still);
    assert_snapshot!(said);
    assert_eq!(published["release"]["signer"], key(1).public_key().id().to_hex());
    assert_json_snapshot!(timeless_keys(&server).await);
    check_log(&server).await;
}

#[tokio::test]
async fn a_key_that_counts_signs_another_one_in_at_once_or_while_it_waits() {
    let server = start().await;
    let author = server.author("acme").await;
    author.publish(&package("1.0.0")).await;
    let signed_in = |new: &SecretKey| Some(endorsement("acme", &new.public_key(), &author.key));

    let at_once = accept(enroll(&server, &author.token, &key(1), signed_in(&key(1))).await).await;
    accept(enroll(&server, &author.token, &key(2), None).await).await;
    let later = accept(enroll(&server, &author.token, &key(2), signed_in(&key(2))).await).await;

    assert_eq!((&at_once["state"], &later["state"]), (&json!("counts"), &json!("counts")));
    assert_eq!(at_once["endorsed_by"], author.key.public_key().id().to_hex());
    accept(publish(&author, "1.0.1", &key(1)).await).await;
    accept(publish(&author, "1.0.2", &key(2)).await).await;
    check_log(&server).await;
}

#[tokio::test]
async fn an_endorsement_is_good_for_one_key_of_one_namespace_while_its_signer_counts() {
    let server = start().await;
    let author = server.author("acme").await;
    author.publish(&package("1.0.0")).await;
    let other = server.author("other").await;
    accept(enroll(&server, &author.token, &key(1), None).await).await;
    let gone = key(7);
    accept(
        enroll(&server, &author.token, &gone, Some(endorsement("acme", &gone.public_key(), &author.key)))
            .await,
    )
    .await;
    accept(revoke(&server, &author.token, &gone, "").await).await;
    let new = key(2);
    let of_release = package("1.0.0").sign(&author.key);
    let cases = [
        ("for another namespace", endorsement("other", &new.public_key(), &author.key)),
        ("for another key", endorsement("acme", &key(3).public_key(), &author.key)),
        ("by the new key itself", endorsement("acme", &new.public_key(), &new)),
        ("by a key that waits", endorsement("acme", &new.public_key(), &key(1))),
        ("by a revoked key", endorsement("acme", &new.public_key(), &gone)),
        ("by a key of another namespace", endorsement("acme", &new.public_key(), &other.key)),
        ("a release's attestation", of_release),
    ];

    let mut said = String::new();
    for (what, envelope) in cases {
        let refused = words(enroll(&server, &author.token, &new, Some(envelope)).await).await;
        said.push_str(&format!("{what}\n{refused}"));
    }
    let body = json!({ "public_key": new.public_key(), "label": "", "endorsement": { "payload": "x" } });
    let refused = words(server.post(&keys_path("acme"), &author.token, body).await).await;
    said.push_str(&format!("no envelope\n{refused}"));
    let large = "x".repeat(20_000);
    let body = json!({ "public_key": new.public_key(), "label": "", "endorsement": { "payload": large } });
    let refused = words(server.post(&keys_path("acme"), &author.token, body).await).await;
    said.push_str(&format!("a large one\n{refused}"));

    assert_snapshot!(said);
    assert_eq!(states(&server).await, ["counts", "waiting", "revoked"], "none of these enrolled a key");
    check_log(&server).await;
}

#[tokio::test]
async fn lost_keys_are_recovered_by_two_owners_and_three_days() {
    let server = start().await;
    let author = server.author("acme").await;
    author.publish(&package("1.0.0")).await;
    let bob = member(&server, &author, "bob", "owner").await;
    let carol = member(&server, &author, "carol", "member").await;
    author.revoke(&author.key).await;
    let new = key(1);

    let asked = accept(enroll(&server, &author.token, &new, None).await).await;
    let mut said = words(publish(&author, "1.0.1", &new).await).await;
    said.push_str(&words(approve(&server, &author.token, &new).await).await);
    said.push_str(&words(approve(&server, &carol, &new).await).await);
    said.push_str(&words(approve(&server, &bob, &new).await).await);
    let silent = logged(&server).await.len();
    server.put_clock_forward(RECOVERY);
    let stranger = server.account("stranger").await;
    said.push_str(&words(approve(&server, &stranger, &new).await).await);
    let approved = accept(approve(&server, &bob, &new).await).await;
    let again = accept(approve(&server, &bob, &new).await).await;
    said.push_str(&words(approve(&server, &server.operator_token, &new).await).await);
    said.push_str(&words(publish(&author, "1.0.1", &new).await).await);
    let told = logged(&server).await;
    server.put_clock_forward(RECOVERY);

    assert_eq!((&asked["state"], asked.get("enrolled_index")), (&json!("needs-approval"), None));
    assert_eq!((&approved["state"], &approved), (&json!("waiting"), &again));
    assert_eq!(told.len(), silent + 1, "one entry, at the approval");
    let LogEvent::KeyEnroll(enrollment) = &told.last().unwrap().event else { panic!("{told:?}") };
    assert_eq!(
        (enrollment.account.as_str(), enrollment.approved_by.as_slice()),
        ("acme-author", &["bob".into()][..])
    );
    assert_eq!(enrollment.counts_from, enrollment.at.plus_seconds(RECOVERY * 3_600));
    accept(publish(&author, "1.0.1", &new).await).await;
    assert_snapshot!(said);
    check_log(&server).await;
}

#[tokio::test]
async fn an_operator_recovers_a_namespace_alone() {
    let server = start().await;
    let author = server.author("acme").await;
    author.publish(&package("1.0.0")).await;
    author.revoke(&author.key).await;
    accept(enroll(&server, &author.token, &key(1), None).await).await;

    let approved = accept(approve(&server, &server.operator_token, &key(1)).await).await;

    assert_eq!((&approved["state"], &approved["approved_by"]), (&json!("waiting"), &json!(["operator"])));
    server.put_clock_forward(RECOVERY);
    accept(publish(&author, "1.0.1", &key(1)).await).await;
    check_log(&server).await;
}

#[tokio::test]
async fn approving_twice_is_one_approval_and_a_members_request_needs_two() {
    let server = start().await;
    let author = server.author("acme").await;
    author.publish(&package("1.0.0")).await;
    let bob = member(&server, &author, "bob", "owner").await;
    let carol = member(&server, &author, "carol", "member").await;
    author.revoke(&author.key).await;
    server.put_clock_forward(RECOVERY);
    accept(enroll(&server, &carol, &key(1), None).await).await;

    let new = key(1);
    let (first, second) = tokio::join!(approve(&server, &bob, &new), approve(&server, &bob, &new));
    let (first, second) = (accept(first).await, accept(second).await);
    let other = accept(approve(&server, &author.token, &key(1)).await).await;

    assert_eq!((&first["state"], &second["state"]), (&json!("needs-approval"), &json!("needs-approval")));
    assert_eq!(first["approved_by"], json!(["bob"]));
    assert_eq!((&other["state"], &other["approved_by"]), (&json!("waiting"), &json!(["acme-author", "bob"])));
    check_log(&server).await;
}

#[tokio::test]
async fn the_approval_of_who_owns_it_no_longer_does_not_count() {
    let server = start().await;
    let author = server.author("acme").await;
    author.publish(&package("1.0.0")).await;
    let bob = member(&server, &author, "bob", "owner").await;
    let dora = member(&server, &author, "dora", "owner").await;
    let carol = member(&server, &author, "carol", "member").await;
    author.revoke(&author.key).await;
    server.put_clock_forward(RECOVERY);
    accept(enroll(&server, &carol, &key(1), None).await).await;
    accept(approve(&server, &bob, &key(1)).await).await;
    set_role(&server, &author, "bob", "member").await;

    let alone = accept(approve(&server, &dora, &key(1)).await).await;
    let together = accept(approve(&server, &author.token, &key(1)).await).await;

    assert_eq!((&alone["state"], &together["state"]), (&json!("needs-approval"), &json!("waiting")));
    check_log(&server).await;
}

#[tokio::test]
async fn a_key_that_waits_or_needs_approval_can_be_turned_down() {
    let server = start().await;
    let author = server.author("acme").await;
    author.publish(&package("1.0.0")).await;
    let bob = member(&server, &author, "bob", "owner").await;
    let carol = member(&server, &author, "carol", "member").await;
    accept(enroll(&server, &carol, &key(1), None).await).await;
    accept(revoke(&server, &bob, &key(1), "?reason=who%20is%20that").await).await;
    server.put_clock_forward(DAY);
    let mut said = words(publish(&author, "1.0.1", &key(1)).await).await;
    author.revoke(&author.key).await;
    let silent = logged(&server).await.len();

    accept(enroll(&server, &author.token, &key(2), None).await).await;
    accept(enroll(&server, &carol, &key(3), None).await).await;
    said.push_str(&words(revoke(&server, &carol, &key(2), "").await).await);
    let turned_down = accept(revoke(&server, &bob, &key(2), "").await).await;
    accept(revoke(&server, &carol, &key(3), "").await).await;
    said.push_str(&words(approve(&server, &bob, &key(2)).await).await);
    said.push_str(&words(revoke(&server, &bob, &key(2), "").await).await);

    assert_eq!(turned_down["state"], "revoked");
    assert_eq!(states(&server).await, ["revoked", "revoked"], "what never counted is forgotten");
    assert_eq!(logged(&server).await.len(), silent, "and never was in the log");
    assert_snapshot!(said);
    check_log(&server).await;
}

#[tokio::test]
async fn a_stolen_key_is_revoked_from_an_earlier_index_and_its_releases_fall() {
    let mut server = start().await;
    let author = server.author("acme").await;
    let good = accept(publish(&author, "1.0.0", &author.key).await).await;
    let stolen = accept(publish(&author, "1.1.0", &author.key).await).await;
    let last = accept(publish(&author, "1.2.0", &author.key).await).await;
    let lock =
        accept(server.post("/api/v1/resolve", "", json!({ "roots": { "acme:adder": "^1" } })).await).await;
    let index_of = |answer: &Value| answer["sequence"].as_u64().unwrap() - 1;
    assert_eq!(lock["releases"][0]["version"], "1.2.0");

    let ahead = format!("?from_index={}", index_of(&last) + 2);
    let mut said = words(revoke(&server, &author.token, &author.key, &ahead).await).await;
    let late = format!("?from_index={}&reason=stolen", index_of(&last));
    let first = accept(revoke(&server, &author.token, &author.key, &late).await).await;
    let early = format!("?from_index={}", index_of(&stolen));
    let second = accept(revoke(&server, &author.token, &author.key, &early).await).await;
    let third = accept(revoke(&server, &author.token, &author.key, &late).await).await;

    assert_eq!(first["revoked_from_index"], index_of(&last));
    assert_eq!((&second["revoked_from_index"], &second), (&json!(index_of(&stolen)), &third));
    let token = author.token.clone();
    for _ in 0..2 {
        let ask = json!({ "roots": { "acme:adder": "^1" }, "lock": lock });
        let moved = accept(server.post("/api/v1/resolve", "", ask).await).await;
        assert_eq!(moved["releases"][0]["version"], good["release"]["version"]);
        let ask = json!({ "roots": { "acme:adder": "^1.1" }, "lock": lock });
        let refused = words(server.post("/api/v1/resolve", "", ask).await).await;
        assert_snapshot!("resolving_what_a_stolen_key_signed", refused);
        check_log(&server).await;
        server.restart();
    }
    let page = server.get("/plugins/acme/adder/1.1.0").await.text().await.unwrap();
    assert!(page.contains("It no longer verifies."), "{page}");
    let search = server.get_json("/api/v1/plugins?q=adder").await;
    assert_eq!(search["plugins"][0]["version"], "1.0.0");
    let newline = "?reason=a%0Ab";
    said.push_str(&words(revoke(&server, &token, &key(5), newline).await).await);
    said.push_str(&words(revoke(&server, &token, &key(5), "").await).await);
    said.push_str(&words(revoke(&server, &token, &key(5), "?from=3").await).await);
    assert_snapshot!(said);
}

#[tokio::test]
async fn what_a_revoked_key_signed_before_stands() {
    let server = start().await;
    let author = server.author("acme").await;
    let published = accept(publish(&author, "1.0.0", &author.key).await).await;

    let revoked = accept(revoke(&server, &author.token, &author.key, "").await).await;

    assert_eq!(revoked["revoked_from_index"], published["sequence"]);
    let lock =
        accept(server.post("/api/v1/resolve", "", json!({ "roots": { "acme:adder": "^1" } })).await).await;
    assert_eq!(lock["releases"][0]["version"], "1.0.0");
    check_log(&server).await;
}

#[tokio::test]
async fn a_revocation_that_races_publishes_comes_before_or_after_each() {
    let server = start().await;
    let author = server.author("acme").await;
    for round in 0_u8..6 {
        let signer = key(100 + round);
        let by = if round == 0 { &author.key } else { &key(50) };
        if round == 1 {
            let envelope = endorsement("acme", &key(50).public_key(), &author.key);
            accept(enroll(&server, &author.token, &key(50), Some(envelope)).await).await;
        }
        let envelope = endorsement("acme", &signer.public_key(), by);
        accept(enroll(&server, &author.token, &signer, Some(envelope)).await).await;
        let versions: Vec<String> = (0..6).map(|patch| format!("1.{round}.{patch}")).collect();

        let publishes = versions.iter().map(|version| publish(&author, version, &signer));
        let (answers, revoked) =
            tokio::join!(futures::future::join_all(publishes), revoke(&server, &author.token, &signer, ""),);

        let from_index = accept(revoked).await["revoked_from_index"].as_u64().unwrap();
        for answer in answers {
            if answer.status().is_success() {
                let index = accept(answer).await["sequence"].as_u64().unwrap() - 1;
                assert!(index < from_index, "a publish at {index} was taken in behind {from_index}");
            } else {
                assert_eq!(refusal(answer).await["code"], "key-revoked");
            }
        }
    }
    check_log(&server).await;
}

#[tokio::test]
async fn enrolments_that_race_a_first_release_or_a_revocation_are_logged_in_the_order_they_were_decided() {
    let server = start().await;
    let author = server.author("acme").await;
    let (first, second) = (key(1), key(2));

    let (published, enrolled) =
        tokio::join!(publish(&author, "1.0.0", &author.key), enroll(&server, &author.token, &first, None));
    accept(published).await;
    accept(enrolled).await;
    let envelope = endorsement("acme", &second.public_key(), &author.key);
    let (endorsed, revoked) = tokio::join!(
        enroll(&server, &author.token, &second, Some(envelope)),
        revoke(&server, &author.token, &author.key, ""),
    );
    accept(revoked).await;

    let was_in_time = endorsed.status().is_success();
    let state = states(&server).await.pop().unwrap();
    assert!(was_in_time == (state == "counts" && states(&server).await.len() == 3), "{was_in_time} {state}");
    check_log(&server).await;
}

#[tokio::test]
async fn tokens_change_keys_only_with_the_scope_for_it() {
    let server = start().await;
    let author = server.author("acme").await;
    author.publish(&package("1.0.0")).await;
    let make = async |scope: &str| {
        let body = json!({ "label": "ci", "scopes": [scope], "namespaces": ["acme"] });
        let made = accept(server.post("/api/v1/tokens", &author.token, body).await).await;
        made["token"].as_str().unwrap().to_owned()
    };
    let (publisher, keeper) = (make("publish").await, make("keys").await);

    let mut said = words(enroll(&server, &publisher, &key(1), None).await).await;
    said.push_str(&words(revoke(&server, &publisher, &author.key, "").await).await);
    said.push_str(&words(approve(&server, &publisher, &author.key).await).await);
    accept(enroll(&server, &keeper, &key(1), None).await).await;
    accept(revoke(&server, &keeper, &key(1), "").await).await;
    let mut robot = server.author("spare").await;
    robot.token = keeper;
    said.push_str(&words(publish(&robot, "1.0.1", &author.key).await).await);

    assert_snapshot!(said);
}

#[tokio::test]
async fn keys_recoveries_and_tokens_are_bounded() {
    let server = start().await;
    let author = server.author("acme").await;
    for seed in 1..64 {
        accept(enroll(&server, &author.token, &key(seed), None).await).await;
    }
    let mut said = words(enroll(&server, &author.token, &key(64), None).await).await;
    author.publish(&package("1.0.0")).await;
    author.revoke(&author.key).await;
    for seed in 1..64 {
        accept(revoke(&server, &author.token, &key(seed), "").await).await;
    }
    for seed in 200..204 {
        accept(enroll(&server, &author.token, &key(seed), None).await).await;
    }
    said.push_str(&words(enroll(&server, &author.token, &key(204), None).await).await);
    let body = json!({ "label": "ci", "scopes": ["publish"] });
    for _ in 1..100 {
        accept(server.post("/api/v1/tokens", &author.token, body.clone()).await).await;
    }
    said.push_str(&words(server.post("/api/v1/tokens", &author.token, body).await).await);

    assert_snapshot!(said);
}

#[tokio::test]
async fn signing_in_again_and_again_ends_the_oldest_sign_in_and_locks_nobody_out() {
    let server = start().await;
    let first = server.account("ada").await;
    let body = json!({ "name": "ada", "password": "correct horse battery staple" });

    let mut last = String::new();
    for _ in 0..50 {
        let answer = accept(server.post("/api/v1/login", "", body.clone()).await).await;
        last = answer["token"].as_str().unwrap().to_owned();
    }

    let ask = async |token: &str| {
        let request = server.http.get(format!("{}/api/v1/tokens", server.url)).bearer_auth(token);
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!((ask(&first).await, ask(&last).await), (401, 200));
}

#[tokio::test]
async fn the_page_of_a_namespace_says_what_each_key_may_do() {
    let server = start().await;
    let author = server.author("acme").await;
    author.publish(&package("1.0.0")).await;
    accept(enroll(&server, &author.token, &key(1), None).await).await;
    let endorsed = Some(endorsement("acme", &key(2).public_key(), &author.key));
    accept(enroll(&server, &author.token, &key(2), endorsed).await).await;
    let before = server.get("/plugins/acme").await.text().await.unwrap();
    for key in [&author.key, &key(1), &key(2)] {
        author.revoke(key).await;
    }
    accept(enroll(&server, &author.token, &key(3), None).await).await;

    let after = server.get("/plugins/acme").await.text().await.unwrap();

    for words in ["Counts from ", "Signed in by "] {
        assert!(before.contains(words), "{words}: {before}");
    }
    for words in ["What it signed at entry ", "another owner or an operator has to approve this one"] {
        assert!(after.contains(words), "{words}: {after}");
    }
}

#[tokio::test]
async fn a_key_is_rotated_on_the_command_line() {
    let server = start().await;
    let ada = Terminal::new(&server.url);
    ada.register("ada");
    ada.write("first.wasm", &package("1.0.0").bytes);
    ada.write("second.wasm", &package("1.0.1").bytes);
    ada.done(&["publish", "first.wasm"]);

    let rotated = ada.done(&["key", "rotate", "acme"]);
    let old = ada.run(&["publish", "second.wasm"]);
    ada.done(&["publish", "second.wasm", "--key", "default-2"]);
    let listed = ada.done(&["key", "list", "--namespace", "acme"]);

    let id = listed.out.split("  ").next().unwrap().to_owned();
    let earlier = ["key", "revoke", &id, "--namespace", "acme", "--from-index", "2", "--reason", "stolen"];
    let stolen = ada.done(&earlier);
    let ahead = ada.run(&["key", "revoke", &id, "--namespace", "acme", "--from-index", "99"]);

    assert!(stolen.err.contains("from entry 2 of the log on"), "{}", stolen.err);
    assert!(stolen.err.contains("It signed in key"), "{}", stolen.err);
    assert!(ahead.err.contains("revocation-index-ahead"), "{}", ahead.err);
    assert!(rotated.err.contains("revoked from entry 4 of the log on"), "{}", rotated.err);
    assert!(old.err.contains("key-revoked"), "{}", old.err);
    assert_eq!(listed.out.lines().count(), 2, "{}", listed.out);
    assert!(listed.out.contains("revoked from entry 4 of the log on"), "{}", listed.out);
    check_log(&server).await;
}

#[tokio::test]
async fn a_machine_without_the_old_key_is_told_what_to_do() {
    let server = start().await;
    let (ada, laptop) = (Terminal::new(&server.url), Terminal::new(&server.url));
    ada.register("ada");
    ada.write("first.wasm", &package("1.0.0").bytes);
    ada.done(&["publish", "first.wasm"]);
    laptop.write("second.wasm", &package("1.0.1").bytes);
    laptop.run_with_input(&["login", "--name", "ada"], "correct horse battery staple\n").done("login");

    let waits = laptop.run(&["publish", "second.wasm"]);
    ada.done(&["key", "revoke", "default", "--namespace", "acme", "--reason", "lost"]);
    let id = laptop.done(&["key", "list"]).out.split("  ").nth(1).unwrap().to_owned();
    laptop.done(&["key", "revoke", "default", "--namespace", "acme"]);
    laptop.done(&["key", "new", "second"]);
    let needs = laptop.run(&["publish", "second.wasm", "--key", "second"]);
    let own = laptop.run(&["key", "approve", "second", "--namespace", "acme"]);

    let said = [waits, needs, own].map(|said| laptop.redacted(&said.as_text())).join("\n");
    let ids = laptop.done(&["key", "list"]).out;
    let second = ids.lines().last().unwrap().split("  ").nth(1).unwrap();
    let said = said.replace(&id, "[key]").replace(second, "[second key]").replace(&second[..12], "[second]");
    let said: Vec<String> = said.lines().map(timeless).collect();
    assert_snapshot!(said.join("\n").replace(&server.url, "[registry]"));
}
