//! A monitor: reads the whole log of a registry and works out again everything that the registry says.
//!
//! Entries, hash tiles and root; the rules of every entry; each package's digest, manifest, risk and inspection;
//! index files and the recall feed. What differs is told; the rules themselves stand in [`crate::trust`].

mod answers;
mod difference;
mod log_reader;
mod look;
mod packages;
mod source;
mod state;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use serde::Serialize;

use super::{Client, ClientError};
use crate::domain::{PluginName, Refusal as _, Timestamp};
use crate::log::{Checkpoint, SignedCheckpoint, TreeEdge};
use crate::trust::{Replay, TrustChain, TrustDocument};
use crate::wasm::PackageLimits;

pub use difference::Difference;
use difference::{Findings, Halt};
use log_reader::{ReadEntry, TileComparison, bundles, check_consistency};
use packages::PackageBook;
use state::MonitorState;

/// How a monitor works.
pub struct MonitorOptions {
    /// The trust document to start from; absent: the remembered one, or the one the registry shows first.
    pub trust: Option<TrustDocument>,
    /// The file that remembers keys and checkpoint; absent: nothing is remembered.
    pub state: Option<PathBuf>,
    /// The folder that remembers what packages hold.
    pub cache: PathBuf,
    /// Whether to go on after the first difference.
    pub tell_all: bool,
    /// How long an answer that differs from the log may take to catch up with it.
    pub settle: Duration,
    /// Bounds on a package.
    pub limits: PackageLimits,
    /// Who is told how far it is.
    pub progress: Option<Arc<dyn Fn(MonitorProgress) + Send + Sync>>,
}

/// How far a monitor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MonitorProgress {
    /// Entries read.
    pub entries: u64,
    /// Entries there are.
    pub tree_size: u64,
    /// Packages looked at.
    pub packages: u64,
}

/// What one look at the registry found.
#[derive(Debug, Clone, Serialize)]
pub struct MonitorReport {
    /// The name of the log.
    pub origin: String,
    /// Up to which size everything was recomputed.
    pub tree_size: u64,
    /// The root at that size.
    pub root: String,
    /// Packages looked at since the monitor started.
    pub packages: u64,
    /// Index files compared in this look.
    pub index_files: u64,
    /// Packages that operators withhold, so that nobody can look at them.
    pub withheld: u64,
    /// The differences that were not told before.
    pub differences: Vec<Difference>,
}

/// A monitor of one registry. It goes on from where it is at every look.
pub struct Monitor {
    client: Client,
    options: MonitorOptions,
    trust: Option<TrustDocument>,
    remembered: Option<String>,
    findings: Findings,
    book: Arc<PackageBook>,
    edge: TreeEdge,
    /// The entries of the last bundle, while it is partial.
    tail: Vec<Vec<u8>>,
    tiles: TileComparison,
    replay: Replay,
    /// The newest checkpoint whose entries were all taken in.
    head: Option<SignedCheckpoint>,
    /// Plugins whose index file may have changed since it was compared.
    touched: BTreeSet<PluginName>,
    /// The plugin whose index file was compared last without a reason.
    rotated_to: Option<PluginName>,
    withheld: BTreeSet<crate::domain::ReleaseId>,
    packages: u64,
    index_files: u64,
}

impl Monitor {
    /// A monitor that has seen nothing yet, apart from what its state file remembers.
    pub fn open(client: Client, options: MonitorOptions) -> Result<Self, ClientError> {
        let state = options.state.as_deref().map(MonitorState::read).transpose()?.flatten();
        let (pinned, remembered) = state.map(|state| (state.trust, state.checkpoint)).unzip();
        Ok(Self {
            trust: options.trust.clone().or(pinned),
            remembered,
            findings: Findings::new(options.tell_all),
            book: PackageBook::open(&options.cache, options.limits.clone())?,
            client,
            options,
            edge: TreeEdge::new(),
            tail: Vec::new(),
            tiles: TileComparison::default(),
            replay: Replay::default(),
            head: None,
            touched: BTreeSet::new(),
            rotated_to: None,
            withheld: BTreeSet::new(),
            packages: 0,
            index_files: 0,
        })
    }

    /// Whether it has read a log at least once.
    pub fn has_read(&self) -> bool {
        self.head.is_some()
    }

    /// Reads what is new and compares what the registry says with it. A clean look is remembered.
    pub async fn look(&mut self, now: impl Fn() -> Timestamp) -> Result<MonitorReport, ClientError> {
        self.index_files = 0;
        let looked = self.look_until_halted(&now).await;
        if let Err(Halt::Client(error)) = looked {
            return Err(*error);
        }
        let differences = self.findings.take_fresh();
        if differences.is_empty()
            && let (Some(path), Some(trust), Some(head)) = (&self.options.state, &self.trust, &self.head)
        {
            MonitorState { trust: trust.clone(), checkpoint: head.to_string() }.write(path)?;
        }
        Ok(MonitorReport {
            origin: self.trust.as_ref().map(|trust| trust.origin.clone()).unwrap_or_default(),
            tree_size: self.edge.size(),
            root: self.edge.root().to_string(),
            packages: self.packages,
            index_files: self.index_files,
            withheld: self.withheld.len() as u64,
            differences,
        })
    }

    async fn look_until_halted(&mut self, now: &impl Fn() -> Timestamp) -> Result<(), Halt> {
        self.catch_up().await?;
        self.compare_answers(now).await
    }

    /// Reads the log up to its newest checkpoint. Whether it grew.
    async fn catch_up(&mut self) -> Result<bool, Halt> {
        let trust = self.follow_trust().await?;
        let witnessed = self.client.served("log/witnessed-checkpoint").await?;
        let (head, checkpoint) = self.newest_checkpoint(&trust).await?;
        let grew = checkpoint.tree_size > self.edge.size();
        if checkpoint.tree_size < self.edge.size() {
            let difference = Difference::at(CHECKPOINT, "log-rolled-back", "the log became smaller");
            let sizes = (format!("at least {} entries", self.edge.size()), checkpoint.tree_size);
            return self.findings.stop(difference.with(sizes.0, sizes.1));
        }
        if grew {
            self.read_entries(&trust, checkpoint.tree_size).await?;
        }
        if self.edge.root() != checkpoint.root {
            let problem = format!("its root is not the one of the {} entries", checkpoint.tree_size);
            let difference = Difference::at(CHECKPOINT, "root-differs", problem);
            return self.findings.stop(difference.with(self.edge.root(), checkpoint.root));
        }
        self.head = Some(head);
        self.check_remembered(&trust).await?;
        if trust.witness_quorum > 0 {
            self.check_witnessed(&trust, witnessed.as_deref()).await?;
        }
        Ok(grew)
    }

    /// The newest trust document, signed version by version from the one that is pinned.
    async fn follow_trust(&mut self) -> Result<TrustDocument, Halt> {
        let Some(bytes) = self.client.served(TRUST).await? else {
            return self.findings.stop(Difference::at(TRUST, "trust-missing", "there is no trust document"));
        };
        let chain: TrustChain = match serde_json::from_slice(&bytes) {
            Ok(chain) => chain,
            Err(error) => {
                let problem = format!("the trust document cannot be read: {error}");
                return self.findings.stop(Difference::at(TRUST, "trust-unreadable", problem));
            }
        };
        let followed = match &self.trust {
            Some(pinned) => chain.follow(pinned),
            None => chain.verify(),
        };
        match followed {
            Ok(trust) => {
                self.trust = Some(trust.clone());
                Ok(trust)
            }
            Err(error) => self.findings.stop(Difference::refused(TRUST, &error)),
        }
    }

    async fn newest_checkpoint(
        &mut self,
        trust: &TrustDocument,
    ) -> Result<(SignedCheckpoint, Checkpoint), Halt> {
        let Some(note) = self.client.served(CHECKPOINT).await? else {
            let difference = Difference::at(CHECKPOINT, "checkpoint-missing", "there is no checkpoint");
            return self.findings.stop(difference);
        };
        match read_checkpoint(&note, trust) {
            Ok(read) => Ok(read),
            Err(difference) => self.findings.stop(difference),
        }
    }

    async fn read_entries(&mut self, trust: &TrustDocument, size: u64) -> Result<(), Halt> {
        let mut look = look::PackageLooks::new(&self.client, &self.book);
        let mut bundles = bundles(&self.client, self.edge.size(), size);
        while let Some(bundle) = bundles.next().await {
            let (id, entries) = bundle?;
            let entries = match entries {
                Ok(entries) => entries,
                Err(difference) => return self.findings.stop(difference),
            };
            let known = self.edge.size().saturating_sub(id.first_entry()) as usize;
            self.check_tail(id.first_entry(), &entries[..known.min(entries.len())])?;
            for entry in entries.into_iter().skip(known) {
                self.take_entry(trust, entry, &mut look).await?;
            }
            self.tiles.take(&mut self.edge, &self.client, &mut self.findings).await?;
            self.tell_progress(size);
        }
        self.tiles.finish(size, &self.client, &mut self.findings).await?;
        while let Some((release, looked)) = look.next().await? {
            self.take_package(release, looked)?;
        }
        self.check_widening()
    }

    /// Entries that were read before must be the same again.
    fn check_tail(&mut self, first: u64, entries: &[ReadEntry]) -> Result<(), Halt> {
        for (index, (before, now)) in (first..).zip(self.tail.iter().zip(entries)) {
            if *before != now.bytes {
                let problem = "it is another one than the log served before";
                self.findings.tell(Difference::of_entry(index, "", "entry-changed", problem))?;
            }
        }
        Ok(())
    }

    fn tell_progress(&self, tree_size: u64) {
        if let Some(tell) = &self.options.progress {
            tell(MonitorProgress { entries: self.edge.size(), tree_size, packages: self.packages });
        }
    }

    /// The checkpoint of an earlier run must be held by this one.
    async fn check_remembered(&mut self, trust: &TrustDocument) -> Result<(), Halt> {
        let Some(note) = self.remembered.clone() else { return Ok(()) };
        let remembered = match read_checkpoint(note.as_bytes(), trust) {
            Ok((_, remembered)) => remembered,
            Err(difference) => {
                return self
                    .findings
                    .tell(Difference { place: "the remembered checkpoint".into(), ..difference });
            }
        };
        let (size, reached) = (remembered.tree_size, self.edge.size());
        if size > reached {
            let difference = Difference::at(CHECKPOINT, "log-rolled-back", "the log became smaller");
            return self.findings.stop(difference.with(format!("at least {size} entries"), reached));
        }
        let new = (reached, self.edge.root());
        if let Err(problem) = check_consistency(&self.client, (size, remembered.root), new).await? {
            let problem =
                format!("it does not hold the {size} entries it had when it was read last: {problem}");
            return self.findings.stop(Difference::at(CHECKPOINT, "log-forked", problem));
        }
        self.remembered = None;
        Ok(())
    }

    /// The witnessed checkpoint must be of this log, within this tree, and cosigned by enough witnesses.
    async fn check_witnessed(&mut self, trust: &TrustDocument, note: Option<&[u8]>) -> Result<(), Halt> {
        let Some(note) = note else {
            let difference =
                Difference::at(WITNESSED, "witnessed-missing", "no witnessed checkpoint is served");
            return self.findings.tell(difference);
        };
        let (signed, checkpoint) = match read_checkpoint(note, trust) {
            Ok(read) => read,
            Err(difference) => {
                return self.findings.tell(Difference { place: WITNESSED.into(), ..difference });
            }
        };
        let cosigned = signed.cosignatures(&trust.witness_verifiers()).len();
        if cosigned < trust.witness_quorum {
            let problem = "too few of the witnesses of the trust document cosigned it";
            let difference = Difference::at(WITNESSED, "witnesses-too-few", problem);
            self.findings.tell(difference.with(trust.witness_quorum, cosigned))?;
        }
        let (old, new) = ((checkpoint.tree_size, checkpoint.root), (self.edge.size(), self.edge.root()));
        let consistent = match old.0 > new.0 {
            true => Err(format!("it has {} entries, the newest checkpoint {}", old.0, new.0)),
            false => check_consistency(&self.client, old, new).await?,
        };
        match consistent {
            Ok(()) => Ok(()),
            Err(problem) => {
                let problem = format!("the witnesses saw another log than this one: {problem}");
                self.findings.stop(Difference::at(WITNESSED, "log-forked", problem))
            }
        }
    }
}

const TRUST: &str = "api/v1/trust";
const CHECKPOINT: &str = "log/checkpoint";
const WITNESSED: &str = "log/witnessed-checkpoint";

/// A checkpoint that a key of the log signed, one that counted at its size.
fn read_checkpoint(note: &[u8], trust: &TrustDocument) -> Result<(SignedCheckpoint, Checkpoint), Difference> {
    let refused = |error: crate::log::CheckpointError| Difference::refused(CHECKPOINT, &error);
    let text = std::str::from_utf8(note)
        .map_err(|_| Difference::at(CHECKPOINT, "checkpoint-malformed", "the checkpoint is not UTF-8"))?;
    let signed = SignedCheckpoint::parse(text).map_err(refused)?;
    let keys = trust.log_verifiers_at(signed.unverified().tree_size);
    let checkpoint = signed.verify(&keys).map_err(refused)?;
    Ok((signed, checkpoint))
}

impl Difference {
    /// A broken rule of an entry.
    fn of_rule(index: u64, subject: &str, rule: &crate::trust::BrokenRule) -> Self {
        Self::of_entry(index, subject, rule.code(), rule.to_string())
    }
}
