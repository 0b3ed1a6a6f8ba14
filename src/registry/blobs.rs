//! Serving packages by digest: mapped from a directory store (a few mappings are kept), streamed from others.

use std::ops::Range;
use std::path::Path;

use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _};
use moka::sync::Cache;

use super::Registry;
use super::mapped_file::map_path;
use crate::domain::{Digest, DigestWriter};
use crate::storage::{Storage, StorageError};

/// How many bytes of packages stay mapped; they lie in the page cache, not in our memory.
const MAPPED_BYTES: u64 = 32 * 1024 * 1024;
/// How many packages are known to be right; the others are hashed when they are asked for.
const WHOLE_KNOWN: u64 = 10_000;

/// Bytes of a package on their way out.
pub enum BlobContent {
    /// Mapped from a file.
    Mapped(Bytes),
    /// Streamed from the object store.
    Stream(BoxStream<'static, Result<Bytes, StorageError>>),
}

pub(super) struct Blobs {
    mapped: Cache<Digest, Bytes>,
    /// Packages that were hashed and found right.
    whole: Cache<Digest, ()>,
    storage: Storage,
}

impl Blobs {
    pub(super) fn new(storage: Storage) -> Self {
        let mapped = Cache::builder()
            .weigher(|_: &Digest, bytes: &Bytes| u32::try_from(bytes.len()).unwrap_or(u32::MAX))
            .max_capacity(MAPPED_BYTES)
            .build();
        Self { mapped, whole: Cache::new(WHOLE_KNOWN), storage }
    }

    /// Lets go of a package that is deleted.
    pub(super) fn forget(&self, digest: Digest) {
        self.mapped.invalidate(&digest);
        self.whole.invalidate(&digest);
    }

    /// The package as a mapped file, when the store is a directory; nothing if it is not there. Its bytes are hashed
    /// the first time.
    async fn map(&self, digest: Digest) -> Option<Result<Option<Bytes>, StorageError>> {
        if let Some(bytes) = self.mapped.get(&digest) {
            return Some(Ok(Some(bytes)));
        }
        let path = self.storage.local_blob_path(digest)?;
        Some(self.map_checked(digest, &path).await)
    }

    async fn map_checked(&self, digest: Digest, path: &Path) -> Result<Option<Bytes>, StorageError> {
        let Some(bytes) = map_path(path)? else { return Ok(None) };
        if !self.whole.contains_key(&digest) {
            let looked_at = bytes.clone();
            let found = tokio::task::spawn_blocking(move || Digest::of(&looked_at)).await;
            if found.map_err(|_| StorageError::Stopped)? != digest {
                return Err(StorageError::NotWhole { key: digest.to_string() });
            }
            self.whole.insert(digest, ());
        }
        self.mapped.insert(digest, bytes.clone());
        Ok(Some(bytes))
    }
}

/// A whole package on its way out of a bucket: hashed as it passes, the last piece held back until all is known to be
/// right. Other bytes end in an error, which breaks off the connection.
fn checked(
    stream: BoxStream<'static, Result<Bytes, StorageError>>,
    digest: Digest,
) -> BoxStream<'static, Result<Bytes, StorageError>> {
    struct Passing {
        stream: futures::stream::Fuse<BoxStream<'static, Result<Bytes, StorageError>>>,
        found: DigestWriter,
        held: Option<Bytes>,
    }
    let passing = Passing { stream: stream.fuse(), found: DigestWriter::default(), held: None };
    futures::stream::try_unfold(passing, move |mut passing| async move {
        while let Some(piece) = passing.stream.try_next().await? {
            passing.found.update(&piece);
            if let Some(before) = passing.held.replace(piece) {
                return Ok(Some((before, passing)));
            }
        }
        let Some(last) = passing.held.take() else { return Ok(None) };
        if std::mem::take(&mut passing.found).finish() != digest {
            tracing::error!(%digest, "a package in the object store has other bytes than its digest");
            return Err(StorageError::NotWhole { key: digest.to_string() });
        }
        Ok(Some((last, passing)))
    })
    .boxed()
}

impl Registry {
    /// How many bytes lie under `digest`; nothing if no package has it.
    pub async fn blob_size(&self, digest: Digest) -> Result<Option<u64>, StorageError> {
        let size_bytes = match self.shared.blobs.map(digest).await {
            Some(mapped) => mapped?.map(|bytes| bytes.len() as u64),
            None => self.shared.storage.blob_size(digest).await?,
        };
        if size_bytes == Some(0) {
            return Err(StorageError::NotWhole { key: digest.to_string() });
        }
        Ok(size_bytes)
    }

    /// The bytes of `range` under `digest`, of `size_bytes` in all.
    pub async fn blob(
        &self,
        digest: Digest,
        range: Range<u64>,
        size_bytes: u64,
    ) -> Result<Option<BlobContent>, StorageError> {
        if let Some(mapped) = self.shared.blobs.map(digest).await {
            let part = |bytes: Bytes| {
                let within = |place: u64| usize::try_from(place).unwrap_or(usize::MAX).min(bytes.len());
                bytes.slice(within(range.start)..within(range.end))
            };
            return Ok(mapped?.map(|bytes| BlobContent::Mapped(part(bytes))));
        }
        let is_whole = range == (0..size_bytes);
        let stream = self.shared.storage.stream_blob(digest, range).await?;
        Ok(stream.map(|stream| BlobContent::Stream(if is_whole { checked(stream, digest) } else { stream })))
    }
}
