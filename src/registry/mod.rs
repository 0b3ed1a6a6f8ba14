//! The use cases of the registry, one verb per file, over the database, the object store and the projections.
//!
//! Rules live here. HTTP, command-line and SQL do not.

pub mod accounts;

use std::sync::Arc;

use crate::config::Configuration;

/// The running registry: cheap to clone, shared by every handler and job.
#[derive(Clone)]
pub struct Registry {
    shared: Arc<Shared>,
}

struct Shared {
    configuration: Configuration,
}

impl Registry {
    /// Opens the registry that `configuration` describes.
    pub async fn open(configuration: Configuration) -> Result<Self, OpenError> {
        Ok(Self { shared: Arc::new(Shared { configuration }) })
    }

    /// The settings it was opened with.
    pub fn configuration(&self) -> &Configuration {
        &self.shared.configuration
    }
}

/// Why the registry could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A file or directory could not be made or read.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: std::path::PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}
