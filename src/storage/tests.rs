//! Every kind of store keeps the same promises.

use futures::TryStreamExt as _;

use super::Storage;
use crate::domain::{Digest, PluginName};

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
async fn an_address_that_is_none_is_refused() {
    assert!(Storage::open("gopher://x/y", Vec::new()).await.is_err());
}
