//! Registries that witness each other's logs: what is cosigned, what is refused, what is remembered.

use std::time::Duration;

use pluginry::config::WitnessAddress;
use pluginry::domain::Digest;
use pluginry::log::{
    AddCheckpoint, Checkpoint, Hash, NoteVerifier, SignedCheckpoint, leaf_hash, verify_inclusion,
};
use pluginry::signing::SecretKey;
use pluginry::trust::{Bundle, LoggedEntry, TrustChain, Witnesses, read_checkpoint};
use reqwest::StatusCode;

use crate::harness::command::Terminal;
use crate::harness::server::{ADDER, TestPackage, TestServer, core_manifest, refusal};

/// A registry by its keys, which others know before it runs.
struct Identity {
    origin: &'static str,
    seed: u8,
}

const NORTH: Identity = Identity { origin: "north.example.org", seed: 1 };
const SOUTH: Identity = Identity { origin: "south.example.org", seed: 2 };

impl Identity {
    fn log_key(&self) -> SecretKey {
        SecretKey::from_seed(&[self.seed; 32])
    }

    fn log(&self) -> NoteVerifier {
        NoteVerifier::of_log(self.origin, self.log_key().public_key()).unwrap()
    }

    fn witness_key(&self) -> SecretKey {
        SecretKey::from_seed(&[self.seed + 100; 32])
    }

    fn witness_name(&self) -> String {
        format!("{}/witness", self.origin)
    }

    fn witness(&self) -> NoteVerifier {
        NoteVerifier::of_witness(&self.witness_name(), self.witness_key().public_key()).unwrap()
    }

    /// The registry with this identity, which witnesses `other` and is witnessed by it at `port`.
    async fn start(&self, listen: &str, other: &Self, other_url: &str) -> TestServer {
        TestServer::start_with(|configuration| {
            configuration.listen = listen.to_owned();
            configuration.trust.origin = self.origin.to_owned();
            configuration.trust.log_key = self.log_key().to_text().to_string().into();
            configuration.witness.key = self.witness_key().to_text().to_string().into();
            configuration.witness.name = self.witness_name();
            configuration.witness.logs = vec![other.log().to_string()];
            configuration.witness.quorum = 1;
            let (url, vkey) = (format!("{other_url}/witness"), other.witness().to_string());
            configuration.witness.witnesses = vec![WitnessAddress { url, vkey }];
        })
        .await
    }
}

/// An address nobody listens on now.
fn free_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

async fn north_and_south() -> (TestServer, TestServer) {
    let south_address = free_address();
    let north = NORTH.start("127.0.0.1:0", &SOUTH, &format!("http://{south_address}")).await;
    let south = SOUTH.start(&south_address, &NORTH, &north.url).await;
    (north, south)
}

/// The newest checkpoint of `server` with the cosignature of `witness`, once there is one of the whole log.
async fn witnessed(server: &TestServer, identity: &Identity, witness: &NoteVerifier) -> SignedCheckpoint {
    let cosigned = async {
        loop {
            if let Some(note) = witnessed_head(server, identity, witness).await {
                return note;
            }
            tokio::task::yield_now().await;
        }
    };
    // A second or two; the bound is there so that a failure is not a test that hangs.
    tokio::time::timeout(Duration::from_secs(120), cosigned).await.expect("the witness cosigns")
}

async fn witnessed_head(
    server: &TestServer,
    identity: &Identity,
    witness: &NoteVerifier,
) -> Option<SignedCheckpoint> {
    let head = SignedCheckpoint::parse(&text_of(server, "/log/checkpoint").await).unwrap();
    let response = server.get("/log/witnessed-checkpoint").await;
    if response.status() != StatusCode::OK {
        return None;
    }
    let note = SignedCheckpoint::parse(&response.text().await.unwrap()).unwrap();
    note.verify(&[identity.log()]).unwrap();
    assert_eq!(note.cosignatures(std::slice::from_ref(witness)).len(), 1, "{note}");
    (note.unverified() == head.unverified()).then_some(note)
}

async fn text_of(server: &TestServer, path: &str) -> String {
    let response = server.get(path).await;
    assert_eq!(response.status(), StatusCode::OK, "{path}");
    response.text().await.unwrap()
}

async fn ask(server: &TestServer, body: &str) -> (StatusCode, String, String) {
    let request = server.http.post(format!("{}/witness/add-checkpoint", server.url)).body(body.to_owned());
    let response = request.send().await.unwrap();
    let content_type = response.headers()["content-type"].to_str().unwrap().to_owned();
    (response.status(), content_type, response.text().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_registries_witness_each_other_and_remember_it_over_a_restart() {
    let (north, mut south) = north_and_south().await;
    let author = north.author("acme").await;
    south.author("acme").await;

    let first = witnessed(&north, &NORTH, &SOUTH.witness()).await;
    witnessed(&south, &SOUTH, &NORTH.witness()).await;
    south.restart();
    author.publish(&TestPackage::pack(&core_manifest("acme:adder@1.0.0", ""), ADDER)).await;
    let second = witnessed(&north, &NORTH, &SOUTH.witness()).await;

    assert!(second.unverified().tree_size > first.unverified().tree_size);
    let trust = north.get_json("/api/v1/trust").await;
    assert_eq!(trust["versions"].as_array().unwrap().len(), 1);
    let path = format!("/witness/{}/checkpoint", Digest::of(NORTH.origin.as_bytes()).to_hex());
    let kept = SignedCheckpoint::parse(&text_of(&south, &path).await).unwrap();
    assert_eq!(kept.cosignatures(&[SOUTH.witness()]).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn bundles_are_proven_against_the_newest_head_that_enough_witnesses_cosigned() {
    let (north, mut south) = north_and_south().await;
    let author = north.author("acme").await;
    let package =
        |version: &str| TestPackage::pack(&core_manifest(&format!("acme:adder@{version}"), ""), ADDER);
    author.publish(&package("1.0.0")).await;
    let cosigned = witnessed(&north, &NORTH, &SOUTH.witness()).await.unverified().clone();
    south.stop();
    author.publish(&package("1.0.1")).await;

    let bundle = text_of(&north, "/api/v1/plugins/acme/adder/1.0.0/bundle").await;

    let bundle = Bundle::from_json(bundle.as_bytes()).unwrap();
    let trust = TrustChain::from_json(text_of(&north, "/api/v1/trust").await.as_bytes()).unwrap();
    let (head, _) =
        read_checkpoint(&bundle.checkpoint, &trust.verify().unwrap(), Witnesses::Required).unwrap();
    assert!(head.tree_size >= cosigned.tree_size);
    let LoggedEntry { index, entry, proof } = &bundle.publish;
    verify_inclusion(leaf_hash(entry.as_bytes()), *index, head.tree_size, head.root, proof).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_witness_refuses_a_fork_a_rollback_and_whatever_is_no_request() {
    let (north, south) = north_and_south().await;
    north.author("acme").await;
    let head = witnessed(&north, &NORTH, &SOUTH.witness()).await.unverified().clone();
    let sign = |checkpoint: &Checkpoint| checkpoint.sign(&[(NORTH.origin, &NORTH.log_key())]);
    let request = |old_size: u64, proof: Vec<Hash>, checkpoint: String| {
        AddCheckpoint { old_size, proof, checkpoint }.to_string()
    };
    let fork = Checkpoint { root: Hash([7; 32]), ..head.clone() };
    let longer_fork = Checkpoint { tree_size: head.tree_size + 1, ..fork.clone() };
    let older = Checkpoint { tree_size: 1, ..fork.clone() };
    let unknown = Checkpoint { origin: "elsewhere.example.org".into(), ..head.clone() };
    let unsigned = head.sign(&[(NORTH.origin, &SOUTH.log_key())]);
    let cases = [
        ("the head again", request(head.tree_size, vec![], sign(&head))),
        ("a fork", request(head.tree_size, vec![], sign(&fork))),
        ("a longer fork", request(head.tree_size, vec![Hash([1; 32])], sign(&longer_fork))),
        ("a rollback", request(0, vec![], sign(&older))),
        ("an old size over the new one", request(9_000, vec![], sign(&head))),
        ("an unknown log", request(0, vec![], unknown.sign(&[("elsewhere.example.org", &NORTH.log_key())]))),
        ("a stranger's signature", request(head.tree_size, vec![], unsigned)),
        ("no request", "old times\n".into()),
        ("a body without end", "x".repeat(200 * 1024)),
    ];

    let mut told = String::new();
    for (what, body) in cases {
        let (status, content_type, text) = ask(&south, &body).await;
        told.push_str(&format!("{what}: {} {content_type}\n  {text}", status.as_u16()));
    }

    let root = head.root.to_string();
    let hidden = [(root.as_str(), "ROOT"), ("AAA", "AAA")];
    let told = hidden.iter().fold(told, |told, (from, to)| told.replace(from, to));
    insta::with_settings!({ filters => vec![(r"witness [A-Za-z0-9+/=]{100,}", "witness COSIGNATURE"), (r"leads to the root [A-Za-z0-9+/=]+", "leads to the root X")] }, {
        insta::assert_snapshot!(told);
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn without_enough_witnesses_no_checkpoint_is_shown_as_witnessed() {
    let nobody = format!("http://{}", free_address());
    let north = NORTH.start("127.0.0.1:0", &SOUTH, &nobody).await;
    north.author("acme").await;

    let response = north.get("/log/witnessed-checkpoint").await;

    insta::assert_json_snapshot!(refusal(response).await);
}

#[test]
fn a_witness_of_its_own_tells_its_key_and_cosigns() {
    let terminal = Terminal::new("http://127.0.0.1:1");

    let key = terminal.done(&["witness", "key", "--name", "witness.example.org"]);
    let again = terminal.done(&["witness", "key", "--name", "witness.example.org"]);
    let nonsense = terminal.run(&["witness", "serve", "--name", "witness.example.org", "--log", "nonsense"]);

    assert_eq!(key.out, again.out);
    let verifier: NoteVerifier = key.line().parse().unwrap();
    assert_eq!(verifier.name(), "witness.example.org");
    insta::assert_snapshot!(nonsense.as_text());
}
