//! `pluginry fetch`: bring the packages of a lock, each checked before it appears.

use std::path::PathBuf;
use std::sync::Arc;

use indicatif::{ProgressBar, ProgressStyle};

use super::contact::contact;
use super::pack::replace_file;
use super::settings::RegistryOptions;
use super::trust_options::TrustOptions;
use super::{Failure, block_on, profiles, terminal, verify};
use crate::client::{FetchOptions, FetchProgress};
use crate::domain::ReleaseId;
use crate::resolver::Lock;

/// Bring every package of a lock, check each step by step, and put them in place together.
#[derive(clap::Args)]
pub(super) struct FetchArguments {
    /// The lock, written by `pluginry resolve`.
    #[arg(long, value_name = "FILE", default_value = "pluginry.lock")]
    lock: PathBuf,
    /// The folder the packages are put in.
    #[arg(short, long, value_name = "DIR", default_value = "plugins")]
    output: PathBuf,
    /// Where to write what proves the whole lock, for `pluginry verify` without network.
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,
    #[command(flatten)]
    trust: TrustOptions,
    /// The contract of your host, if it is not built in; may be given more than once.
    #[arg(long, value_name = "FILE")]
    profile_file: Vec<PathBuf>,
    /// Believe the registry's copy of your host's contract.
    #[arg(long)]
    registry_profile: bool,
    #[command(flatten)]
    registry: RegistryOptions,
}

impl FetchArguments {
    pub(super) fn run(self) -> Result<(), Failure> {
        let lock = read_lock(&self.lock)?;
        let (trust, _document) = self.trust.read()?;
        let client = self.registry.client_or(lock.registry.as_deref())?;
        let (client, contact) = contact(client, trust.chain)?;
        let progress = Arc::new(Bar::new(&lock));
        let options = FetchOptions {
            authors: trust.authors,
            demands: self.trust.demands(),
            profiles: profiles::read_profiles(&self.profile_file)?,
            believe_registry_profile: self.registry_profile,
            progress: Some(Arc::clone(&progress) as Arc<dyn FetchProgress>),
            ..FetchOptions::default()
        };
        let outcome = block_on(client.fetch(&lock, &self.output, &options, &contact));
        progress.bar.finish_and_clear();
        let fetched = outcome?;
        if let Some(path) = &self.bundle {
            replace_file(path, &fetched.bundle.to_json())?;
        }
        for package in &fetched.packages {
            let checked = &package.checked;
            terminal::say(&format!("{}  {}", checked.release, verify::one_line_of(checked)));
            for remark in &checked.remarks {
                terminal::say(&format!("  note: {remark}"));
            }
            terminal::print(&package.path.display().to_string());
        }
        Ok(())
    }
}

/// Reads a lock file.
pub(super) fn read_lock(path: &std::path::Path) -> Result<Lock, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::file("read", path, error)
            .with_mend("Write a lock with `pluginry resolve NAME@REQUIREMENT -o FILE`.")
    })?;
    Ok(Lock::from_toml(&text)?)
}

/// One bar for the whole lock; draws nothing when stderr is no terminal.
struct Bar {
    bar: ProgressBar,
}

impl Bar {
    fn new(lock: &Lock) -> Self {
        let bar = ProgressBar::new(lock.releases.iter().map(|release| release.size_bytes).sum());
        let style = ProgressStyle::with_template("{bar:30} {bytes}/{total_bytes} {msg}");
        bar.set_style(style.expect("a constant template"));
        Self { bar }
    }
}

impl FetchProgress for Bar {
    fn started(&self, release: &ReleaseId, _size_bytes: u64) {
        self.bar.set_message(release.to_string());
    }

    fn advanced(&self, _release: &ReleaseId, bytes: u64) {
        self.bar.inc(bytes);
    }

    fn finished(&self, _release: &ReleaseId) {
        self.bar.tick();
    }
}
