//! What a host says it trusts and demands, the same for every command that checks packages.

use std::path::{Path, PathBuf};

use super::Failure;
use crate::domain::{Digest, Timestamp};
use crate::signing::Envelope;
use crate::trust::{Demands, RecallFeed, TrustDocument, TrustFile, read_recalls};

/// Recall feeds and trust files are bounded when they are read; this bounds what is read from disk.
const FILE_MAX_BYTES: u64 = 64 * 1024 * 1024;

/// What is trusted.
#[derive(clap::Args)]
pub(super) struct TrustFileOption {
    /// What you trust: the registry's keys as /api/v1/trust answers them, with "authors" if you like, or a JSON
    /// list of author keys [default: the keys pinned at the first contact, see `pluginry trust`].
    #[arg(long, value_name = "FILE")]
    trust: Option<PathBuf>,
}

/// What is trusted and demanded.
#[derive(clap::Args)]
pub(super) struct TrustOptions {
    #[command(flatten)]
    file: TrustFileOption,
    /// Take only releases that passed the registry's verification.
    #[arg(long)]
    require_verified: bool,
    /// Take only releases that passed by this verification policy; may be given more than once.
    #[arg(long, value_name = "DIGEST")]
    policy_digest: Vec<Digest>,
    /// Take only releases that have been in the log for so many hours.
    #[arg(long, value_name = "HOURS")]
    min_age_hours: Option<u32>,
}

impl TrustFileOption {
    /// The trust file, and the registry's newest document in it.
    pub(super) fn read(&self) -> Result<(TrustFile, Option<TrustDocument>), Failure> {
        match &self.trust {
            Some(path) => Ok(TrustFile::from_json(&read_bounded(path)?)?),
            None => Ok((TrustFile::default(), None)),
        }
    }
}

impl TrustOptions {
    /// The trust file, and the registry's newest document in it.
    pub(super) fn read(&self) -> Result<(TrustFile, Option<TrustDocument>), Failure> {
        self.file.read()
    }

    /// What every release must have.
    pub(super) fn demands(&self) -> Demands {
        Demands {
            verified: self.require_verified,
            policies: self.policy_digest.clone(),
            min_age_hours: self.min_age_hours,
            accept_yanked: false,
        }
    }
}

/// Reads a recall feed that was carried here in a file.
pub(super) fn read_recalls_file(path: &Path, trust: &TrustDocument) -> Result<RecallFeed, Failure> {
    let envelope = Envelope::from_json(&read_bounded(path)?).map_err(|error| {
        Failure::new("recalls-unreadable", format!("{} is not a recall feed: {error}", path.display()))
            .with_mend("Save what the registry answers at /api/v1/recalls.")
    })?;
    Ok(read_recalls(&envelope, &trust.registry_keys())?)
}

/// Reads a file that is not absurdly large.
pub(super) fn read_bounded(path: &Path) -> Result<Vec<u8>, Failure> {
    let size_bytes = std::fs::metadata(path).map_err(|error| Failure::file("read", path, error))?.len();
    if size_bytes > FILE_MAX_BYTES {
        return Err(Failure::file("read", path, format!("it is {size_bytes} bytes")));
    }
    std::fs::read(path).map_err(|error| Failure::file("read", path, error))
}

/// A moment to the second, for a person.
pub(super) fn second_of(at: Timestamp) -> String {
    Timestamp::from_micros(at.as_micros().div_euclid(1_000_000) * 1_000_000).to_string()
}
