//! `pluginry verify`: check a package at hand, without network.

use std::path::{Path, PathBuf};

use super::fetch::read_lock;
use super::package_files::read_package_file;
use super::{Failure, profiles, terminal};
use crate::client::{Check, CheckedPackage, TrustedKeys, check_package};
use crate::domain::{Digest, Grants, ReleaseId};
use crate::resolver::{Lock, LockedRelease};
use crate::signing::Bundle;
use crate::wasm::PackageLimits;

const BUNDLE_MAX_BYTES: u64 = 16 * 1024 * 1024;

/// Check a package without network: digest, manifest, author signature, imports within grants.
#[derive(clap::Args)]
pub(super) struct VerifyArguments {
    /// The package.
    file: PathBuf,
    /// The release's bundle [default: the .bundle.json beside the package].
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,
    /// The keys you trust, as a JSON list; without it the key is taken from the lock or the bundle.
    #[arg(long, value_name = "FILE")]
    trust: Option<PathBuf>,
    /// The lock: pins digest and signer, and says what your host grants.
    #[arg(long, value_name = "FILE")]
    lock: Option<PathBuf>,
    /// The contract of your host, if it is not built in; may be given more than once.
    #[arg(long, value_name = "FILE")]
    profile_file: Vec<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl VerifyArguments {
    pub(super) fn run(self) -> Result<(), Failure> {
        let bytes = read_package_file(&self.file)?;
        let bundle_path = self.bundle.clone().unwrap_or_else(|| self.file.with_extension("bundle.json"));
        let bundle = read_bundle(&bundle_path)?;
        let trusted = self.trust.as_deref().map(read_trust).transpose()?;
        let lock = self.lock.as_deref().map(read_lock).transpose()?;
        let profiles = profiles::read_profiles(&self.profile_file)?;
        let release = bundle.release_id();
        let locked = lock.as_ref().map(|lock| Locked::find(lock, &release)).transpose()?;
        let locked = locked.as_ref();
        let check = Check {
            release: &release,
            digest: locked.map_or(bundle.digest, |locked| locked.digest()),
            signer: locked.map(|locked| locked.release.signer.as_str()),
            trusted: trusted.as_ref(),
            grants: locked.map(|locked| &locked.grants),
            host: locked.and_then(|locked| locked.host.as_ref()),
            profiles: &profiles,
            believe_bundle_profile: locked.is_none(),
            limits: &PackageLimits::default(),
        };
        self.print(&check_package(&bytes, &bundle, &check)?);
        Ok(())
    }

    fn print(&self, checked: &CheckedPackage) {
        if self.json {
            terminal::print_json(checked);
            return;
        }
        for step in &checked.steps {
            terminal::print(&format!("ok  {}: {}", step.step, step.finding));
        }
        for remark in &checked.remarks {
            terminal::say(&format!("note: {remark}"));
        }
    }
}

/// What a lock says about one release.
struct Locked<'a> {
    release: &'a LockedRelease,
    host: Option<ReleaseId>,
    grants: Grants,
}

impl<'a> Locked<'a> {
    fn find(lock: &'a Lock, release: &ReleaseId) -> Result<Self, Failure> {
        let locked = lock.release(release).ok_or_else(|| {
            Failure::new("not-in-lock", format!("the lock does not hold {release}"))
                .with_mend("Check against the lock it was fetched by, or resolve again.")
        })?;
        let host = lock.host.as_ref();
        Ok(Self {
            release: locked,
            host: host.map(|host| ReleaseId::new(host.profile.clone(), host.version.clone())),
            grants: host.and_then(|host| host.grants.clone()).unwrap_or_default(),
        })
    }

    fn digest(&self) -> Digest {
        self.release.digest
    }
}

/// What was found, on one line.
pub(super) fn one_line_of(checked: &CheckedPackage) -> String {
    let findings: Vec<&str> = checked.steps.iter().skip(2).map(|step| step.finding.as_str()).collect();
    findings.join("; ")
}

/// Reads a trust file.
pub(super) fn read_trust(path: &Path) -> Result<TrustedKeys, Failure> {
    let json = std::fs::read(path).map_err(|error| Failure::file("read", path, error))?;
    Ok(TrustedKeys::from_json(&json)?)
}

fn read_bundle(path: &Path) -> Result<Bundle, Failure> {
    let unreadable = |problem: String| {
        Failure::new("bundle-unreadable", format!("{} is not a bundle: {problem}", path.display()))
            .with_mend("Download it from …/api/v1/plugins/{namespace}/{name}/{version}/bundle; `pluginry fetch` puts it beside the package.")
    };
    let size_bytes = std::fs::metadata(path).map_err(|error| Failure::file("read", path, error))?.len();
    if size_bytes > BUNDLE_MAX_BYTES {
        return Err(unreadable(format!("it is {size_bytes} bytes")));
    }
    let json = std::fs::read(path).map_err(|error| Failure::file("read", path, error))?;
    serde_json::from_slice(&json).map_err(|error| unreadable(error.to_string()))
}
