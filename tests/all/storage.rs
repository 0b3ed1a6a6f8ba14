//! Every kind of store keeps the same promises.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic like tests")]

use std::sync::Once;

use futures::TryStreamExt as _;

use pluginry::domain::{Digest, PluginName};
use pluginry::storage::Storage;

use crate::harness::{say_once, variable};

/// Address of a server that speaks S3; `tests/run` starts one.
const S3_VARIABLE: &str = "PLUGINRY_TEST_S3_URL";

static S3_LEFT_OUT: Once = Once::new();

async fn whole_life(storage: Storage) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("package.wasm");
    let bytes: Vec<u8> = (0..20_000_000_u32).map(|n| (n % 251) as u8).collect();
    std::fs::write(&path, &bytes).unwrap();
    let digest = Digest::of(&bytes);
    let plugin: PluginName = "acme:markdown".parse().unwrap();

    assert_eq!(storage.blob_size(digest).await.unwrap(), None);
    assert!(storage.stream_blob(digest, 0..1).await.unwrap().is_none());
    assert_eq!(storage.get_index(&plugin).await.unwrap(), None);

    storage.put_blob(digest, &path, bytes.len() as u64).await.unwrap();
    storage.put_blob(digest, &path, bytes.len() as u64).await.unwrap();
    storage.put_index(&plugin, "one\n".into()).await.unwrap();
    storage.put_index(&plugin, "one\ntwo\n".into()).await.unwrap();
    storage.sync_index().await.unwrap();
    storage.ping().await.unwrap();

    assert!(path.exists(), "the caller's file was taken away");
    assert_eq!(storage.blob_size(digest).await.unwrap(), Some(bytes.len() as u64));
    let part = storage.stream_blob(digest, 10..300).await.unwrap().unwrap();
    let part: Vec<u8> = part.try_collect::<Vec<_>>().await.unwrap().concat();
    assert_eq!(part, bytes[10..300]);
    assert_eq!(storage.get_index(&plugin).await.unwrap().unwrap(), "one\ntwo\n");
    let listed: Vec<_> = storage.list_blobs().try_collect().await.unwrap();
    assert_eq!(listed.iter().map(|blob| blob.digest).collect::<Vec<_>>(), [digest]);
    let copy = folder.path().join("copy.wasm");
    assert!(storage.copy_blob_to(digest, &copy).await.unwrap());
    assert_eq!(std::fs::read(copy).unwrap(), bytes);

    storage.delete_blob(digest).await.unwrap();
    storage.delete_blob(digest).await.unwrap();
    assert_eq!(storage.blob_size(digest).await.unwrap(), None);
}

#[tokio::test]
async fn a_directory_keeps_packages_and_index_files() {
    let root = tempfile::tempdir().unwrap();

    whole_life(Storage::open(root.path().to_str().unwrap(), Vec::new()).await.unwrap()).await;
}

#[tokio::test]
async fn memory_keeps_packages_and_index_files() {
    whole_life(Storage::open("memory:", Vec::new()).await.unwrap()).await;
}

#[tokio::test]
async fn a_bucket_keeps_packages_and_index_files() {
    let Some(server) = variable(S3_VARIABLE) else {
        return say_once(&S3_LEFT_OUT, "the storage test on S3 needs a server; tests/run starts one");
    };
    let _ = rustls::crypto::ring::default_provider().install_default();
    let made = reqwest::Client::new().put(format!("{server}/packages-{}", std::process::id())).send().await;
    assert!(made.unwrap().status().is_success());
    let options = [
        ("aws_endpoint", server.as_str()),
        ("aws_allow_http", "true"),
        ("aws_region", "us-east-1"),
        ("aws_access_key_id", "test"),
        ("aws_secret_access_key", "test"),
    ];
    let options = options.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();

    for prefix in ["", "/registry/of/tests"] {
        let url = format!("s3://packages-{}{prefix}", std::process::id());
        whole_life(Storage::open(&url, options.clone()).await.unwrap()).await;
    }
}

#[tokio::test]
async fn packages_put_at_once_are_each_whole() {
    let root = tempfile::tempdir().unwrap();
    let storage = Storage::open(root.path().to_str().unwrap(), Vec::new()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("package.wasm");
    std::fs::write(&path, b"the same bytes").unwrap();
    let digest = Digest::of(b"the same bytes");

    let puts = (0..16).map(|_| storage.put_blob(digest, &path, 14));
    for put in futures::future::join_all(puts).await {
        put.unwrap();
    }

    assert_eq!(std::fs::read(storage.local_blob_path(digest).unwrap()).unwrap(), b"the same bytes");
    assert_eq!(storage.list_blobs().try_collect::<Vec<_>>().await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_address_that_is_none_is_refused() {
    assert!(Storage::open("gopher://x/y", Vec::new()).await.is_err());
}
