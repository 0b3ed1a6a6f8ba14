//! The objects of the transparency log: `log/checkpoint`, `log/tile/…` and what else lies beside them.
//!
//! Their keys are the paths under which C2SP tlog-tiles serves them.

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::ObjectStoreExt as _;

use super::{PUT_ATTEMPTS, Storage, StorageError, directory, keys};

/// How many objects are on their way to a bucket at once.
const PUTS_AT_ONCE: usize = 16;

impl Storage {
    /// An object of the log, such as `checkpoint` or `tile/0/001`.
    pub async fn get_log_object(&self, path: &str) -> Result<Option<Bytes>, StorageError> {
        match self.store.get(&keys::log(path)).await {
            Ok(result) => Ok(Some(result.bytes().await?)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Replaces an object of the log as a whole. A directory may lose it with the power, but not with the process.
    pub async fn put_log_object(&self, path: &str, bytes: Bytes) -> Result<(), StorageError> {
        self.store.put(&keys::log(path), bytes.into()).await?;
        Ok(())
    }

    /// Replaces an object of the log and reads it back until it is there as it was put.
    async fn put_and_check_log_object(&self, path: &str, bytes: Bytes) -> Result<(), StorageError> {
        let mut failure = StorageError::NotWhole { key: keys::log(path).to_string() };
        for _ in 0..PUT_ATTEMPTS {
            let put = self.put_log_object(path, bytes.clone()).await;
            match self.get_log_object(path).await {
                Ok(Some(stored)) if stored == bytes => return Ok(()),
                Ok(_) => failure = put.err().unwrap_or(failure),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    /// Replaces objects of the log. When this returns, they are durable and, in a bucket, read back.
    pub async fn put_log_objects(&self, objects: Vec<(String, Bytes)>) -> Result<(), StorageError> {
        if objects.is_empty() {
            return Ok(());
        }
        if let Some(root) = self.root.clone() {
            return tokio::task::spawn_blocking(move || {
                let files = objects.iter().map(|(path, bytes)| (root.join(keys::log(path).as_ref()), bytes));
                directory::put_files(&root, files)
            })
            .await
            .map_err(|_| StorageError::Stopped)?;
        }
        futures::stream::iter(objects)
            .map(|(path, bytes)| async move { self.put_and_check_log_object(&path, bytes).await })
            .buffer_unordered(PUTS_AT_ONCE)
            .try_collect()
            .await
    }

    /// Removes objects of the log; nothing happens where there is none.
    pub async fn delete_log_objects(&self, paths: Vec<String>) -> Result<(), StorageError> {
        if paths.is_empty() {
            return Ok(());
        }
        if let Some(root) = self.root.clone() {
            return tokio::task::spawn_blocking(move || {
                let files = paths.iter().map(|path| root.join(keys::log(path).as_ref()));
                directory::remove_files(files)
            })
            .await
            .map_err(|_| StorageError::Stopped)?;
        }
        futures::stream::iter(paths)
            .map(|path| async move {
                match self.store.delete(&keys::log(&path)).await {
                    Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
                    Err(error) => Err(error.into()),
                }
            })
            .buffer_unordered(PUTS_AT_ONCE)
            .try_collect()
            .await
    }
}
