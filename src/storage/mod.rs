//! The object store: packages by digest and index files, in a directory, in memory or in a bucket.
//!
//! Keys are made of digests and checked names alone, so nothing a user sends can choose a path. Rules about what may
//! be stored belong to `registry`.

mod directory;
mod error;
mod keys;
mod log_objects;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path as Key;
use object_store::prefix::PrefixStore;
use object_store::{GetOptions, ObjectStore, ObjectStoreExt as _, PutPayload, WriteMultipart};
use tokio::io::AsyncReadExt as _;

pub use error::StorageError;

use crate::domain::{Digest, DigestWriter, PluginName, Timestamp};

/// Up to this size a package goes to a bucket in one request; above, in parts of this size.
const PART_BYTES: usize = 8 * 1024 * 1024;
/// How often a package is sent to a bucket that does not hold it whole.
const PUT_ATTEMPTS: usize = 3;
/// How many parts are on their way at once.
const PARTS_AT_ONCE: usize = 2;

/// Where packages and index files lie. Cheap to clone.
#[derive(Clone)]
pub struct Storage {
    store: Arc<dyn ObjectStore>,
    /// The directory, when it is one.
    root: Option<Arc<PathBuf>>,
}

/// How a package came to be in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlobPut {
    /// It was written now.
    New,
    /// It was there already, so the sweep may be about to remove it.
    WasThere,
}

/// An object that the sweep may look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredBlob {
    /// Digest in its key.
    pub digest: Digest,
    /// When it was last written.
    pub modified_at: Timestamp,
}

impl Storage {
    /// Opens `memory:`, a directory (a path or `file:///…`), or a bucket (`s3://…`, `gs://…`, `az://…`).
    ///
    /// `options` configure a bucket in the words of `object_store`, such as `aws_endpoint`; the caller reads them from
    /// the environment.
    pub async fn open(url: &str, options: Vec<(String, String)>) -> Result<Self, StorageError> {
        if url == "memory:" {
            return Ok(Self::of(Arc::new(InMemory::new())));
        }
        let path = match url.strip_prefix("file://") {
            Some(path) => Some(path),
            None if !url.contains("://") => Some(url),
            None => None,
        };
        if let Some(path) = path {
            return Self::open_directory(Path::new(path)).await;
        }
        let url = url::Url::parse(url).map_err(|error| StorageError::Url { problem: error.to_string() })?;
        let (store, prefix) = object_store::parse_url_opts(&url, options)?;
        let store: Arc<dyn ObjectStore> = if prefix.as_ref().is_empty() {
            Arc::from(store)
        } else {
            Arc::new(PrefixStore::new(store, prefix))
        };
        Ok(Self::of(store))
    }

    /// The objects in `store`; for stores that no URL names.
    pub fn of(store: Arc<dyn ObjectStore>) -> Self {
        Self { store, root: None }
    }

    /// Whether it is a directory of this machine, where what was renamed into place is whole.
    pub fn is_directory(&self) -> bool {
        self.root.is_some()
    }

    async fn open_directory(path: &Path) -> Result<Self, StorageError> {
        tokio::fs::create_dir_all(path).await?;
        let root = tokio::fs::canonicalize(path).await?;
        let blobs = root.join(keys::BLOBS);
        tokio::task::spawn_blocking(move || directory::make_folders(&blobs))
            .await
            .map_err(|_| StorageError::Stopped)??;
        // Index files can be written again from the database, so they are renamed into place without a sync each;
        // `sync_index` makes them durable in one call. Packages are synced by `directory::put_blob`.
        let store = LocalFileSystem::new_with_prefix(&root)?;
        Ok(Self { store: Arc::new(store), root: Some(Arc::new(root)) })
    }

    /// Whether the store answers.
    pub async fn ping(&self) -> Result<(), StorageError> {
        match self.store.head(&Key::from("index/config.json")).await {
            Ok(_) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Stores the package in the file at `path` under its digest. When this returns, it is durable and whole: what a
    /// bucket holds was read back and hashed.
    ///
    /// The same digest twice is the same bytes, so a whole object that is there already is left alone. The file itself
    /// stays where it is.
    pub async fn put_blob(
        &self,
        digest: Digest,
        path: &Path,
        size_bytes: u64,
    ) -> Result<BlobPut, StorageError> {
        if let Some(root) = &self.root {
            let target = root.join(keys::blob(digest).as_ref());
            let source = path.to_owned();
            return tokio::task::spawn_blocking(move || directory::put_blob(&source, &target))
                .await
                .map_err(|_| StorageError::Stopped)?;
        }
        let mut failure = StorageError::NotWhole { key: keys::blob(digest).to_string() };
        let mut put = BlobPut::WasThere;
        for _ in 0..PUT_ATTEMPTS {
            match self.has_whole_blob(digest).await {
                Ok(true) => return Ok(put),
                Ok(false) => put = BlobPut::New,
                Err(error) => failure = error,
            }
            if let Err(error) = self.send_blob(digest, path, size_bytes).await {
                failure = error;
            }
        }
        match self.has_whole_blob(digest).await {
            Ok(true) => Ok(put),
            _ => Err(failure),
        }
    }

    /// Reads a package back and hashes it.
    async fn has_whole_blob(&self, digest: Digest) -> Result<bool, StorageError> {
        let mut stream = match self.store.get(&keys::blob(digest)).await {
            Ok(result) => result.into_stream(),
            Err(object_store::Error::NotFound { .. }) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        let mut found = DigestWriter::default();
        while let Some(piece) = stream.try_next().await? {
            found.update(&piece);
        }
        Ok(found.finish() == digest)
    }

    async fn send_blob(&self, digest: Digest, path: &Path, size_bytes: u64) -> Result<(), StorageError> {
        let key = keys::blob(digest);
        let mut file = tokio::fs::File::open(path).await?;
        if size_bytes <= PART_BYTES as u64 {
            let mut bytes = Vec::with_capacity(usize::try_from(size_bytes).unwrap_or(PART_BYTES));
            file.read_to_end(&mut bytes).await?;
            self.store.put(&key, PutPayload::from(bytes)).await?;
            return Ok(());
        }
        self.put_in_parts(&key, file).await
    }

    async fn put_in_parts(&self, key: &Key, mut file: tokio::fs::File) -> Result<(), StorageError> {
        let mut upload =
            WriteMultipart::new_with_chunk_size(self.store.put_multipart(key).await?, PART_BYTES);
        let mut buffer = vec![0; 256 * 1024];
        loop {
            let read = file.read(&mut buffer).await?;
            if read == 0 {
                break;
            }
            upload.wait_for_capacity(PARTS_AT_ONCE).await?;
            upload.write(&buffer[..read]);
        }
        upload.finish().await?;
        Ok(())
    }

    /// Size of the package with this digest, in bytes.
    pub async fn blob_size(&self, digest: Digest) -> Result<Option<u64>, StorageError> {
        match self.store.head(&keys::blob(digest)).await {
            Ok(meta) => Ok(Some(meta.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The bytes of `range` of the package with this digest, as they arrive.
    pub async fn stream_blob(
        &self,
        digest: Digest,
        range: Range<u64>,
    ) -> Result<Option<BoxStream<'static, Result<Bytes, StorageError>>>, StorageError> {
        let options = GetOptions { range: Some(range.into()), ..GetOptions::default() };
        match self.store.get_opts(&keys::blob(digest), options).await {
            Ok(result) => Ok(Some(result.into_stream().map_err(StorageError::from).boxed())),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Where the package with this digest lies, when the store is a directory. It need not be there.
    pub fn local_blob_path(&self, digest: Digest) -> Option<PathBuf> {
        self.root.as_ref().map(|root| root.join(keys::blob(digest).as_ref()))
    }

    /// Writes a copy of the package into the file at `path`, for readers that need a file; other bytes than the
    /// digest speaks of are an error.
    pub async fn copy_blob_to(&self, digest: Digest, path: &Path) -> Result<bool, StorageError> {
        let key = keys::blob(digest);
        let mut stream = match self.store.get(&key).await {
            Ok(result) => result.into_stream(),
            Err(object_store::Error::NotFound { .. }) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        let mut file = tokio::fs::File::create(path).await?;
        let mut copied = DigestWriter::default();
        while let Some(piece) = stream.try_next().await? {
            copied.update(&piece);
            tokio::io::AsyncWriteExt::write_all(&mut file, &piece).await?;
        }
        tokio::io::AsyncWriteExt::flush(&mut file).await?;
        if copied.finish() != digest {
            return Err(StorageError::NotWhole { key: key.to_string() });
        }
        Ok(true)
    }

    /// When the package with this digest was last written; nothing if it is not there.
    pub async fn blob_written_at(&self, digest: Digest) -> Result<Option<Timestamp>, StorageError> {
        match self.store.head(&keys::blob(digest)).await {
            Ok(meta) => Ok(Some(Timestamp::from_micros(meta.last_modified.timestamp_micros()))),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes the package with this digest; nothing happens when it is not there.
    pub async fn delete_blob(&self, digest: Digest) -> Result<(), StorageError> {
        match self.store.delete(&keys::blob(digest)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Every package in the store, for the sweep of what no release holds.
    pub fn list_blobs(&self) -> BoxStream<'static, Result<StoredBlob, StorageError>> {
        self.store
            .list(Some(&Key::from(keys::BLOBS)))
            .map_err(StorageError::from)
            .try_filter_map(|meta| async move {
                let digest = meta.location.filename().and_then(|name| Digest::from_hex(name).ok());
                let modified_at = Timestamp::from_micros(meta.last_modified.timestamp_micros());
                Ok(digest.map(|digest| StoredBlob { digest, modified_at }))
            })
            .boxed()
    }

    /// The index file of a plugin.
    pub async fn get_index(&self, plugin: &PluginName) -> Result<Option<Bytes>, StorageError> {
        match self.store.get(&keys::index(plugin)).await {
            Ok(result) => Ok(Some(result.bytes().await?)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Replaces the index file of a plugin. In a directory it is durable after the next [`Self::sync_index`].
    pub async fn put_index(&self, plugin: &PluginName, bytes: Bytes) -> Result<(), StorageError> {
        self.store.put(&keys::index(plugin), bytes.into()).await?;
        Ok(())
    }

    /// A verification policy of now or of before.
    pub async fn get_policy(&self, digest: Digest) -> Result<Option<Bytes>, StorageError> {
        match self.store.get(&keys::policy(digest)).await {
            Ok(result) => Ok(Some(result.bytes().await?)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Keeps a verification policy under its digest.
    pub async fn put_policy(&self, digest: Digest, bytes: Bytes) -> Result<(), StorageError> {
        self.store.put(&keys::policy(digest), bytes.into()).await?;
        Ok(())
    }

    /// Makes every index file written so far durable.
    pub async fn sync_index(&self) -> Result<(), StorageError> {
        let Some(root) = self.root.clone() else { return Ok(()) };
        tokio::task::spawn_blocking(move || directory::sync_all(&root))
            .await
            .map_err(|_| StorageError::Stopped)?
    }
}
