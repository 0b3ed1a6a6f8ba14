//! A package on its way in: written to a temporary file and hashed while it streams.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use bytes::Bytes;
use tempfile::{NamedTempFile, TempPath};

use super::Registry;
use super::mapped_file::map_file;
use crate::domain::{Digest, DigestWriter, Refusal};
use crate::kill_points;

/// Why an upload was broken off.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// Over the limit.
    #[error("the package is larger than {most_bytes} bytes")]
    TooLarge {
        /// The limit.
        most_bytes: u64,
    },
    /// The temporary file could not be written.
    #[error("the upload could not be written")]
    Disk(#[from] std::io::Error),
}

impl Refusal for UploadError {
    fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "package-too-large",
            Self::Disk(_) => "internal",
        }
    }

    fn mend(&self) -> Option<String> {
        Some("Build with optimisation, strip debug information, keep data out of the module.".into())
    }
}

/// Takes the pieces of one package.
pub struct UploadWriter {
    file: NamedTempFile,
    digest: DigestWriter,
    most_bytes: u64,
}

/// A package that arrived whole, not looked at yet. The file goes when this goes.
pub struct UploadedPackage {
    path: TempPath,
    file: File,
    digest: Digest,
    size_bytes: u64,
}

impl Registry {
    /// Opens a temporary file for one package.
    pub fn start_upload(&self) -> Result<UploadWriter, UploadError> {
        Ok(UploadWriter {
            file: NamedTempFile::new_in(self.configuration().upload_directory())?,
            digest: DigestWriter::default(),
            most_bytes: self.configuration().limits.package_bytes,
        })
    }
}

impl UploadWriter {
    /// Takes the next piece: a short write into the page cache.
    pub fn write(&mut self, piece: &[u8]) -> Result<(), UploadError> {
        self.digest.update(piece);
        if self.digest.size_bytes() > self.most_bytes {
            return Err(UploadError::TooLarge { most_bytes: self.most_bytes });
        }
        Ok(self.file.write_all(piece)?)
    }

    /// The package, when all pieces were taken.
    pub fn finish(self) -> UploadedPackage {
        let size_bytes = self.digest.size_bytes();
        kill_points::pass("upload-written");
        let (file, path) = self.file.into_parts();
        UploadedPackage { path, file, digest: self.digest.finish(), size_bytes }
    }
}

impl UploadedPackage {
    /// SHA-256 of the bytes.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// How many bytes there are.
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Where they lie.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The bytes, mapped: nobody else knows the file, so they do not change.
    pub fn bytes(&self) -> Result<Bytes, UploadError> {
        Ok(map_file(&self.file)?)
    }
}
