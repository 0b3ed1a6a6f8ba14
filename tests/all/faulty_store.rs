//! Whatever the object store does, what is served is right, and what is answered is kept.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic like tests")]

use std::sync::Arc;

use pluginry::domain::Digest;
use pluginry::log::{EntryBundleId, TILE_WIDTH, TileId, leaf_hash, read_entry_bundle};
use pluginry::storage::Storage;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::harness::faulty_store::{Fault, FaultyStore};
use crate::harness::server::{ADDER, Author, TestPackage, TestServer, accept, core_manifest};

/// A registry whose index files are hardly kept in memory, on a store that can be told to fail.
async fn start() -> (TestServer, Arc<FaultyStore>) {
    let store = Arc::new(FaultyStore::default());
    let storage = Storage::of(store.clone());
    let server = TestServer::start_on(Some(storage), |configuration| {
        configuration.verification.children = 0;
        configuration.limits.index_cache_bytes = 0;
    });
    (server.await, store)
}

fn adder(release: &str) -> TestPackage {
    TestPackage::pack(&core_manifest(release, ""), ADDER)
}

fn blob_key(package: &TestPackage) -> String {
    let hex = Digest::of(&package.bytes).to_hex();
    format!("sha256/{}/{hex}", &hex[..2])
}

/// The status and the words of a refusal.
async fn words(response: reqwest::Response) -> Value {
    let status = response.status().as_u16();
    let problem: Value = response.json().await.unwrap();
    json!({ "status": status, "code": problem["code"], "detail": problem["detail"], "mend": problem["mend"] })
}

/// Index, package and log tell of the release as its publish answered.
async fn check_is_served(server: &TestServer, package: &TestPackage, answer: &Value) {
    assert_eq!(index_line(server, package).await.as_ref(), Some(&answer["release"]), "{}", package.release);
    let download = server.get(&format!("/api/v1/plugins/{}/download", package.address())).await;
    assert_eq!(download.bytes().await.unwrap(), package.bytes, "{}", package.release);
    let bundle = server.get_json(&format!("/api/v1/plugins/{}/bundle", package.address())).await;
    assert_eq!(bundle["digest"], answer["release"]["digest"]);
}

async fn index_line(server: &TestServer, package: &TestPackage) -> Option<Value> {
    let response = server.get(&format!("/index/{}.json", package.release.plugin.path())).await;
    if response.status() == StatusCode::NOT_FOUND {
        return None;
    }
    let text = response.text().await.unwrap();
    let version = package.release.version.to_string();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .find(|line: &Value| line["version"] == version)
}

/// Makes the log longer than one tile.
async fn fill_a_tile(server: &TestServer, author: &Author<'_>, package: &TestPackage) {
    let url = format!("{}/api/v1/plugins/{}", server.url, package.address());
    for number in 0..i32::from(TILE_WIDTH) + 10 {
        let request = server.http.patch(&url).bearer_auth(&author.token);
        accept(request.json(&json!({ "yanked": number % 2 == 0 })).send().await.unwrap()).await;
    }
}

async fn entries(server: &TestServer) -> Vec<Vec<u8>> {
    let bundle = EntryBundleId::new(0, TILE_WIDTH).unwrap();
    let bytes = server.get(&format!("/log/{}", bundle.path())).await.bytes().await.unwrap();
    read_entry_bundle(&bytes, TILE_WIDTH).unwrap().into_iter().map(<[u8]>::to_vec).collect()
}

#[tokio::test]
async fn a_package_that_arrives_torn_or_not_at_all_is_sent_again() {
    let (server, store) = start().await;
    let author = server.author("acme").await;
    let faults = [
        Fault::FailedPut,
        Fault::TornPut,
        Fault::TornPutToldAsGood,
        Fault::LostPut,
        Fault::FailedGet,
        Fault::StaleGet,
    ];

    for (number, fault) in faults.into_iter().enumerate() {
        let package = adder(&format!("acme:adder@1.{number}.0"));
        store.next(2, "sha256/", fault.clone());
        let answer = author.publish(&package).await;
        store.heal();

        assert_eq!(store.object(&blob_key(&package)).await.unwrap(), package.bytes, "{fault:?}");
        check_is_served(&server, &package, &answer).await;
    }
}

#[tokio::test]
async fn a_package_that_never_arrives_whole_is_refused_and_nothing_of_it_is_seen() {
    let (server, store) = start().await;
    let author = server.author("acme").await;
    let package = adder("acme:adder@1.0.0");

    for fault in
        [Fault::FailedPut, Fault::TornPut, Fault::TornPutToldAsGood, Fault::LostPut, Fault::FailedGet]
    {
        store.always("sha256/", fault.clone());
        let refused = words(author.try_publish(&package).await).await;

        insta::allow_duplicates! { insta::assert_json_snapshot!("package_not_whole", refused) };
        assert_eq!(index_line(&server, &package).await, None, "{fault:?}");
        let shown = server.get(&format!("/api/v1/plugins/{}", package.address())).await;
        assert_eq!(shown.status(), StatusCode::NOT_FOUND, "{fault:?}");
        store.heal();
    }

    let answer = author.publish(&package).await;
    check_is_served(&server, &package, &answer).await;
}

#[tokio::test]
async fn a_package_whose_bytes_changed_in_the_bucket_is_never_served_whole() {
    let (server, store) = start().await;
    let author = server.author("acme").await;
    let package = adder("acme:adder@1.0.0");
    author.publish(&package).await;
    let mut other = package.bytes.clone();
    *other.last_mut().unwrap() ^= 1;
    store.replace(&blob_key(&package), other).await;

    let path = format!("/blobs/sha256/{}", Digest::of(&package.bytes).to_hex());
    let answered = match server.http.get(format!("{}{path}", server.url)).send().await {
        Ok(response) => response.bytes().await,
        Err(error) => Err(error),
    };

    assert!(answered.is_err(), "{} bytes were served", answered.unwrap().len());
    store.replace(&blob_key(&package), package.bytes.clone()).await;
    assert_eq!(server.get(&path).await.bytes().await.unwrap(), package.bytes);
}

#[tokio::test]
async fn a_package_whose_bytes_changed_in_the_directory_is_not_served_and_a_publish_mends_it() {
    let server = TestServer::start_with(|configuration| configuration.verification.children = 0).await;
    let author = server.author("acme").await;
    let (package, cut) = (adder("acme:adder@1.0.0"), adder("acme:adder@2.0.0"));
    author.publish(&package).await;
    let path = |package: &TestPackage| server.data().join("objects").join(blob_key(package));
    std::fs::write(path(&package), [&package.bytes[1..], b"!"].concat()).unwrap();
    std::fs::write(path(&cut), &cut.bytes[..100]).unwrap();

    let served = server.get(&format!("/blobs/sha256/{}", Digest::of(&package.bytes).to_hex())).await;
    let answer = author.publish(&cut).await;

    assert_eq!(served.status(), StatusCode::INTERNAL_SERVER_ERROR);
    check_is_served(&server, &cut, &answer).await;
}

#[tokio::test]
async fn while_the_checkpoint_cannot_be_stored_nothing_new_is_shown_and_nobody_is_told_it_is() {
    let (server, store) = start().await;
    let author = server.author("acme").await;
    let (first, second) = (adder("acme:adder@1.0.0"), adder("acme:other@1.0.0"));
    let answer = author.publish(&first).await;
    let checkpoint = server.get("/log/checkpoint").await.text().await.unwrap();

    store.always("log/checkpoint", Fault::FailedPut);
    let refused = words(author.try_publish(&second).await).await;
    let meanwhile = server.get("/log/checkpoint").await.text().await.unwrap();
    let seen = index_line(&server, &second).await;
    check_is_served(&server, &first, &answer).await;
    store.heal();
    let answer = author.publish(&second).await;

    insta::assert_json_snapshot!("log_not_written", refused);
    assert_eq!(meanwhile, checkpoint);
    assert_eq!(seen, None);
    check_is_served(&server, &second, &answer).await;
}

#[tokio::test]
async fn a_checkpoint_that_is_torn_lost_or_old_in_the_store_is_served_right_and_written_again() {
    for fault in [Fault::TornPutToldAsGood, Fault::LostPut] {
        let (mut server, store) = start().await;
        let author = server.author("acme").await;
        let package = adder("acme:adder@1.0.0");

        store.next(1, "log/checkpoint", fault.clone());
        let answer = author.publish(&package).await;
        let served = server.get("/log/checkpoint").await.text().await.unwrap();
        let stored = store.object("log/checkpoint").await.unwrap();
        server.stop();

        assert_ne!(stored, served, "{fault:?}");
        assert_eq!(store.object("log/checkpoint").await.unwrap(), served, "{fault:?}");
        server.restart();
        check_is_served(&server, &package, &answer).await;
    }
}

#[tokio::test]
async fn a_start_finds_an_old_torn_or_missing_checkpoint_and_goes_on_from_the_newest() {
    let (mut server, store) = start().await;
    let old = store.object("log/checkpoint").await.unwrap();
    let author = server.author("acme").await;
    let package = adder("acme:adder@1.0.0");
    let answer = author.publish(&package).await;
    drop(author);

    for damaged in [Some(old.clone()), Some(old.slice(..old.len() / 2)), None] {
        server.stop();
        let newest = store.object("log/checkpoint").await.unwrap();
        match damaged {
            Some(bytes) => store.replace("log/checkpoint", bytes).await,
            None => store.remove("log/checkpoint").await,
        }
        server.restart();

        let served = server.get("/log/checkpoint").await.text().await.unwrap();
        let size_and_root = |note: &[u8]| String::from_utf8_lossy(note).lines().take(3).collect::<String>();
        assert_eq!(size_and_root(served.as_bytes()), size_and_root(&newest));
        assert_eq!(store.object("log/checkpoint").await.unwrap(), served);
        check_is_served(&server, &package, &answer).await;
    }
}

#[tokio::test]
async fn an_index_file_that_is_torn_lost_or_old_in_the_store_is_served_right_and_written_again() {
    let faults = [Fault::TornPutToldAsGood, Fault::LostPut, Fault::TornPut, Fault::FailedPut];
    for fault in faults {
        let (mut server, store) = start().await;
        let author = server.author("acme").await;
        let (first, second) = (adder("acme:adder@1.0.0"), adder("acme:adder@1.1.0"));
        let before = author.publish(&first).await;

        store.always("index/", fault.clone());
        let told = author.try_publish(&second).await;
        assert!(told.status().is_success() || told.status() == StatusCode::SERVICE_UNAVAILABLE);
        let answer = author.publish(&second).await;
        check_is_served(&server, &first, &before).await;
        check_is_served(&server, &second, &answer).await;
        store.heal();
        drop(author);
        server.stop();
        server.restart();
        server.stop();

        let stored = store.object("index/acme/adder.json").await.unwrap();
        assert_eq!(stored.iter().filter(|byte| **byte == b'\n').count(), 2, "{fault:?}");
        assert!(stored.ends_with(b"\n"), "{fault:?}");
    }
}

#[tokio::test]
async fn an_index_file_is_not_written_again_when_it_is_right() {
    let (server, store) = start().await;
    let author = server.author("acme").await;
    let package = adder("acme:adder@1.0.0");
    let answer = author.publish(&package).await;
    let puts = store.puts("index/");

    for _ in 0..3 {
        check_is_served(&server, &package, &answer).await;
    }
    store.next(1, "index/", Fault::StaleGet);
    check_is_served(&server, &package, &answer).await;

    assert_eq!(store.puts("index/"), puts + 1, "once, for the stale answer");
}

#[tokio::test]
async fn tiles_that_are_torn_lost_or_changed_are_made_again_out_of_the_entries() {
    let (mut server, store) = start().await;
    let author = server.author("acme").await;
    let package = adder("acme:adder@1.0.0");
    author.publish(&package).await;
    fill_a_tile(&server, &author, &package).await;
    drop(author);
    let bundle = format!("log/{}", EntryBundleId::new(0, TILE_WIDTH).unwrap().path());
    let tile = format!("log/{}", TileId::new(0, 0, TILE_WIDTH).unwrap().path());
    let whole = entries(&server).await;

    for damage in [
        |_: &mut Vec<u8>| {},
        |bytes: &mut Vec<u8>| bytes.truncate(100),
        |bytes: &mut Vec<u8>| bytes[40] ^= 1,
    ] {
        for key in [&bundle, &tile] {
            let good = store.object(key).await.unwrap();
            let mut bytes = good.to_vec();
            damage(&mut bytes);
            match bytes == good {
                true => store.remove(key).await,
                false => store.replace(key, bytes).await,
            }
            server.restart();

            assert_eq!(entries(&server).await, whole);
            let served = server.get(&format!("/{tile}")).await.bytes().await.unwrap();
            let hashes: Vec<u8> = whole.iter().flat_map(|entry| leaf_hash(entry).0).collect();
            assert_eq!(served, hashes);
            assert_eq!(store.object(key).await.unwrap(), good, "it is put there again");
        }
    }
}

#[tokio::test]
async fn a_store_that_often_fails_loses_nothing_that_was_answered() {
    let (mut server, store) = start().await;
    let author = server.author("acme").await;
    let packages: Vec<TestPackage> =
        (0..20).map(|number| adder(&format!("acme:plugin-{}@1.{number}.0", number % 3))).collect();
    let faults = [
        Fault::FailedPut,
        Fault::TornPut,
        Fault::TornPutToldAsGood,
        Fault::LostPut,
        Fault::FailedGet,
        Fault::StaleGet,
    ];
    for (number, fault) in faults.into_iter().enumerate() {
        store.sometimes(4 + number as u64, "", fault);
    }

    let mut answers = Vec::new();
    for package in &packages {
        let mut response = author.try_publish(package).await;
        while response.status() == StatusCode::SERVICE_UNAVAILABLE {
            response = author.try_publish(package).await;
        }
        answers.push(accept(response).await);
    }
    drop(author);
    store.heal();
    server.restart();

    for (package, answer) in packages.iter().zip(&answers) {
        check_is_served(&server, package, answer).await;
    }
    let served = server.get("/log/checkpoint").await.text().await.unwrap();
    server.stop();
    assert_eq!(store.object("log/checkpoint").await.unwrap(), served);
}

#[tokio::test]
async fn a_slow_put_holds_up_its_own_publish_alone() {
    let (server, store) = start().await;
    let author = server.author("acme").await;
    let (slow, other) = (adder("acme:slow@1.0.0"), adder("acme:other@1.0.0"));
    let gate = Arc::new(Notify::new());
    store.next(1, &blob_key(&slow), Fault::SlowPut(gate.clone()));

    let publish = author.publish(&slow);
    let meanwhile = async {
        let answer = author.publish(&other).await;
        check_is_served(&server, &other, &answer).await;
        assert_eq!(index_line(&server, &slow).await, None);
        gate.notify_one();
    };
    let (answer, ()) = tokio::join!(publish, meanwhile);

    check_is_served(&server, &slow, &answer).await;
}
