//! What a monitor remembers between two runs: whose log it is, and the newest checkpoint it found clean.

use std::io::Write as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::client::ClientError;
use crate::trust::TrustDocument;

/// The state file, JSON.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MonitorState {
    /// The keys that were pinned, as they were followed to.
    pub(super) trust: TrustDocument,
    /// The newest checkpoint that was found clean, as a signed note.
    pub(super) checkpoint: String,
}

impl MonitorState {
    pub(super) fn read(path: &Path) -> Result<Option<Self>, ClientError> {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(ClientError::file(path, error)),
        };
        serde_json::from_slice(&bytes).map(Some).map_err(|error| ClientError::file(path, error))
    }

    /// Replaces the file in one step.
    pub(super) fn write(&self, path: &Path) -> Result<(), ClientError> {
        let failed = |error: std::io::Error| ClientError::file(path, error);
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder).map_err(failed)?;
        let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
        let json = serde_json::to_vec_pretty(self).expect("a state has text keys only");
        file.write_all(&json).and_then(|()| file.as_file().sync_all()).map_err(failed)?;
        file.persist(path).map_err(|error| failed(error.error))?;
        Ok(())
    }
}
