//! Fetching a lock: every package checked beside its place, then all put in place together.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::StreamExt as _;
use reqwest::Method;
use tempfile::{NamedTempFile, TempDir};
use tokio::io::AsyncWriteExt as _;

use super::check::{Check, CheckedPackage, check_package};
use super::error::{ClientError, Step, StepFailure, StepRefusal};
use super::transport::{Retry, unreachable};
use super::{Client, TrustedKeys};
use crate::domain::{DigestWriter, Grants, HostProfile, ReleaseId};
use crate::resolver::{Lock, LockedRelease};
use crate::signing::Bundle;
use crate::wasm::PackageLimits;

/// How many packages are fetched at once.
const PARALLEL_FETCHES: usize = 4;

/// What a fetch is told beside the lock.
#[derive(Clone, Default)]
pub struct FetchOptions {
    /// The keys the host trusts; absent: the keys the lock pins.
    pub trusted: Option<TrustedKeys>,
    /// Contracts the caller knows, beside the built-in ones.
    pub profiles: Vec<HostProfile>,
    /// Whether the registry's copy of the host's contract is good enough.
    pub believe_registry_profile: bool,
    /// Bounds on a package.
    pub limits: PackageLimits,
    /// Who is told how it goes.
    pub progress: Option<Arc<dyn FetchProgress>>,
}

/// Is told how a fetch goes.
pub trait FetchProgress: Send + Sync {
    /// A download of `size_bytes` starts.
    fn started(&self, release: &ReleaseId, size_bytes: u64);
    /// `bytes` more of it arrived.
    fn advanced(&self, release: &ReleaseId, bytes: u64);
    /// The package passed its checks or was refused.
    fn finished(&self, release: &ReleaseId);
}

/// A package in its place.
#[derive(Debug, Clone)]
pub struct FetchedPackage {
    /// `<directory>/<namespace>/<name>/<version>.wasm`; its bundle stands beside it as `.bundle.json`.
    pub path: PathBuf,
    /// What was checked.
    pub checked: CheckedPackage,
}

/// A package that passed its checks and waits beside its place.
struct StagedPackage {
    release: ReleaseId,
    package: NamedTempFile,
    bundle: NamedTempFile,
    checked: CheckedPackage,
}

/// One fetch: what all its packages share.
struct Fetch<'a> {
    client: &'a Client,
    terms: Arc<Terms>,
    staging: TempDir,
}

/// What packages are checked against.
struct Terms {
    options: FetchOptions,
    /// The host of the lock; a lock without one grants nothing.
    host: Option<ReleaseId>,
    grants: Grants,
}

impl Client {
    /// Fetches every release of `lock` into `directory`.
    ///
    /// Each package is streamed to a temporary file, checked step by step, and only when all passed are
    /// they renamed to `<directory>/<namespace>/<name>/<version>.wasm`. After a failure there is no new file.
    pub async fn fetch(
        &self,
        lock: &Lock,
        directory: &Path,
        options: &FetchOptions,
    ) -> Result<Vec<FetchedPackage>, ClientError> {
        let is_new = !directory.exists();
        std::fs::create_dir_all(directory).map_err(|error| ClientError::file(directory, error))?;
        let outcome = self.fetch_into(lock, directory, options).await;
        if is_new && outcome.is_err() {
            let _only_when_empty = std::fs::remove_dir(directory);
        }
        outcome
    }

    async fn fetch_into(
        &self,
        lock: &Lock,
        directory: &Path,
        options: &FetchOptions,
    ) -> Result<Vec<FetchedPackage>, ClientError> {
        let staging = tempfile::Builder::new()
            .prefix(".pluginry-fetch-")
            .tempdir_in(directory)
            .map_err(|error| ClientError::file(directory, error))?;
        let fetch = Fetch { client: self, terms: Arc::new(Terms::new(lock, options)), staging };

        let outcomes: Vec<_> = futures::stream::iter(&lock.releases)
            .map(|locked| fetch.stage(locked))
            .buffered(PARALLEL_FETCHES)
            .collect()
            .await;
        let mut staged = Vec::new();
        let mut failures = Vec::new();
        for outcome in outcomes {
            match outcome {
                Ok(package) => staged.push(package),
                Err(failure) => failures.push(failure),
            }
        }
        if !failures.is_empty() {
            return Err(ClientError::Steps(failures));
        }
        let placed = staged.into_iter().map(|package| package.place(directory));
        placed.collect::<Result<_, _>>().map_err(|failure| ClientError::Steps(vec![failure]))
    }
}

impl Terms {
    fn new(lock: &Lock, options: &FetchOptions) -> Self {
        let host = lock.host.as_ref();
        Self {
            options: options.clone(),
            host: host.map(|host| ReleaseId::new(host.profile.clone(), host.version.clone())),
            grants: host.and_then(|host| host.grants.clone()).unwrap_or_default(),
        }
    }

    /// Checks the bytes that lie on disk, since they are what will be loaded.
    fn check(
        &self,
        locked: &LockedRelease,
        package: &Path,
        bundle: &Bundle,
    ) -> Result<CheckedPackage, StepFailure> {
        let release = &locked.id();
        let bytes =
            std::fs::read(package).map_err(|error| cannot_write(package, error).at(Step::Digest, release))?;
        let check = Check {
            release,
            digest: locked.digest,
            signer: Some(&locked.signer),
            trusted: self.options.trusted.as_ref(),
            grants: Some(&self.grants),
            host: self.host.as_ref(),
            profiles: &self.options.profiles,
            believe_bundle_profile: self.options.believe_registry_profile,
            limits: &self.options.limits,
        };
        check_package(&bytes, bundle, &check)
    }
}

impl Fetch<'_> {
    fn progress(&self) -> Option<&dyn FetchProgress> {
        self.terms.options.progress.as_deref()
    }

    async fn stage(&self, locked: &LockedRelease) -> Result<StagedPackage, StepFailure> {
        let release = locked.id();
        if let Some(progress) = self.progress() {
            progress.started(&release, locked.size_bytes);
        }
        let outcome = self.download_and_check(locked, &release).await;
        if let Some(progress) = self.progress() {
            progress.finished(&release);
        }
        outcome
    }

    async fn download_and_check(
        &self,
        locked: &LockedRelease,
        release: &ReleaseId,
    ) -> Result<StagedPackage, StepFailure> {
        let package =
            self.download(locked, release).await.map_err(|refusal| refusal.at(Step::Digest, release))?;
        let bundle = self
            .client
            .bundle(release)
            .await
            .map_err(|error| StepRefusal::from(error).at(Step::Signature, release))?;
        let (checked, bundle) = self.check(locked, package.path(), bundle).await?;
        let bundle = self.write_bundle(&bundle).map_err(|refusal| refusal.at(Step::Place, release))?;
        Ok(StagedPackage { release: release.clone(), package, bundle, checked })
    }

    /// Streams the package to a temporary file, hashing and counting what goes by.
    async fn download(
        &self,
        locked: &LockedRelease,
        release: &ReleaseId,
    ) -> Result<NamedTempFile, StepRefusal> {
        let expected = locked.size_bytes;
        if expected > self.terms.options.limits.package_bytes {
            let allowed_bytes = self.terms.options.limits.package_bytes;
            return Err(crate::wasm::PackageError::TooLarge { size_bytes: expected, allowed_bytes }.into());
        }
        let transport = &self.client.transport;
        let url = transport.resolve_url(&locked.url)?;
        let make = || transport.request(Method::GET, url.clone());
        let mut response = transport.send(Retry::Safe, make).await?;

        let (temporary, mut file) = self.temporary_file()?;
        let mut digest = DigestWriter::default();
        while let Some(chunk) = response.chunk().await.map_err(|error| unreachable(&error))? {
            digest.update(&chunk);
            if digest.size_bytes() > expected {
                return Err(StepRefusal::SizeDiffers { expected, found: format!("more than {expected}") });
            }
            file.write_all(&chunk).await.map_err(|error| cannot_write(temporary.path(), error))?;
            if let Some(progress) = self.progress() {
                progress.advanced(release, chunk.len() as u64);
            }
        }
        file.sync_all().await.map_err(|error| cannot_write(temporary.path(), error))?;
        if digest.size_bytes() != expected {
            return Err(StepRefusal::SizeDiffers { expected, found: digest.size_bytes().to_string() });
        }
        let found = digest.finish();
        if found != locked.digest {
            return Err(StepRefusal::DigestDiffers { expected: locked.digest, found });
        }
        Ok(temporary)
    }

    fn temporary_file(&self) -> Result<(NamedTempFile, tokio::fs::File), StepRefusal> {
        let directory = self.staging.path();
        let temporary = NamedTempFile::new_in(directory).map_err(|error| cannot_write(directory, error))?;
        let file = temporary.reopen().map_err(|error| cannot_write(temporary.path(), error))?;
        Ok((temporary, tokio::fs::File::from_std(file)))
    }

    /// Away from the network's thread: a package may take a while.
    async fn check(
        &self,
        locked: &LockedRelease,
        package: &Path,
        bundle: Bundle,
    ) -> Result<(CheckedPackage, Bundle), StepFailure> {
        let (terms, locked, package) = (Arc::clone(&self.terms), locked.clone(), package.to_owned());
        let check = move || Ok((terms.check(&locked, &package, &bundle)?, bundle));
        match tokio::task::spawn_blocking(check).await {
            Ok(outcome) => outcome,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

    fn write_bundle(&self, bundle: &Bundle) -> Result<NamedTempFile, StepRefusal> {
        let directory = self.staging.path();
        let json = serde_json::to_vec_pretty(bundle).expect("a bundle holds no map with non-text keys");
        let mut file = NamedTempFile::new_in(directory).map_err(|error| cannot_write(directory, error))?;
        file.write_all(&json)
            .and_then(|()| file.as_file().sync_all())
            .map_err(|error| cannot_write(file.path(), error))?;
        Ok(file)
    }
}

impl StagedPackage {
    /// Renames both files into their place; the package comes last, so where it is, its bundle is too.
    fn place(self, directory: &Path) -> Result<FetchedPackage, StepFailure> {
        let (plugin, version) = (&self.release.plugin, &self.release.version);
        let folder = directory.join(plugin.namespace().as_str()).join(plugin.name());
        let path = folder.join(format!("{version}.wasm"));
        let bundle_path = folder.join(format!("{version}.bundle.json"));
        let put = || -> Result<(), StepRefusal> {
            std::fs::create_dir_all(&folder).map_err(|error| cannot_write(&folder, error))?;
            persist(self.bundle, &bundle_path)?;
            persist(self.package, &path)
        };
        put().map_err(|refusal| refusal.at(Step::Place, &self.release))?;
        Ok(FetchedPackage { path, checked: self.checked })
    }
}

/// Temporary files are private to their owner; a placed plugin is readable like any other file.
fn persist(file: NamedTempFile, path: &Path) -> Result<(), StepRefusal> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let readable = std::fs::Permissions::from_mode(0o644);
        file.as_file().set_permissions(readable).map_err(|error| cannot_write(path, error))?;
    }
    file.persist(path).map(|_file| ()).map_err(|error| cannot_write(path, error.error))
}

fn cannot_write(path: &Path, error: std::io::Error) -> StepRefusal {
    StepRefusal::File { path: path.into(), problem: error.to_string() }
}
