//! Serving packages by digest: mapped from a directory store (a few mappings are kept), streamed from others.

use std::io;
use std::ops::Range;

use bytes::Bytes;
use futures::stream::BoxStream;
use moka::sync::Cache;

use super::Registry;
use super::mapped_file::map_path;
use crate::domain::Digest;
use crate::storage::{Storage, StorageError};

/// How many bytes of packages stay mapped; they lie in the page cache, not in our memory.
const MAPPED_BYTES: u64 = 32 * 1024 * 1024;

/// Bytes of a package on their way out.
pub enum BlobContent {
    /// Mapped from a file.
    Mapped(Bytes),
    /// Streamed from the object store.
    Stream(BoxStream<'static, Result<Bytes, StorageError>>),
}

pub(super) struct Blobs {
    mapped: Cache<Digest, Bytes>,
    storage: Storage,
}

impl Blobs {
    pub(super) fn new(storage: Storage) -> Self {
        let mapped = Cache::builder()
            .weigher(|_: &Digest, bytes: &Bytes| u32::try_from(bytes.len()).unwrap_or(u32::MAX))
            .max_capacity(MAPPED_BYTES)
            .build();
        Self { mapped, storage }
    }

    /// Lets go of a package that is deleted.
    pub(super) fn forget(&self, digest: Digest) {
        self.mapped.invalidate(&digest);
    }

    /// The package as a mapped file, when the store is a directory; nothing if it is not there.
    fn map(&self, digest: Digest) -> Option<io::Result<Option<Bytes>>> {
        if let Some(bytes) = self.mapped.get(&digest) {
            return Some(Ok(Some(bytes)));
        }
        let path = self.storage.local_blob_path(digest)?;
        let mapped = map_path(&path);
        if let Ok(Some(bytes)) = &mapped {
            self.mapped.insert(digest, bytes.clone());
        }
        Some(mapped)
    }
}

impl Registry {
    /// How many bytes lie under `digest`; nothing if no package has it.
    pub async fn blob_size(&self, digest: Digest) -> Result<Option<u64>, StorageError> {
        match self.shared.blobs.map(digest) {
            Some(mapped) => Ok(mapped?.map(|bytes| bytes.len() as u64)),
            None => self.shared.storage.blob_size(digest).await,
        }
    }

    /// The bytes of `range` under `digest`.
    pub async fn blob(&self, digest: Digest, range: Range<u64>) -> Result<Option<BlobContent>, StorageError> {
        if let Some(mapped) = self.shared.blobs.map(digest) {
            let part = |bytes: Bytes| {
                let within = |place: u64| usize::try_from(place).unwrap_or(usize::MAX).min(bytes.len());
                bytes.slice(within(range.start)..within(range.end))
            };
            return Ok(mapped?.map(|bytes| BlobContent::Mapped(part(bytes))));
        }
        let stream = self.shared.storage.stream_blob(digest, range).await?;
        Ok(stream.map(BlobContent::Stream))
    }
}
