//! `pluginry verify`: check a package at hand, or all packages of a lock, without network.

use std::path::{Path, PathBuf};

use super::fetch::read_lock;
use super::package_files::read_package_file;
use super::settings::state_directory;
use super::trust_options::{TrustOptions, read_bounded, read_recalls_file};
use super::{Failure, profiles, terminal};
use crate::client::{Memory, place_of};
use crate::domain::{Grants, HostProfile, ReleaseId, Timestamp};
use crate::log::{Checkpoint, SignedCheckpoint};
use crate::resolver::Lock;
use crate::trust::{
    Bundle, Check, CheckedPackage, Demands, LockBundle, Pinned, RecallFeed, TrustDocument, TrustedKeys,
    Witnesses, check_package, read_checkpoint, read_recalls,
};
use crate::wasm::{PackageLimits, read_package};

/// Check a package, or all packages of a lock, without network; say each step and what it rests on.
///
/// The steps: the log's key and checkpoint; that the release, its key and its verdict are in the log; digest and
/// length; the verdict and its policy; the author's signature; that the imports are within what is granted; age,
/// yank and recall.
#[derive(clap::Args)]
pub(super) struct VerifyArguments {
    /// The package; with --lock also the folder `pluginry fetch` put the packages in.
    path: PathBuf,
    /// The release's bundle, or the one of the whole lock [default: the .bundle.json beside the package].
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,
    /// The lock: pins digest and signer, and says what your host grants.
    #[arg(long, value_name = "FILE")]
    lock: Option<PathBuf>,
    #[command(flatten)]
    trust: TrustOptions,
    /// A fresher recall feed than the one in the bundle, as /api/v1/recalls answers it.
    #[arg(long, value_name = "FILE", conflicts_with = "without_recalls")]
    recalls: Option<PathBuf>,
    /// Do not ask for a recall feed that is still good: recalls since the bundle was made stay unknown.
    #[arg(long)]
    without_recalls: bool,
    /// Take a yanked release although no lock pins it.
    #[arg(long)]
    accept_yanked: bool,
    /// The contract of your host, if it is not built in; may be given more than once.
    #[arg(long, value_name = "FILE")]
    profile_file: Vec<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// A bundle of either kind.
enum AnyBundle {
    Release(Box<Bundle>),
    Lock(Box<LockBundle>),
}

impl VerifyArguments {
    pub(super) fn run(self) -> Result<(), Failure> {
        let terms = Terms::read(&self)?;
        let checked = if self.path.is_dir() {
            terms.check_folder(&self.path)?
        } else {
            vec![terms.check_file(&self.path)?]
        };
        if self.json && self.path.is_dir() {
            terminal::print_json(&checked);
        } else if self.json {
            terminal::print_json(&checked[0]);
        } else {
            checked.iter().for_each(print_steps);
        }
        Ok(())
    }

    fn bundle_path(&self) -> Result<PathBuf, Failure> {
        match &self.bundle {
            Some(path) => Ok(path.clone()),
            None if self.path.is_dir() => Err(Failure::usage(
                "a folder is checked by the bundle of its lock: give --bundle, as `pluginry fetch --bundle` wrote it",
            )),
            None => Ok(self.path.with_extension("bundle.json")),
        }
    }
}

/// What packages are checked against, read from files.
struct Terms {
    bundle: AnyBundle,
    lock: Option<Lock>,
    lock_log: Option<Checkpoint>,
    trust: TrustDocument,
    authors: Option<TrustedKeys>,
    recalls: Option<RecallFeed>,
    demands: Demands,
    profiles: Vec<HostProfile>,
    host: Option<ReleaseId>,
    grants: Grants,
    now: Timestamp,
}

impl Terms {
    fn read(arguments: &VerifyArguments) -> Result<Self, Failure> {
        let bundle = AnyBundle::read(&arguments.bundle_path()?)?;
        let lock = arguments.lock.as_deref().map(read_lock).transpose()?;
        let (file, given) = arguments.trust.read()?;
        let trust = match given {
            Some(document) => document,
            None => remembered_trust(bundle.checkpoint(), lock.as_ref())?,
        };
        let lock_log = match lock.as_ref().and_then(|lock| lock.checkpoint.as_deref()) {
            Some(note) => Some(
                read_checkpoint(note, &trust, Witnesses::NotNeeded)
                    .map_err(|refusal| {
                        let failure = Failure::from(refusal);
                        failure.with_context("the lock's checkpoint")
                    })?
                    .0,
            ),
            None => None,
        };
        let host = lock.as_ref().and_then(|lock| lock.host.as_ref());
        Ok(Self {
            recalls: recalls(arguments, &bundle, &trust)?,
            lock_log,
            authors: file.authors,
            demands: Demands { accept_yanked: arguments.accept_yanked, ..arguments.trust.demands() },
            profiles: profiles::read_profiles(&arguments.profile_file)?,
            host: host.map(|host| ReleaseId::new(host.profile.clone(), host.version.clone())),
            grants: host.and_then(|host| host.grants.clone()).unwrap_or_default(),
            now: Timestamp::now(),
            bundle,
            lock,
            trust,
        })
    }

    /// Every package of the lock, in load order.
    fn check_folder(&self, folder: &Path) -> Result<Vec<CheckedPackage>, Failure> {
        let lock = self.lock.as_ref().ok_or_else(|| {
            Failure::usage("a folder is checked against a lock: give --lock, or name one package")
        })?;
        let check = |release: &ReleaseId| {
            let bytes = read_package_file(&place_of(folder, release))?;
            self.check(release, &bytes)
        };
        lock.releases.iter().map(|locked| check(&locked.id())).collect()
    }

    fn check_file(&self, path: &Path) -> Result<CheckedPackage, Failure> {
        let bytes = read_package_file(path)?;
        let release = match &self.bundle {
            AnyBundle::Release(bundle) => bundle.release_id(),
            AnyBundle::Lock(_) => read_package(&bytes, &PackageLimits::default())?.manifest.release_id(),
        };
        self.check(&release, &bytes)
    }

    fn check(&self, release: &ReleaseId, bytes: &[u8]) -> Result<CheckedPackage, Failure> {
        let bundle = self.bundle.of(release)?;
        let locked = match &self.lock {
            Some(lock) => Some(lock.release(release).ok_or_else(|| {
                Failure::new("not-in-lock", format!("the lock does not hold {release}"))
                    .with_mend("Check against the lock it was fetched by, or resolve again.")
            })?),
            None => None,
        };
        let check = Check {
            release,
            trust: &self.trust,
            known_log: self.lock_log.as_ref(),
            recalls: self.recalls.as_ref(),
            pinned: locked.map(|locked| Pinned {
                digest: locked.digest,
                size_bytes: locked.size_bytes,
                signer: &locked.signer,
                verification: locked.verification,
            }),
            authors: self.authors.as_ref(),
            demands: &self.demands,
            grants: locked.map(|_| &self.grants),
            host: self.host.as_ref(),
            profiles: &self.profiles,
            believe_bundle_profile: locked.is_none(),
            limits: &PackageLimits::default(),
            now: self.now,
        };
        Ok(check_package(bytes, &bundle, &check)?)
    }
}

impl AnyBundle {
    /// Reads either kind; the bundle of a lock has `bundles`.
    fn read(path: &Path) -> Result<Self, Failure> {
        #[derive(serde::Deserialize)]
        struct Kind {
            #[serde(default)]
            bundles: Option<serde::de::IgnoredAny>,
        }
        let json = read_bounded(path)?;
        let is_of_lock = serde_json::from_slice::<Kind>(&json).is_ok_and(|kind| kind.bundles.is_some());
        let read = if is_of_lock {
            LockBundle::from_json(&json).map(|bundle| Self::Lock(Box::new(bundle)))
        } else {
            Bundle::from_json(&json).map(|bundle| Self::Release(Box::new(bundle)))
        };
        read.map_err(|error| Failure::from(error).with_context(&path.display().to_string()))
    }

    fn checkpoint(&self) -> &str {
        match self {
            Self::Release(bundle) => &bundle.checkpoint,
            Self::Lock(bundle) => &bundle.checkpoint,
        }
    }

    fn of(&self, release: &ReleaseId) -> Result<Bundle, Failure> {
        match self {
            Self::Release(bundle) => Ok(bundle.as_ref().clone()),
            Self::Lock(all) => all.bundle(release).ok_or_else(|| {
                Failure::new("bundle-missing", format!("the bundle of the lock does not prove {release}"))
                    .with_mend("Fetch again with this lock and --bundle.")
            }),
        }
    }
}

/// The feed from the file, or the one in the bundle; the steps refuse one that is not good any more.
fn recalls(
    arguments: &VerifyArguments,
    bundle: &AnyBundle,
    trust: &TrustDocument,
) -> Result<Option<RecallFeed>, Failure> {
    if arguments.without_recalls {
        return Ok(None);
    }
    if let Some(path) = &arguments.recalls {
        return read_recalls_file(path, trust).map(Some);
    }
    match bundle {
        AnyBundle::Lock(bundle) => Ok(Some(read_recalls(&bundle.recalls, &trust.registry_keys())?)),
        AnyBundle::Release(_) => Ok(None),
    }
}

/// The pinned keys of the registry the lock names, or else of the one whose log the checkpoint names.
fn remembered_trust(checkpoint: &str, lock: Option<&Lock>) -> Result<TrustDocument, Failure> {
    let origin = SignedCheckpoint::parse(checkpoint)?.unverified().origin.clone();
    let registry = lock.and_then(|lock| lock.registry.as_deref()).map(|url| url.trim_end_matches('/'));
    for remembered in Memory::all_in(&state_directory()?)? {
        let document = remembered.document()?;
        let is_named = registry.is_none_or(|url| remembered.registry.trim_end_matches('/') == url);
        if is_named && document.origin == origin {
            return Ok(document);
        }
    }
    let message = format!("the keys of {origin} are not known here, so its log proves nothing");
    Err(Failure::new("trust-unknown", message).with_mend(
        "Give them with --trust, as the registry answers them at /api/v1/trust and its operator confirms; or pin them with `pluginry trust pin`.",
    ))
}

/// Each step and what it rests on.
fn print_steps(checked: &CheckedPackage) {
    terminal::print(&checked.release);
    for step in &checked.steps {
        terminal::print(&format!("  ok  {}: {}", step.step.name(), step.evidence));
    }
    for remark in &checked.remarks {
        terminal::say(&format!("  note: {remark}"));
    }
}

/// What was found, on one line: who signed, what it may do, whether it stands.
pub(super) fn one_line_of(checked: &CheckedPackage) -> String {
    use crate::trust::Step;
    // How many clauses of each step's evidence are for everyday reading; `pluginry verify` prints all.
    let told = [(Step::Verdict, 1), (Step::Signature, 1), (Step::Imports, 1), (Step::Standing, 2)];
    let clauses = told.iter().filter_map(|(step, count)| {
        let evidence = &checked.steps.iter().find(|checked| checked.step == *step)?.evidence;
        Some(evidence.split(", ").take(*count).collect::<Vec<_>>().join(", "))
    });
    clauses.collect::<Vec<_>>().join("; ")
}
