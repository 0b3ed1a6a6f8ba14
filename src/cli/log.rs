//! `pluginry log`: what anybody can check about a registry from its log.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::serve::told_to_stop;
use super::settings::RegistryOptions;
use super::{Failure, terminal};
use crate::client::{Monitor, MonitorOptions, MonitorProgress, MonitorReport};
use crate::domain::Timestamp;
use crate::trust::{TrustChain, TrustDocument};
use crate::wasm::PackageLimits;

/// Check what a registry says against its log.
#[derive(clap::Subcommand)]
pub(super) enum LogCommand {
    /// Read the whole log and work out again everything the registry says; exit 1 on the first difference.
    Verify(VerifyLogArguments),
}

#[derive(clap::Args)]
pub(super) struct VerifyLogArguments {
    /// The registry's trust document, as /api/v1/trust answered it when you trusted it [default: the remembered one,
    /// or the one it shows now].
    #[arg(long, value_name = "FILE")]
    trust: Option<PathBuf>,
    /// Remember keys and checkpoint in this file, and check the next run against them.
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Remember what packages hold in this folder, so that each is downloaded once.
    #[arg(long, value_name = "DIRECTORY")]
    cache: Option<PathBuf>,
    /// Tell every difference, not the first alone.
    #[arg(long)]
    all: bool,
    /// Keep watching: look again and again until stopped.
    #[arg(long)]
    follow: bool,
    /// How many seconds lie between two looks.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, requires = "follow")]
    interval: u64,
    /// How many milliseconds an index file may take to catch up with the log.
    #[arg(long, value_name = "MS", default_value_t = 6_000)]
    settle_ms: u64,
    /// Print JSON; with --follow, one line for each look.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    registry: RegistryOptions,
}

impl LogCommand {
    pub(super) fn run(self) -> Result<(), Failure> {
        match self {
            Self::Verify(command) => command.run(),
        }
    }
}

impl VerifyLogArguments {
    fn run(self) -> Result<(), Failure> {
        // Packages are hashed and read side by side.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::new("runtime", format!("threads cannot be started: {error}")))?;
        let is_clean = AtomicBool::new(true);
        runtime.block_on(async {
            tokio::select! {
                outcome = self.watch(&is_clean) => outcome,
                () = told_to_stop(), if self.follow => conclude(is_clean.load(Ordering::Relaxed)),
            }
        })
    }

    async fn watch(&self, is_clean: &AtomicBool) -> Result<(), Failure> {
        let temporary =
            tempfile::tempdir().map_err(|error| Failure::file("make", Path::new("a folder"), error))?;
        let cache = self.cache.clone().unwrap_or_else(|| temporary.path().to_owned());
        let bar = progress_bar();
        let options = MonitorOptions {
            trust: self.trust.as_deref().map(read_trust).transpose()?,
            state: self.state.clone(),
            cache,
            tell_all: self.all,
            settle: Duration::from_millis(self.settle_ms),
            limits: PackageLimits::default(),
            progress: Some(progress(bar.clone())),
        };
        let mut monitor = Monitor::open(self.registry.client()?, options)?;
        loop {
            let looked = monitor.look(Timestamp::now).await;
            bar.finish_and_clear();
            match looked {
                Ok(report) => {
                    is_clean.fetch_and(report.differences.is_empty(), Ordering::Relaxed);
                    self.print(&report);
                    let is_clean = is_clean.load(Ordering::Relaxed);
                    if !self.follow || !is_clean && !self.all {
                        return conclude(is_clean);
                    }
                }
                // A registry that restarts is asked again; one that was never reached is a failure.
                Err(error) if self.follow && monitor.has_read() => {
                    terminal::say(&format!("Not reached: {error}"))
                }
                Err(error) => return Err(error.into()),
            }
            tokio::time::sleep(Duration::from_secs(self.interval.max(1))).await;
        }
    }

    fn print(&self, report: &MonitorReport) {
        if self.json {
            match self.follow {
                true => print_json_line(report),
                false => terminal::print_json(report),
            }
            return;
        }
        for difference in &report.differences {
            terminal::print(&terminal::one_line(&difference.to_string()));
        }
        if report.differences.is_empty() {
            terminal::print(&summary(report));
        }
    }
}

fn print_json_line(report: &impl Serialize) {
    let line = serde_json::to_string(report).expect("results hold no map with non-text keys");
    terminal::print(&line);
}

fn summary(report: &MonitorReport) -> String {
    let withheld = match report.withheld {
        0 => String::new(),
        count => format!("; {count} packages are withheld by operators"),
    };
    format!(
        "{}: {} entries, {} packages and {} index files agree{withheld}",
        report.origin, report.tree_size, report.packages, report.index_files
    )
}

fn conclude(is_clean: bool) -> Result<(), Failure> {
    match is_clean {
        true => Ok(()),
        false => Err(Failure::new("log-differs", "the registry says something else than its log").with_mend(
            "Keep this output: with the log's signature it is proof. Ask the operator, and trust no answer of the registry until then.",
        )),
    }
}

fn read_trust(path: &Path) -> Result<TrustDocument, Failure> {
    let bytes = std::fs::read(path).map_err(|error| Failure::file("read", path, error))?;
    let chain: TrustChain = serde_json::from_slice(&bytes).map_err(|error| {
        Failure::new("trust-unreadable", format!("{} is not a trust document: {error}", path.display()))
            .with_mend("Save what /api/v1/trust answers.")
    })?;
    Ok(chain.verify()?)
}

fn progress_bar() -> ProgressBar {
    let style = "{spinner} entry {pos} of {len}, {msg}";
    let style = ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(0).with_style(style)
}

fn progress(bar: ProgressBar) -> Arc<dyn Fn(MonitorProgress) + Send + Sync> {
    Arc::new(move |progress| {
        bar.set_length(progress.tree_size);
        bar.set_position(progress.entries);
        bar.set_message(format!("{} packages", progress.packages));
    })
}
