//! What the monitor reads from a registry: small objects whole, packages into files. Nothing is believed here.

use std::path::Path;

use bytes::Bytes;
use reqwest::{Method, Response, StatusCode};
use tokio::io::AsyncWriteExt as _;
use tokio::task::{JoinError, JoinHandle};
use url::Url;

use crate::client::transport::{Retry, unreachable};
use crate::client::{Client, ClientError};
use crate::domain::{Digest, DigestWriter};

/// An entry bundle holds at most 256 entries of 64 KiB, each behind two bytes; nothing asked for here is larger.
const OBJECT_MAX_BYTES: usize = 256 * (u16::MAX as usize + 2);

/// What a task of its own made. Where the runtime is stopping, nobody waits for it any more.
pub(super) async fn joined<T>(task: JoinHandle<T>) -> T {
    match task.await.map_err(JoinError::try_into_panic) {
        Ok(made) => made,
        Err(Ok(panic)) => std::panic::resume_unwind(panic),
        Err(Err(_cancelled)) => std::future::pending().await,
    }
}

/// What arrived of a package.
pub(super) struct Arrived {
    pub(super) digest: Digest,
    pub(super) size_bytes: u64,
}

impl Client {
    /// The object at a path below the registry's address; nothing when the registry says that it has none.
    pub(super) async fn served(&self, path: &str) -> Result<Option<Bytes>, ClientError> {
        let Some(mut response) = self.answer(self.object_url(path)).await? else { return Ok(None) };
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(|error| unreachable(&error))? {
            if body.len() + piece.len() > OBJECT_MAX_BYTES {
                let (url, status) = (response.url().to_string(), response.status().as_u16());
                let problem = format!("its answer is over {OBJECT_MAX_BYTES} bytes");
                return Err(ClientError::UnexpectedAnswer { url, status, problem });
            }
            body.extend_from_slice(&piece);
        }
        Ok(Some(body.into()))
    }

    /// Streams the package with this digest into a file, at most one byte more than `size_bytes`.
    pub(super) async fn package_into(
        &self,
        digest: Digest,
        size_bytes: u64,
        path: &Path,
    ) -> Result<Option<Arrived>, ClientError> {
        let url = self.object_url(&format!("blobs/sha256/{}", digest.to_hex()));
        let mut response = match self.answer(url).await {
            Ok(Some(response)) => response,
            // A registry that finds the bytes damaged hands out nothing, too.
            Err(error) if error.status() == Some(StatusCode::INTERNAL_SERVER_ERROR.as_u16()) => {
                return Ok(None);
            }
            Ok(None) => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut file = tokio::fs::File::create(path).await.map_err(|error| ClientError::file(path, error))?;
        let mut writer = DigestWriter::default();
        while let Some(piece) = response.chunk().await.map_err(|error| unreachable(&error))? {
            writer.update(&piece);
            file.write_all(&piece).await.map_err(|error| ClientError::file(path, error))?;
            if writer.size_bytes() > size_bytes {
                break;
            }
        }
        file.flush().await.map_err(|error| ClientError::file(path, error))?;
        Ok(Some(Arrived { size_bytes: writer.size_bytes(), digest: writer.finish() }))
    }

    async fn answer(&self, url: Url) -> Result<Option<Response>, ClientError> {
        let make = || self.transport.request(Method::GET, url.clone());
        match self.transport.send(Retry::Safe, make).await {
            Ok(response) => Ok(Some(response)),
            Err(error) if error.status().is_some_and(is_absence) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn object_url(&self, path: &str) -> Url {
        self.transport.url(&path.split('/').collect::<Vec<_>>())
    }
}

/// Not there, gone for good, or withheld by an operator.
fn is_absence(status: u16) -> bool {
    [
        StatusCode::NOT_FOUND,
        StatusCode::GONE,
        StatusCode::FORBIDDEN,
        StatusCode::UNAVAILABLE_FOR_LEGAL_REASONS,
    ]
    .iter()
    .any(|absent| absent.as_u16() == status)
}
