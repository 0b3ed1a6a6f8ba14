//! Fetching a lock: every package checked beside its place, then all put in place together.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::StreamExt as _;
use reqwest::Method;
use tempfile::{NamedTempFile, TempDir};
use tokio::io::AsyncWriteExt as _;

use super::contact_refusal::ContactRefusal;
use super::error::ClientError;
use super::resolve::{may_ask_again, pause};
use super::transport::{Retry, unreachable};
use super::{Client, Contact};
use crate::domain::{DigestWriter, Grants, HostProfile, ReleaseId};
use crate::resolver::{Lock, LockedRelease};
use crate::signing::Envelope;
use crate::trust::{
    Bundle, Check, CheckedPackage, Demands, LockBundle, Pinned, RecallFeed, Step, StepFailure, StepRefusal,
    TrustedKeys, Witnesses, check_log, check_package, read_checkpoint, read_recalls,
};
use crate::wasm::PackageLimits;

/// How many packages are fetched at once.
const PARALLEL_FETCHES: usize = 4;

/// What a fetch is told beside the lock.
#[derive(Clone, Default)]
pub struct FetchOptions {
    /// The author keys the host trusts; absent: the keys the lock pins.
    pub authors: Option<TrustedKeys>,
    /// What the host asks for beyond what every release must have.
    pub demands: Demands,
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

/// The packages of a lock in their places.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// Each package, in the order of the lock.
    pub packages: Vec<FetchedPackage>,
    /// What proves all of them, without network.
    pub bundle: LockBundle,
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
pub(super) struct Terms {
    options: FetchOptions,
    contact: Contact,
    /// The newest feed at hand.
    recalls: RecallFeed,
    bundle: LockBundle,
    /// The host of the lock; a lock without one grants nothing.
    host: Option<ReleaseId>,
    grants: Grants,
}

impl Client {
    /// Fetches every release of `lock` into `directory`.
    ///
    /// What proves the lock comes first; each package is then streamed to a temporary file and checked step by
    /// step, and only when all passed are they renamed to `<directory>/<namespace>/<name>/<version>.wasm`. After a
    /// failure there is no new file.
    pub async fn fetch(
        &self,
        lock: &Lock,
        directory: &Path,
        options: &FetchOptions,
        contact: &Contact,
    ) -> Result<Fetched, ClientError> {
        let terms = Arc::new(self.terms(lock, options, contact).await?);
        let is_new = !directory.exists();
        std::fs::create_dir_all(directory).map_err(|error| ClientError::file(directory, error))?;
        let outcome = self.fetch_into(lock, directory, terms).await;
        if is_new && outcome.is_err() {
            let _only_when_empty = std::fs::remove_dir(directory);
        }
        outcome
    }

    async fn fetch_into(
        &self,
        lock: &Lock,
        directory: &Path,
        terms: Arc<Terms>,
    ) -> Result<Fetched, ClientError> {
        let staging = tempfile::Builder::new()
            .prefix(".pluginry-fetch-")
            .tempdir_in(directory)
            .map_err(|error| ClientError::file(directory, error))?;
        let fetch = Fetch { client: self, terms, staging };

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
        let packages = placed.collect::<Result<_, _>>()?;
        Ok(Fetched { packages, bundle: fetch.terms.bundle.clone() })
    }

    /// What the lock's packages are checked against: its log continues the one known, and the proofs are new.
    pub(super) async fn terms(
        &self,
        lock: &Lock,
        options: &FetchOptions,
        contact: &Contact,
    ) -> Result<Terms, ClientError> {
        if let Some(note) = &lock.checkpoint {
            self.observe(&contact.trust, note).await?;
        }
        let mut bundle = self.current_lock_bundle(lock, contact).await?;
        let (recalls, signed) = newer_recalls(contact, &bundle.recalls)?;
        bundle.recalls = signed;
        let host = lock.host.as_ref();
        Ok(Terms {
            options: options.clone(),
            contact: contact.clone(),
            recalls,
            bundle,
            host: host.map(|host| ReleaseId::new(host.profile.clone(), host.version.clone())),
            grants: host.and_then(|host| host.grants.clone()).unwrap_or_default(),
        })
    }

    /// The proofs of a lock, no older than the contact's checkpoint: replicas may lag a moment.
    async fn current_lock_bundle(&self, lock: &Lock, contact: &Contact) -> Result<LockBundle, ClientError> {
        let known = contact.checkpoint.tree_size;
        for attempt in 1.. {
            let bundle = self.lock_bundle(lock).await?;
            let (head, _) = read_checkpoint(&bundle.checkpoint, &contact.trust, Witnesses::Required)
                .map_err(ContactRefusal::from)?;
            if head.tree_size >= known {
                self.observe(&contact.trust, &bundle.checkpoint).await?;
                return Ok(bundle);
            }
            if !may_ask_again(attempt) {
                let found = head.tree_size;
                return Err(ContactRefusal::Outdated { what: "bundle of the lock", found, known }.into());
            }
            pause(attempt).await;
        }
        unreachable!("the loop ends by returning")
    }
}

/// The newer of the contact's feed and the one that came with the bundles.
fn newer_recalls(contact: &Contact, signed: &Envelope) -> Result<(RecallFeed, Envelope), ContactRefusal> {
    let feed = read_recalls(signed, &contact.trust.registry_keys()).map_err(ContactRefusal::Recalls)?;
    if feed.issued_at > contact.recalls.issued_at {
        return Ok((feed, signed.clone()));
    }
    Ok((contact.recalls.clone(), contact.signed_recalls.clone()))
}

impl Terms {
    /// Runs `with` what the package of `locked` is checked against.
    fn check<T>(&self, locked: &LockedRelease, with: impl FnOnce(&Check<'_>) -> T) -> T {
        let options = &self.options;
        with(&Check {
            release: &locked.id(),
            trust: &self.contact.trust,
            known_log: Some(&self.contact.checkpoint),
            recalls: Some(&self.recalls),
            pinned: Some(Pinned {
                digest: locked.digest,
                size_bytes: locked.size_bytes,
                signer: &locked.signer,
                verification: locked.verification,
            }),
            authors: options.authors.as_ref(),
            demands: &options.demands,
            grants: Some(&self.grants),
            host: self.host.as_ref(),
            profiles: &options.profiles,
            believe_bundle_profile: options.believe_registry_profile,
            limits: &options.limits,
            now: self.contact.at,
        })
    }

    /// What a lock newly chose must not be withdrawn; a yanked release may only be kept.
    pub(super) fn check_choice(&self, locked: &LockedRelease) -> Result<(), StepFailure> {
        let bundle = self.bundle_of(locked)?;
        let claims = self.check(locked, |check| check_log(&bundle, check)?.check_claims())?;
        match claims.yanked {
            true => Err(StepRefusal::Yanked.at(Step::Standing, &locked.id())),
            false => Ok(()),
        }
    }

    /// The steps that need no bytes: nothing is downloaded that the log does not know.
    fn check_log(&self, locked: &LockedRelease) -> Result<Bundle, StepFailure> {
        let bundle = self.bundle_of(locked)?;
        self.check(locked, |check| check_log(&bundle, check).map(|_| ()))?;
        Ok(bundle)
    }

    fn bundle_of(&self, locked: &LockedRelease) -> Result<Bundle, StepFailure> {
        let release = locked.id();
        self.bundle.bundle(&release).ok_or_else(|| {
            let problem = "the registry's answer brings no proof of it".to_owned();
            let mend = Some("Try again; if it stays so, tell the registry's operator.".to_owned());
            StepRefusal::NotObtained { code: "bundle-missing", problem, mend }.at(Step::Checkpoint, &release)
        })
    }

    /// Checks the bytes that lie on disk, since they are what will be loaded.
    fn check_file(
        &self,
        locked: &LockedRelease,
        package: &Path,
        bundle: &Bundle,
    ) -> Result<CheckedPackage, StepFailure> {
        let bytes = std::fs::read(package).map_err(|error| {
            StepRefusal::from(ClientError::file(package, error)).at(Step::Digest, &locked.id())
        })?;
        self.check(locked, |check| check_package(&bytes, bundle, check))
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
        let bundle = self.terms.check_log(locked)?;
        let package =
            self.download(locked, release).await.map_err(|refusal| refusal.at(Step::Digest, release))?;
        let (checked, bundle) = self.check(locked, package.path(), bundle).await?;
        let bundle = self
            .write_bundle(&bundle)
            .map_err(|error| StepRefusal::from(error).at(Step::Standing, release))?;
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
                let found = format!("more than {expected}");
                return Err(StepRefusal::SizeDiffers { expected, by: "locked", found });
            }
            file.write_all(&chunk).await.map_err(|error| ClientError::file(temporary.path(), error))?;
            if let Some(progress) = self.progress() {
                progress.advanced(release, chunk.len() as u64);
            }
        }
        file.sync_all().await.map_err(|error| ClientError::file(temporary.path(), error))?;
        if digest.size_bytes() != expected {
            let found = digest.size_bytes().to_string();
            return Err(StepRefusal::SizeDiffers { expected, by: "locked", found });
        }
        let found = digest.finish();
        if found != locked.digest {
            return Err(StepRefusal::DigestDiffers { expected: locked.digest, by: "locked", found });
        }
        Ok(temporary)
    }

    fn temporary_file(&self) -> Result<(NamedTempFile, tokio::fs::File), ClientError> {
        let directory = self.staging.path();
        let temporary =
            NamedTempFile::new_in(directory).map_err(|error| ClientError::file(directory, error))?;
        let file = temporary.reopen().map_err(|error| ClientError::file(temporary.path(), error))?;
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
        let check = move || Ok((terms.check_file(&locked, &package, &bundle)?, bundle));
        match tokio::task::spawn_blocking(check).await {
            Ok(outcome) => outcome,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

    fn write_bundle(&self, bundle: &Bundle) -> Result<NamedTempFile, ClientError> {
        let directory = self.staging.path();
        let mut file =
            NamedTempFile::new_in(directory).map_err(|error| ClientError::file(directory, error))?;
        file.write_all(&bundle.to_json())
            .and_then(|()| file.as_file().sync_all())
            .map_err(|error| ClientError::file(file.path(), error))?;
        Ok(file)
    }
}

impl StagedPackage {
    /// Renames both files into their place; the package comes last, so where it is, its bundle is too.
    fn place(self, directory: &Path) -> Result<FetchedPackage, ClientError> {
        let path = place_of(directory, &self.release);
        let folder = path.parent().unwrap_or(directory);
        std::fs::create_dir_all(folder).map_err(|error| ClientError::file(folder, error))?;
        persist(self.bundle, &path.with_extension("bundle.json"))?;
        persist(self.package, &path)?;
        Ok(FetchedPackage { path, checked: self.checked })
    }
}

/// Where a fetch puts the package of a release: `<directory>/<namespace>/<name>/<version>.wasm`.
pub fn place_of(directory: &Path, release: &ReleaseId) -> PathBuf {
    let (plugin, version) = (&release.plugin, &release.version);
    directory.join(plugin.namespace().as_str()).join(plugin.name()).join(format!("{version}.wasm"))
}

/// Temporary files are private to their owner; a placed plugin is readable like any other file.
fn persist(file: NamedTempFile, path: &Path) -> Result<(), ClientError> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let readable = std::fs::Permissions::from_mode(0o644);
        file.as_file().set_permissions(readable).map_err(|error| ClientError::file(path, error))?;
    }
    file.persist(path).map(|_file| ()).map_err(|error| ClientError::file(path, error.error))
}
