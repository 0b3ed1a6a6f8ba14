//! The packages: each downloaded once, hashed, read and inspected again; what was found is kept in a folder.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use super::difference::Difference;
use super::source::joined;
use crate::client::{Client, ClientError};
use crate::domain::{Digest, HostProfile, Manifest, ReleaseId, Risk};
use crate::trust::LoggedRelease;
use crate::wasm::{PackageLimits, inspect, read_package};

/// What the bytes of a package say.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PackageFacts {
    digest: Digest,
    size_bytes: u64,
    profile: ReleaseId,
    pub(super) manifest: Manifest,
    risk: Option<Risk>,
    /// The first refusal of the inspection.
    refused: Option<String>,
}

/// How a package came out.
pub(super) enum Looked {
    /// It was read; what the log says about it may still differ.
    Facts(Box<PackageFacts>),
    /// The registry does not hand it out.
    Missing,
    /// Its bytes are wrong.
    Wrong(Difference),
}

/// The folder of what was found, and the bounds.
pub(super) struct PackageBook {
    folder: PathBuf,
    limits: PackageLimits,
}

impl PackageBook {
    pub(super) fn open(folder: &Path, limits: PackageLimits) -> Result<Arc<Self>, ClientError> {
        std::fs::create_dir_all(folder).map_err(|error| ClientError::file(folder, error))?;
        Ok(Arc::new(Self { folder: folder.to_owned(), limits }))
    }

    /// What is known of the package of a release, if it was read before under the same profile.
    pub(super) fn known(&self, release: &LoggedRelease) -> Option<PackageFacts> {
        let bytes = std::fs::read(self.path(release.digest)).ok()?;
        let facts: PackageFacts = serde_json::from_slice(&bytes).ok()?;
        (facts.digest == release.digest && facts.profile == release.profile).then_some(facts)
    }

    fn path(&self, digest: Digest) -> PathBuf {
        self.folder.join(format!("{}.json", digest.to_hex()))
    }

    /// A package again from a folder of an earlier run, or from the registry.
    pub(super) async fn look(
        self: Arc<Self>,
        client: Client,
        release: LoggedRelease,
        profile: Option<HostProfile>,
    ) -> Result<(LoggedRelease, Looked), ClientError> {
        if let Some(facts) = self.known(&release) {
            return Ok((release, Looked::Facts(Box::new(facts))));
        }
        let Some(profile) = profile else {
            let problem = format!("it was inspected against {}, which is not known", release.profile);
            let wrong = about(&release, "profile-unknown", problem);
            return Ok((release, Looked::Wrong(wrong)));
        };
        let file = NamedTempFile::new_in(&self.folder).map_err(|e| ClientError::file(&self.folder, e))?;
        let (expected, size_bytes) = (release.digest, release.size_bytes);
        let Some(arrived) = client.package_into(expected, size_bytes, file.path()).await? else {
            return Ok((release, Looked::Missing));
        };
        if arrived.size_bytes != size_bytes {
            let sizes = (format!("{size_bytes} bytes"), format!("{} bytes", arrived.size_bytes));
            let wrong = about(&release, "package-size-differs", "the package has another size");
            return Ok((release, Looked::Wrong(wrong.with(sizes.0, sizes.1))));
        }
        if arrived.digest != expected {
            let wrong = about(&release, "package-digest-differs", "the package has another digest");
            return Ok((release, Looked::Wrong(wrong.with(expected, arrived.digest))));
        }
        let read = tokio::task::spawn_blocking(move || {
            let looked = self.read(&file, &release, &profile)?;
            if let Looked::Facts(facts) = &looked {
                self.keep(facts)?;
            }
            Ok((release, looked))
        });
        joined(read).await
    }

    fn read(
        &self,
        file: &NamedTempFile,
        release: &LoggedRelease,
        profile: &HostProfile,
    ) -> Result<Looked, ClientError> {
        let bytes = std::fs::read(file.path()).map_err(|error| ClientError::file(file.path(), error))?;
        let package = match read_package(&bytes, &self.limits) {
            Ok(package) => package,
            Err(error) => {
                let problem = format!("the package cannot be read: {error}");
                return Ok(Looked::Wrong(about(release, "package-unreadable", problem)));
            }
        };
        let report = inspect(&package, profile);
        let facts = PackageFacts {
            digest: release.digest,
            size_bytes: bytes.len() as u64,
            profile: profile.id(),
            risk: report.risk(),
            refused: report.refusals.first().map(|finding| finding.message.clone()),
            manifest: package.manifest,
        };
        Ok(Looked::Facts(Box::new(facts)))
    }

    fn keep(&self, facts: &PackageFacts) -> Result<(), ClientError> {
        let path = self.path(facts.digest);
        let failed = |error: std::io::Error| ClientError::file(&path, error);
        let file = NamedTempFile::new_in(&self.folder).map_err(failed)?;
        let json = serde_json::to_vec(facts).expect("facts have text keys only");
        std::fs::write(file.path(), json).map_err(failed)?;
        file.persist(&path).map_err(|error| failed(error.error))?;
        Ok(())
    }
}

impl PackageFacts {
    /// Where the log says something else than the bytes.
    pub(super) fn differences(&self, release: &LoggedRelease) -> Vec<Difference> {
        let mut differences = Vec::new();
        let described = self.manifest.release_id();
        if described != release.release {
            let difference = about(release, "manifest-differs", "the package is another release");
            differences.push(difference.with(&release.release, described));
        }
        let manifest_digest = self.manifest_digest();
        if manifest_digest != release.manifest_digest {
            let difference = about(release, "manifest-differs", "the package holds another manifest");
            differences.push(difference.with(release.manifest_digest, manifest_digest));
        }
        if release.capabilities.as_ref().is_some_and(|signed| *signed != self.manifest.capabilities) {
            let problem = "the author signed other capabilities than the package asks for";
            differences.push(about(release, "capabilities-differ", problem));
        }
        if self.risk != release.risk {
            let difference = about(release, "risk-differs", "the package has another risk than logged");
            differences.push(difference.with(risk_text(self.risk), risk_text(release.risk)));
        }
        if let Some(refused) = &self.refused {
            let problem = format!("{} refuses the package: {refused}", self.profile);
            differences.push(about(release, "inspection-refuses", problem));
        }
        differences
    }

    pub(super) fn manifest_digest(&self) -> Digest {
        Digest::of(&self.manifest.to_canonical_json())
    }
}

/// A difference about the publish of a release.
pub(super) fn about(release: &LoggedRelease, code: &str, problem: impl Into<String>) -> Difference {
    Difference::of_entry(release.index, &format!("publish of {}", release.release), code, problem)
}

fn risk_text(risk: Option<Risk>) -> String {
    risk.map_or_else(|| "none".to_owned(), |risk| risk.to_string())
}
