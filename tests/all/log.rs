//! The transparency log over HTTP: what it serves verifies from its tiles alone, after whatever happened.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic like tests")]

use std::collections::BTreeMap;
use std::fs;

use futures::StreamExt as _;
use futures::future::join_all;
use insta::assert_json_snapshot;
use pluginry::db::Dialect;
use pluginry::log::{
    Checkpoint, EntryBundleId, SignedCheckpoint, TILE_WIDTH, Tiles, leaf_hash, prove_consistency,
    prove_inclusion, read_entry_bundle, root, tiles_for_consistency, tiles_for_inclusion, tiles_for_root,
    verify_consistency, verify_inclusion,
};
use pluginry::signing::SecretKey;
use pluginry::trust::{LogStatement, TrustChain};
use serde_json::{Value, json};
use sqlx::Executor as _;

use crate::harness::process::Process;
use crate::harness::server::{ADDER, Author, TestPackage, TestServer, accept, core_manifest, refusal};

async fn start() -> TestServer {
    TestServer::start_with(|configuration| configuration.verification.children = 0).await
}

fn adder(release: &str) -> TestPackage {
    TestPackage::pack(&core_manifest(release, ""), ADDER)
}

/// Somebody who reads the log and believes nothing but the trust document.
struct Reader {
    http: reqwest::Client,
    url: String,
}

impl Reader {
    fn of(server: &TestServer) -> Self {
        Self { http: server.http.clone(), url: server.url.clone() }
    }

    async fn fetch(&self, path: &str) -> Vec<u8> {
        let response = self.http.get(format!("{}/{path}", self.url)).send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        response.bytes().await.unwrap().to_vec()
    }

    async fn note(&self) -> String {
        String::from_utf8(self.fetch("log/checkpoint").await).unwrap()
    }

    async fn checkpoint(&self) -> Checkpoint {
        let chain: TrustChain = serde_json::from_slice(&self.fetch("api/v1/trust").await).unwrap();
        let keys = chain.verify().unwrap().log_verifiers();
        SignedCheckpoint::parse(&self.note().await).unwrap().verify(&keys).unwrap()
    }

    async fn tiles(&self, wanted: &[pluginry::log::TileId]) -> Tiles {
        let mut tiles = Tiles::default();
        for tile in wanted {
            tiles.insert(*tile, self.fetch(&format!("log/{}", tile.path())).await).unwrap();
        }
        tiles
    }

    async fn entries(&self, tree_size: u64) -> Vec<Vec<u8>> {
        let mut entries = Vec::new();
        for index in 0..tree_size.div_ceil(u64::from(TILE_WIDTH)) {
            let bundle = EntryBundleId::in_tree(index, tree_size).unwrap();
            let bytes = self.fetch(&format!("log/{}", bundle.path())).await;
            entries
                .extend(read_entry_bundle(&bytes, bundle.width()).unwrap().into_iter().map(<[u8]>::to_vec));
        }
        entries
    }

    /// Reads everything and checks it; what the entries say.
    async fn verify(&self) -> (Checkpoint, Vec<LogStatement>) {
        let checkpoint = self.checkpoint().await;
        let size = checkpoint.tree_size;
        let tiles = self.tiles(&tiles_for_root(size)).await;
        assert_eq!(root(size, &tiles), Ok(checkpoint.root));
        let entries = self.entries(size).await;
        assert_eq!(entries.len() as u64, size);
        for (index, entry) in (0..).zip(&entries) {
            let tiles = self.tiles(&tiles_for_inclusion(index, size)).await;
            let proof = prove_inclusion(index, size, &tiles).unwrap();
            verify_inclusion(leaf_hash(entry), index, size, checkpoint.root, &proof).unwrap();
        }
        let statements = entries.iter().map(|entry| LogStatement::from_bytes(entry).unwrap()).collect();
        (checkpoint, statements)
    }

    /// The tree of `new` must have grown out of the one of `old`.
    async fn grew(&self, old: &Checkpoint, new: &Checkpoint) {
        let tiles = self.tiles(&tiles_for_consistency(old.tree_size, new.tree_size)).await;
        let proof = prove_consistency(old.tree_size, new.tree_size, &tiles).unwrap();
        verify_consistency(old.tree_size, old.root, new.tree_size, new.root, &proof).unwrap();
    }
}

async fn change(server: &TestServer, author: &Author<'_>, release: &str, body: Value) {
    let url = format!("{}/api/v1/plugins/{release}", server.url);
    let request = server.http.patch(url).bearer_auth(&author.token).json(&body);
    accept(request.send().await.unwrap()).await;
}

/// Makes the log `entries` entries longer, cheaply.
async fn make_namespaces(server: &TestServer, author: &Author<'_>, entries: u64) {
    let made = (0..entries).map(async |number| {
        let body = json!({ "name": format!("{}-{number}", author.namespace) });
        accept(server.post("/api/v1/namespaces", &author.token, body).await).await;
    });
    futures::stream::iter(made).buffer_unordered(8).collect::<Vec<()>>().await;
}

/// A log of more than one full tile, whose last entry was answered.
async fn long_log(server: &TestServer) -> Checkpoint {
    let author = server.author("acme").await;
    make_namespaces(server, &author, 300).await;
    author.publish(&adder("acme:adder@1.0.0")).await;
    Reader::of(server).checkpoint().await
}

#[tokio::test]
async fn the_log_verifies_from_its_tiles_alone_after_everything_that_happens() {
    let server = start().await;
    let author = server.author("acme").await;
    let reader = Reader::of(&server);
    author.publish(&adder("acme:adder@1.0.0")).await;
    let first = reader.checkpoint().await;

    author.publish(&adder("acme:adder@1.1.0")).await;
    change(&server, &author, "acme/adder/1.0.0", json!({ "yanked": true })).await;
    change(&server, &author, "acme/adder/1.0.0", json!({ "yanked": false })).await;
    change(&server, &author, "acme/adder/1.0.0", json!({ "deprecated": "use 1.1.0" })).await;
    author.enroll(&SecretKey::from_seed(&[8; 32])).await;
    author.revoke(&author.key).await;
    server.author("globex").await.publish(&adder("globex:adder@1.0.0")).await;
    let (last, statements) = reader.verify().await;

    reader.grew(&first, &last).await;
    let told: Vec<String> =
        statements.iter().map(|entry| format!("{} {}", entry.kind(), entry.subject.to_key())).collect();
    assert_json_snapshot!(told);
}

#[tokio::test]
async fn changes_at_once_share_checkpoints() {
    let mut server = start().await;
    let author = server.author("acme").await;
    let (token, key) = (author.token.clone(), author.key);
    server.stop();
    let process = Process::start(server.data(), server.database(), &[]);
    let reader = Reader { http: server.http.clone(), url: process.url.clone() };
    let publish = async |number: usize| {
        let package = adder(&format!("acme:adder-{number}@1.0.0"));
        let form = reqwest::multipart::Form::new()
            .part("attestation", reqwest::multipart::Part::bytes(package.sign(&key).to_json()))
            .part("package", reqwest::multipart::Part::bytes(package.bytes.clone()));
        let url = format!("{}/api/v1/plugins/{}", process.url, package.address());
        accept(reader.http.put(url).bearer_auth(&token).multipart(form).send().await.unwrap()).await
    };

    let answers = join_all((0..60).map(publish)).await;

    let (checkpoint, _) = reader.verify().await;
    let metrics = String::from_utf8(reader.fetch("metrics").await).unwrap();
    let signed = metrics.lines().find_map(|line| line.strip_prefix("log_checkpoints_total ")).unwrap();
    assert!(signed.parse::<usize>().unwrap() < answers.len(), "{signed} checkpoints for 60 releases");
    assert!(
        answers.iter().all(|answer| answer["release"]["sequence"].as_u64() <= Some(checkpoint.tree_size))
    );
}

#[tokio::test]
async fn a_restart_serves_the_same_log() {
    let mut server = start().await;
    let before = long_log(&server).await;
    let note = Reader::of(&server).note().await;
    server.restart();

    let after = Reader::of(&server).verify().await.0;

    assert_eq!(Reader::of(&server).note().await, note);
    assert_eq!(after, before);
}

#[tokio::test]
async fn tiles_that_are_torn_or_missing_at_a_start_are_made_again() {
    let mut server = start().await;
    let before = long_log(&server).await;
    let log = server.data().join("objects/log");
    let damages: [&dyn Fn(); 5] = [
        &|| fs::remove_file(log.join("tile/0/000")).unwrap(),
        &|| fs::write(log.join("tile/entries/000"), b"torn").unwrap(),
        &|| fs::remove_dir_all(log.join("tile/1")).unwrap(),
        &|| fs::write(log.join("checkpoint"), b"torn").unwrap(),
        &|| fs::remove_dir_all(&log).unwrap(),
    ];

    for damage in damages {
        server.stop();
        damage();
        server.restart();

        assert_eq!(Reader::of(&server).verify().await.0, before);
    }
}

#[tokio::test]
async fn a_damaged_tile_is_made_again_when_a_proof_needs_it() {
    let mut server = start().await;
    let checkpoint = long_log(&server).await;
    server.stop();
    let tile = server.data().join("objects/log/tile/0/000");
    let whole = fs::read(&tile).unwrap();
    fs::write(&tile, vec![7; whole.len()]).unwrap();
    server.restart();

    let proof = server.get_json("/api/v1/plugins/acme/adder/1.0.0/bundle").await["key_enrollment"].take();

    assert_eq!(fs::read(&tile).unwrap(), whole);
    assert_eq!(proof["index"], 1, "{proof}");
    assert_eq!(Reader::of(&server).verify().await.0, checkpoint);
}

#[tokio::test]
async fn partial_tiles_of_old_sizes_are_served_for_ever() {
    let server = start().await;
    let reader = Reader::of(&server);
    let author = server.author("acme").await;
    author.publish(&adder("acme:adder@0.1.0")).await;
    let old = reader.checkpoint().await;
    let places = ["log/tile/0/000", "log/tile/entries/000"];
    let paths = places.map(|place| format!("{place}.p/{}", old.tree_size));
    let before = join_all(paths.iter().map(|path| reader.fetch(path))).await;

    make_namespaces(&server, &author, 300).await;
    author.publish(&adder("acme:adder@1.0.0")).await;
    let after = join_all(paths.iter().map(|path| reader.fetch(path))).await;

    assert_eq!(after, before);
    let new = reader.checkpoint().await;
    reader.grew(&old, &new).await;
    // The start of a full tile of level 1 is there as well.
    assert_eq!(reader.fetch("log/tile/1/000.p/1").await.len(), 32);
}

#[tokio::test]
async fn a_quiet_registry_leaves_the_whole_log_in_its_store_and_few_old_parts() {
    let mut server = start().await;
    let checkpoint = long_log(&server).await;
    let size = checkpoint.tree_size;
    server.stop();

    let log = server.data().join("objects/log");
    let mut stored = BTreeMap::new();
    for entry in walkdir::WalkDir::new(&log) {
        let entry = entry.unwrap();
        if entry.file_type().is_file() {
            let path = entry.path().strip_prefix(&log).unwrap().display().to_string();
            stored.insert(path, fs::read(entry.path()).unwrap());
        }
    }

    let mut tiles = Tiles::default();
    for tile in tiles_for_root(size) {
        tiles.insert(tile, stored[&tile.path()].clone()).unwrap();
    }
    assert_eq!(root(size, &tiles), Ok(checkpoint.root));
    let bundle = EntryBundleId::in_tree(1, size).unwrap();
    assert_eq!(read_entry_bundle(&stored[&bundle.path()], bundle.width()).unwrap().len() as u64, size - 256);
    assert!(stored.len() <= 12, "{:?}", stored.keys());
}

#[tokio::test]
async fn a_database_from_an_older_backup_is_refused() {
    let mut server = start().await;
    let author = server.author("acme").await;
    author.publish(&adder("acme:adder@1.0.0")).await;
    drop(author);
    server.stop();

    let mut connection = server.database().raw_connection().await;
    connection.execute("DELETE FROM log_entries WHERE sequence > 2").await.unwrap();
    let refused = server.refuse_to_start().await;

    insta::assert_snapshot!(refused);
}

#[tokio::test]
async fn a_database_with_other_entries_than_were_signed_is_refused() {
    let mut server = start().await;
    let author = server.author("acme").await;
    author.publish(&adder("acme:adder@1.0.0")).await;
    drop(author);
    server.stop();

    let mut connection = server.database().raw_connection().await;
    connection
        .execute("UPDATE log_entries SET payload = replace(payload, 'acme-author', 'acme-auth0r')")
        .await
        .unwrap();
    let refused = server.refuse_to_start().await;

    insta::with_settings!({filters => vec![(r"[A-Za-z0-9+/]{43}=", "[root]")]}, {
        insta::assert_snapshot!(refused);
    });
}

#[tokio::test]
async fn the_log_of_another_registry_in_the_store_is_refused() {
    let (mut server, mut other) = (start().await, start().await);
    server.author("acme").await;
    server.stop();
    other.stop();

    let checkpoint = "objects/log/checkpoint";
    fs::copy(other.data().join(checkpoint), server.data().join(checkpoint)).unwrap();
    let refused = server.refuse_to_start().await;

    insta::with_settings!({filters => vec![(r"pluginry-[0-9a-f]{12}(\+[0-9a-f]{8})?", "[log]")]}, {
        insta::assert_snapshot!(refused);
    });
}

#[tokio::test]
async fn a_database_from_before_the_log_is_refused() {
    let mut server = start().await;
    server.author("acme").await;
    server.stop();

    let mut connection = server.database().raw_connection().await;
    connection.execute("UPDATE log_entries SET payload = '{\"owners\":[\"acme\"]}'").await.unwrap();
    let refused = server.refuse_to_start().await;

    insta::assert_snapshot!(refused);
}

#[tokio::test]
async fn addresses_that_name_no_tile_are_refused() {
    let server = start().await;
    server.author("acme").await.publish(&adder("acme:adder@1.0.0")).await;
    let addresses = [
        "tile/0/7",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/8/000",
        "tile/entries/x000",
        "tile/0/../checkpoint",
        "tile/0/%2e%2e/000",
        "tile/0/000",
        "tile/entries/000.p/200",
        "tile/7/000.p/1",
        "nothing",
    ];

    let mut answers = serde_json::Map::new();
    for address in addresses {
        answers.insert(address.to_owned(), refusal(server.get(&format!("/log/{address}")).await).await);
    }

    assert_json_snapshot!(answers);
}

#[tokio::test]
async fn caches_are_told_how_long_the_log_keeps() {
    let server = start().await;
    long_log(&server).await;
    let mut told = Vec::new();

    for path in ["checkpoint", "tile/0/000", "tile/0/000.p/7", "tile/entries/000", "tile/entries/000.p/7"] {
        let response = server.get(&format!("/log/{path}")).await;
        let header = |name| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        told.push((path, header("content-type"), header("cache-control")));
    }
    let first = server.get("/log/checkpoint").await;
    let tag = first.headers()["etag"].clone();
    let again = server.http.get(format!("{}/log/checkpoint", server.url)).header("if-none-match", tag);

    assert_eq!(again.send().await.unwrap().status(), 304);
    assert_json_snapshot!(told);
}

#[tokio::test]
async fn two_registries_on_one_database_take_turns() {
    let server = start().await;
    if server.database().dialect() == Dialect::Sqlite {
        return;
    }
    let author = server.author("acme").await;
    let data = tempfile::tempdir().unwrap();
    fs::create_dir(data.path().join("keys")).unwrap();
    for key in ["log.key", "registry.key"] {
        fs::copy(server.data().join("keys").join(key), data.path().join("keys").join(key)).unwrap();
    }
    let store = format!("storage_url={}", server.data().join("objects").display());
    let other = Process::start(data.path(), server.database(), &[store]);
    let http = &server.http;
    let publish = async |number: usize| {
        let package = adder(&format!("acme:adder-{number}@1.0.0"));
        let form = reqwest::multipart::Form::new()
            .part("attestation", reqwest::multipart::Part::bytes(package.sign(&author.key).to_json()))
            .part("package", reqwest::multipart::Part::bytes(package.bytes.clone()));
        let url = if number.is_multiple_of(2) { &server.url } else { &other.url };
        let url = format!("{url}/api/v1/plugins/{}", package.address());
        accept(http.put(url).bearer_auth(&author.token).multipart(form).send().await.unwrap()).await
    };

    let publishes = futures::stream::iter((0..40).map(publish)).buffer_unordered(8).collect::<Vec<_>>().await;
    let middle = Reader::of(&server).checkpoint().await;
    let last = publish(41).await;

    let reader = Reader { http: http.clone(), url: other.url.clone() };
    let (checkpoint, statements) = reader.verify().await;
    reader.grew(&middle, &checkpoint).await;
    assert_eq!(last["release"]["sequence"].as_u64(), Some(checkpoint.tree_size));
    let published = statements.iter().filter(|entry| entry.kind() == "publish").count();
    assert_eq!(published, publishes.len() + 1);
    Reader::of(&server).verify().await;
}
