//! What the registry signs about releases, through the running server, checked as a stranger would who knows its keys
//! alone.

use pluginry::domain::{Digest, Refusal as _, Timestamp, VerificationState};
use pluginry::log::{SignedCheckpoint, TlogProof, leaf_hash, verify_inclusion};
use pluginry::registry::{KeyRole, rotate_key};
use pluginry::runtime::verification_policy;
use pluginry::signing::{Envelope, SecretKey};
use pluginry::trust::{
    Bundle, Check, CheckedPackage, Demands, LockBundle, LogEvent, LogStatement, RecallFeed, RecallKind,
    Standing, StepFailure, TrustChain, TrustDocument, Verdict, check_package, read_recalls, read_standing,
    read_verdict,
};
use pluginry::wasm::PackageLimits;
use reqwest::header::{CONTENT_DISPOSITION, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use serde_json::{Value, json};

use crate::harness::server::{ADDER, Author, TestPackage, TestServer, accept, core_manifest, refusal};

const PASSING: &str =
    "[[verify]]\nname = \"adds\"\ncall = \"add\"\ninput = [2, 3]\nexpect = { json = [5] }\n";

fn adder(release: &str) -> TestPackage {
    TestPackage::pack(&core_manifest(release, ""), ADDER)
}

/// A registry that runs no verification, so that nothing is logged behind the test's back.
async fn quiet() -> TestServer {
    TestServer::start_with(|configuration| configuration.verification.children = 0).await
}

/// A stranger: what it fetched, and what it makes of it.
struct Stranger<'a> {
    server: &'a TestServer,
    trust: TrustDocument,
}

impl<'a> Stranger<'a> {
    async fn of(server: &'a TestServer) -> Self {
        let chain = TrustChain::from_json(&server.get("/api/v1/trust").await.bytes().await.unwrap()).unwrap();
        Self { server, trust: chain.verify().unwrap() }
    }

    async fn bundle(&self, package: &TestPackage) -> Bundle {
        let path = format!("/api/v1/plugins/{}/bundle", package.address());
        Bundle::from_json(&self.server.get(&path).await.bytes().await.unwrap()).unwrap()
    }

    async fn feed(&self) -> RecallFeed {
        let envelope: Envelope =
            serde_json::from_value(self.server.get_json("/api/v1/recalls").await).unwrap();
        read_recalls(&envelope, &self.trust.registry_keys()).unwrap()
    }

    fn standing(&self, bundle: &Bundle) -> Standing {
        read_standing(&bundle.standing, &self.trust.registry_keys()).unwrap()
    }

    fn verdict(&self, bundle: &Bundle) -> Verdict {
        let logged = bundle.verdict.as_ref().expect("a verdict was logged");
        let LogEvent::Verdict(entry) = LogStatement::from_bytes(logged.entry.as_bytes()).unwrap().event
        else {
            panic!("not a verdict: {}", logged.entry)
        };
        read_verdict(&entry.summary, &self.trust.registry_keys_at(logged.index + 1)).unwrap()
    }

    /// All seven steps, with nothing but the registry's keys.
    fn check(
        &self,
        package: &TestPackage,
        bundle: &Bundle,
        demands: &Demands,
    ) -> Result<CheckedPackage, StepFailure> {
        let check = Check {
            release: &package.release,
            trust: &self.trust,
            known_log: None,
            recalls: None,
            pinned: None,
            authors: None,
            demands,
            grants: None,
            host: None,
            profiles: &[],
            believe_bundle_profile: false,
            limits: &PackageLimits::default(),
            now: Timestamp::now(),
        };
        check_package(&package.bytes, bundle, &check)
    }
}

async fn operate(server: &TestServer, package: &TestPackage, verb: &str, reason: &str) {
    let path = format!("{}/api/v1/operator/releases/{}/{verb}", server.url, package.address());
    let request = if verb == "takedown" { server.http.post(path) } else { server.http.put(path) };
    let request = request.bearer_auth(&server.operator_token).json(&json!({ "reason": reason }));
    accept(request.send().await.unwrap()).await;
}

async fn yank(server: &TestServer, author: &Author<'_>, package: &TestPackage) {
    let path = format!("{}/api/v1/plugins/{}", server.url, package.address());
    let request = server.http.patch(path).bearer_auth(&author.token).json(&json!({ "yanked": true }));
    accept(request.send().await.unwrap()).await;
}

async fn wait_until_verified(server: &TestServer, package: &TestPackage) {
    let path = format!("/api/v1/plugins/{}/verification?wait_seconds=20", package.address());
    assert_ne!(server.get_json(&path).await["state"], "pending");
}

async fn lock_of(server: &TestServer, root: &str) -> Value {
    let body = json!({ "roots": { root: "*" } });
    accept(server.post("/api/v1/resolve", "", body).await).await
}

#[tokio::test]
async fn a_stranger_who_knows_the_keys_alone_can_check_a_release() {
    let server = TestServer::start().await;
    let author = server.author("acme").await;
    let package = TestPackage::pack(&core_manifest("acme:adder@1.0.0", PASSING), ADDER);
    author.publish(&package).await;
    wait_until_verified(&server, &package).await;

    let stranger = Stranger::of(&server).await;
    let bundle = stranger.bundle(&package).await;
    let demands = Demands { verified: true, ..Demands::default() };
    let checked = stranger.check(&package, &bundle, &demands).unwrap_or_else(|failure| panic!("{failure}"));

    assert_eq!(checked.verification, VerificationState::Passed);
    assert_eq!(checked.log_index, bundle.publish.index);
    assert_eq!(checked.signer, author.key.public_key().id());
}

#[tokio::test]
async fn a_verdict_names_the_policy_the_engine_and_what_was_found() {
    let server = TestServer::start_with(|configuration| {
        configuration.public_url = "https://plugins.example.org/".into();
    })
    .await;
    let author = server.author("acme").await;
    let package = TestPackage::pack(&core_manifest("acme:adder@1.0.0", PASSING), ADDER);
    author.publish(&package).await;
    wait_until_verified(&server, &package).await;

    let stranger = Stranger::of(&server).await;
    let verdict = stranger.verdict(&stranger.bundle(&package).await);

    assert_eq!((verdict.state, verdict.digest), (VerificationState::Passed, Digest::of(&package.bytes)));
    assert_eq!(verdict.verifier, "https://plugins.example.org");
    assert_eq!(verdict.runtime_version, pluginry::runtime::RUNTIME_VERSION);
    assert_eq!((&verdict.facts["cases"], &verdict.facts["cases_passed"]), (&json!(1), &json!(1)));
    let report =
        &server.get_json(&format!("/api/v1/plugins/{}/verification", package.address())).await["report"];
    let report_digest = Digest::of(&serde_json_canonicalizer::to_vec(report).unwrap());
    assert_eq!(verdict.facts["report_digest"], report_digest.to_string());
    let path = verdict.policy_uri.strip_prefix("https://plugins.example.org").unwrap();
    let policy = server.get(path).await.bytes().await.unwrap();
    assert_eq!(policy, verification_policy());
    assert_eq!(Digest::of(&policy), verdict.policy_digest);
}

#[tokio::test]
async fn a_run_that_failed_is_a_failed_verdict() {
    let server = TestServer::start().await;
    let author = server.author("acme").await;
    let failing = PASSING.replace("[5]", "[6]");
    let package = TestPackage::pack(&core_manifest("acme:adder@1.0.0", &failing), ADDER);
    author.publish(&package).await;
    wait_until_verified(&server, &package).await;

    let stranger = Stranger::of(&server).await;
    let bundle = stranger.bundle(&package).await;
    let asked = stranger.check(&package, &bundle, &Demands { verified: true, ..Demands::default() });

    assert_eq!(stranger.verdict(&bundle).state, VerificationState::Failed);
    assert_eq!(stranger.standing(&bundle).verification, VerificationState::Failed);
    assert!(asked.is_err(), "a host that asks for verified releases takes none that failed");
}

#[tokio::test]
async fn a_policy_nobody_was_measured_by_is_not_found() {
    let server = quiet().await;

    let unknown = server.get(&format!("/api/v1/verification-policies/{}", Digest::of(b"no policy"))).await;
    let no_digest = server.get("/api/v1/verification-policies/latest").await;

    insta::assert_json_snapshot!([refusal(unknown).await, refusal(no_digest).await]);
}

#[tokio::test]
async fn a_standing_tells_what_happened_since() {
    let server = quiet().await;
    let author = server.author("acme").await;
    let package = adder("acme:adder@1.0.0");
    author.publish(&package).await;
    let stranger = Stranger::of(&server).await;
    let before = stranger.bundle(&package).await;

    yank(&server, &author, &package).await;
    operate(&server, &package, "quarantine", "looked at").await;
    operate(&server, &package, "recall", "leaks tokens").await;
    author.revoke(&author.key).await;
    let after = stranger.bundle(&package).await;

    assert!(stranger.check(&package, &before, &Demands::default()).is_ok());
    let (old, new) = (stranger.standing(&before), stranger.standing(&after));
    assert!(!old.yanked && old.recalled.is_none() && old.tree_size < new.tree_size);
    assert!(new.yanked);
    assert_eq!(new.quarantined.as_deref(), Some("looked at"));
    assert_eq!(new.recalled.as_deref(), Some("leaks tokens"));
    assert_eq!(new.signer_revoked_from, Some(after.key_revocation.as_ref().unwrap().index));
    assert_eq!(after.events.len(), 3);
    let refused = stranger.check(&package, &after, &Demands { accept_yanked: true, ..Demands::default() });
    assert_eq!(refused.unwrap_err().code(), "release-withdrawn");
}

#[tokio::test]
async fn a_bundle_from_before_a_rotation_checks_out_under_the_new_keys() {
    let mut server = quiet().await;
    let package = adder("acme:adder@1.0.0");
    let old = {
        let author = server.author("acme").await;
        author.publish(&package).await;
        Stranger::of(&server).await.bundle(&package).await
    };

    for role in [KeyRole::Log, KeyRole::Registry] {
        server.stop();
        rotate_key(server.configuration(), role, Timestamp::now()).await.unwrap();
        server.restart();
    }

    let stranger = Stranger::of(&server).await;
    let new = stranger.bundle(&package).await;
    for bundle in [old, new] {
        let checked = stranger.check(&package, &bundle, &Demands::default());
        checked.unwrap_or_else(|failure| panic!("{failure}"));
    }
}

#[tokio::test]
async fn a_proof_to_carry_away_leads_from_the_publish_to_the_checkpoint() {
    let server = quiet().await;
    let author = server.author("acme").await;
    let package = adder("acme:adder@1.0.0");
    author.publish(&package).await;
    author.publish(&adder("acme:adder@1.0.1")).await;

    let response = server.get(&format!("/api/v1/plugins/{}/tlog-proof", package.address())).await;

    assert_eq!(response.headers()[CONTENT_TYPE], "text/plain; charset=utf-8");
    assert_eq!(response.headers()[CONTENT_DISPOSITION], "attachment; filename=\"adder-1.0.0.tlog-proof\"");
    let proof = TlogProof::parse(&response.text().await.unwrap()).unwrap();
    let stranger = Stranger::of(&server).await;
    let signed = SignedCheckpoint::parse(&proof.checkpoint).unwrap();
    let checkpoint = signed.verify(&stranger.trust.log_verifiers()).unwrap();
    let entry = stranger.bundle(&package).await.publish.entry;
    let leaf = leaf_hash(entry.as_bytes());
    verify_inclusion(leaf, proof.index, checkpoint.tree_size, checkpoint.root, &proof.hashes).unwrap();
}

#[tokio::test]
async fn a_lock_carries_the_signed_checkpoint_it_was_computed_from() {
    let server = quiet().await;
    let author = server.author("acme").await;
    author.publish(&adder("acme:adder@1.0.0")).await;

    let lock = lock_of(&server, "acme:adder").await;

    let keys = Stranger::of(&server).await.trust.log_verifiers();
    let note = lock["checkpoint"].as_str().unwrap();
    let checkpoint = SignedCheckpoint::parse(note).unwrap().verify(&keys).unwrap();
    assert_eq!(json!(checkpoint.tree_size), lock["sequence"]);
}

#[tokio::test]
async fn a_lock_gets_all_its_bundles_under_one_checkpoint() {
    let server = quiet().await;
    let author = server.author("acme").await;
    let base = adder("acme:base@1.0.0");
    let needs = "[dependencies]\n\"acme:base\" = \"^1\"\n";
    let top = TestPackage::pack(&core_manifest("acme:top@1.0.0", needs), ADDER);
    author.publish(&base).await;
    author.publish(&top).await;
    let lock = lock_of(&server, "acme:top").await;

    let answer = server.post("/api/v1/bundles", "", json!({ "lock": lock })).await;
    let bundles = LockBundle::from_json(&answer.bytes().await.unwrap()).unwrap();

    let stranger = Stranger::of(&server).await;
    for package in [&base, &top] {
        let bundle = bundles.bundle(&package.release).unwrap();
        let checked = stranger.check(package, &bundle, &Demands::default());
        checked.unwrap_or_else(|failure| panic!("{failure}"));
    }
    assert_eq!(bundles.bundles[0].release_id(), base.release, "in the order of the lock");
    assert!(read_recalls(&bundles.recalls, &stranger.trust.registry_keys()).is_ok());
}

#[tokio::test]
async fn bundles_of_what_is_not_here_are_refused_in_words() {
    let server = TestServer::start_with(|configuration| {
        configuration.verification.children = 0;
        configuration.limits.json_bytes = 4 * 1024 * 1024;
    })
    .await;
    let author = server.author("acme").await;
    author.publish(&adder("acme:adder@1.0.0")).await;
    let lock = lock_of(&server, "acme:adder").await;
    let mut elsewhere = lock.clone();
    elsewhere["releases"][0]["version"] = json!("2.0.0");
    let mut others = lock.clone();
    others["releases"][0]["digest"] = json!(Digest::of(b"other bytes"));
    let mut endless = lock.clone();
    endless["releases"] = json!(vec![lock["releases"][0].clone(); 4_097]);

    let mut told = Vec::new();
    for path in ["acme/adder/1.0.1/bundle", "acme/addre/1.0.0/bundle", "acme/adder/1.0.1/tlog-proof"] {
        told.push(refusal(server.get(&format!("/api/v1/plugins/{path}")).await).await);
    }
    for lock in [elsewhere, others, endless, json!({ "releases": 1 })] {
        told.push(refusal(server.post("/api/v1/bundles", "", json!({ "lock": lock })).await).await);
    }

    let adder_digest = Digest::of(&adder("acme:adder@1.0.0").bytes).to_string();
    let told = serde_json::to_string_pretty(&told).unwrap().replace(&adder_digest, "DIGEST");
    insta::assert_snapshot!(told);
}

#[tokio::test]
async fn the_recall_feed_tells_what_operators_and_authors_took_back() {
    let server = quiet().await;
    let author = server.author("acme").await;
    let packages: Vec<TestPackage> = (0..3).map(|patch| adder(&format!("acme:adder@1.0.{patch}"))).collect();
    for package in &packages {
        author.publish(package).await;
    }
    let stranger = Stranger::of(&server).await;
    let empty = stranger.feed().await;

    operate(&server, &packages[0], "quarantine", "looked at").await;
    operate(&server, &packages[1], "recall", "leaks tokens").await;
    operate(&server, &packages[2], "takedown", "not theirs").await;
    author.revoke(&author.key).await;
    let feed = stranger.feed().await;
    let lift = format!("{}/api/v1/operator/releases/{}/quarantine", server.url, packages[0].address());
    accept(server.http.delete(lift).bearer_auth(&server.operator_token).send().await.unwrap()).await;
    let lifted = stranger.feed().await;

    assert!(empty.recalls.is_empty() && empty.revoked_keys.is_empty());
    let kinds: Vec<RecallKind> = feed.recalls.iter().map(|item| item.kind).collect();
    assert_eq!(kinds, [RecallKind::Quarantine, RecallKind::Recall, RecallKind::Takedown]);
    assert_eq!(feed.item(Digest::of(&packages[1].bytes)).unwrap().reason, "leaks tokens");
    assert_eq!(feed.revoked_keys[0].key_id, author.key.public_key().id());
    assert!(empty.tree_size < feed.tree_size && feed.tree_size < lifted.tree_size);
    assert_eq!(lifted.recalls.len(), 2);
}

#[tokio::test]
async fn a_feed_that_says_nothing_new_is_not_sent_again_even_over_a_restart() {
    let mut server = quiet().await;
    let package = adder("acme:adder@1.0.0");
    {
        let author = server.author("acme").await;
        author.publish(&package).await;
        operate(&server, &package, "recall", "leaks tokens").await;
    }
    let first = server.get("/api/v1/recalls").await;
    let tag = first.headers()[ETAG].clone();
    server.restart();
    let ask = async |server: &TestServer| {
        let request = server.http.get(format!("{}/api/v1/recalls", server.url));
        request.header(IF_NONE_MATCH, tag.clone()).send().await.unwrap().status()
    };

    let unchanged = ask(&server).await;
    operate(&server, &package, "quarantine", "and looked at").await;
    let changed = ask(&server).await;

    // At the turn of a half day the feed is signed anew; a test that runs over it sees no 304.
    let is_at_the_turn =
        first.text().await.unwrap() != server.get("/api/v1/recalls").await.text().await.unwrap();
    assert!(unchanged == 304 || is_at_the_turn);
    assert_eq!(changed, 200);
}

#[tokio::test]
async fn nothing_here_signs_with_a_key_of_an_author() {
    let server = quiet().await;
    let author = server.author("acme").await;
    let package = adder("acme:adder@1.0.0");
    author.publish(&package).await;
    let stranger = Stranger::of(&server).await;
    let mut bundle = stranger.bundle(&package).await;

    // An author who runs the registry's part alone gets nowhere: the standing is the registry's.
    let forged = Standing { recalled: None, ..stranger.standing(&bundle) };
    bundle.standing = pluginry::trust::sign_standing(&forged, &SecretKey::from_seed(&[9; 32]));

    let refused = stranger.check(&package, &bundle, &Demands::default()).unwrap_err();
    assert_eq!(refused.code(), "statement-unknown-signer");
}
