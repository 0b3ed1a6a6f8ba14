//! The group committer: one task takes queued changes, writes them in one transaction with their places in
//! the log, and hands them to [`super::write_log`], which answers when all can see them.
//!
//! Whatever changes what the index tells goes through here, so index files have one writer and the log one order.

use sqlx::AnyConnection;
use tokio::sync::{mpsc, oneshot};

use super::Registry;
use super::append_statement::{AppendError, EncodedStatement, append_statement};
use super::check_widening::Widened;
use super::object_to_release::{OperatorVerb, apply_verb};
use super::sequence::{Sequenced, sequence_more, sequence_outbox};
use super::show_changes::Lines;
use super::write_log::CommittedBatch;
use crate::db::keys::Held;
use crate::db::log::{Leaf, LogEntry};
use crate::db::new_release::{self, NewRelease};
use crate::db::releases::{self, ReleaseRecord};
use crate::db::verification_runs::{self, VerificationRun};
use crate::db::{DatabaseError, Dialect, audit, jobs, keys, log, namespaces, plugins};
use crate::domain::{
    Digest, IndexRelease, Manifest, PluginName, PublishFacts, ReleaseId, Timestamp, VerificationState,
    Withheld,
};
use crate::kill_points;
use crate::signing::Envelope;
use crate::storage::{BlobPut, StorageError};
use crate::trust::{Advice, EntryError, LogEvent, LogStatement, Moment, VerdictEntry};

/// The kind of the job that a publish queues; its payload is `{"release_id": 1}`.
pub const VERIFY_RELEASE: &str = "verify-release";

/// How many changes may wait; more are told to come back.
const QUEUE: usize = 1_024;
/// How many changes one transaction carries at most.
const BATCH: usize = 64;

/// A change of what the index tells.
#[derive(Clone)]
pub enum Change {
    /// A new release.
    Publish {
        /// Row id of its namespace.
        namespace_id: i64,
        /// Its rows.
        new: Box<NewRelease>,
        /// What the log is told.
        statement: EncodedStatement,
        /// How its package came to be in the store.
        blob: BlobPut,
    },
    /// A change of a release that is there.
    Release {
        /// Which.
        release: ReleaseId,
        /// Who changes it; absent: the registry.
        account_id: Option<i64>,
        /// What changes.
        change: ReleaseChange,
        /// When.
        now: Timestamp,
    },
}

/// What may change about a release.
#[derive(Clone)]
pub enum ReleaseChange {
    /// Withdrawn from new resolves, or not any more.
    Yank(bool),
    /// Advice against it, or none any more.
    Deprecate(Option<String>),
    /// What an operator does.
    Object(OperatorVerb),
    /// A verification run ended.
    Verify {
        /// The state it gets.
        state: VerificationState,
        /// The run.
        run: Box<VerificationRun>,
        /// What the registry signs about it.
        summary: Box<Envelope>,
    },
}

/// A change that is durable, in the log and in the index.
#[derive(Debug, Clone)]
pub struct Committed {
    /// Whether anything was written; a repeated publish writes nothing.
    pub is_new: bool,
    /// The release as the index tells it now.
    pub line: IndexRelease,
}

/// Why a change was not made.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// The version is taken by other bytes.
    #[error("{release} is there already, with other bytes")]
    VersionExists {
        /// The release.
        release: ReleaseId,
        /// Digest of what is there.
        existing: Digest,
        /// Digest of what was sent.
        sent: Digest,
    },
    /// The operator took the release down.
    #[error(transparent)]
    Withheld(#[from] Withheld),
    /// The key was revoked while the release was on its way.
    #[error("the key {0} no longer counts")]
    KeyRevoked(String),
    /// The key does not count yet.
    #[error("the key {key_id} does not count yet")]
    KeyWaiting {
        /// The key.
        key_id: String,
        /// From when on it will; absent: that waits for an approval.
        until: Option<Timestamp>,
    },
    /// Since the release was measured against the one before it, another one was published between the two.
    #[error("another release of the plugin came before {0}")]
    Overtaken(ReleaseId),
    /// The release is not there.
    #[error("{0} was not found")]
    Missing(ReleaseId),
    /// An older package with the same bytes, which no release held, was removed in the middle of the publish.
    #[error("the package of {0} was swept from the object store while it was published")]
    PackageSwept(ReleaseId),
    /// The object store did not answer.
    #[error("the object store failed")]
    Storage(#[from] StorageError),
    /// The committer is gone: the server is stopping.
    #[error("the registry is stopping")]
    Stopping,
    /// The log cannot hold what it would be told.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// The database failed.
    #[error("the database failed")]
    Database(#[from] DatabaseError),
    /// The change is made, but nobody sees it yet. What follows it is tried again until it is done.
    #[error("what was sent is stored, but not shown yet: the log or an index file could not be written")]
    Unshown(#[source] NotWritten),
    /// The change could not be made.
    #[error("{0}")]
    Failed(String),
}

/// What could not be written after a change was made.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct NotWritten(pub(super) String);

impl From<AppendError> for ChangeError {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Entry(error) => error.into(),
            AppendError::Database(error) => error.into(),
        }
    }
}

pub(super) type Answer = Result<Committed, ChangeError>;

/// A change and who waits for it.
type Waiting = (Change, oneshot::Sender<Answer>);

/// A change and who waits for it; or nothing but the wish that the outbox is looked at.
enum Queued {
    Change(Change, oneshot::Sender<Answer>),
    LookAtOutbox(Option<oneshot::Sender<()>>),
}

/// The way to the committer.
pub(super) struct Committer {
    queue: mpsc::Sender<Queued>,
}

/// The committer's end of the queue, until its task is started.
pub(super) struct CommitterTask {
    queue: mpsc::Receiver<Queued>,
    written: mpsc::Sender<CommittedBatch>,
}

impl Committer {
    pub(super) fn new(written: mpsc::Sender<CommittedBatch>) -> (Self, CommitterTask) {
        let (sender, queue) = mpsc::channel(QUEUE);
        (Self { queue: sender }, CommitterTask { queue, written })
    }
}

impl Registry {
    /// Makes a change and waits until it is durable and visible.
    pub(crate) async fn commit(&self, change: Change) -> Answer {
        let (answer, answered) = oneshot::channel();
        let queued = Queued::Change(change, answer);
        self.shared.committer.queue.send(queued).await.map_err(|_| ChangeError::Stopping)?;
        answered.await.map_err(|_| ChangeError::Stopping)?
    }

    /// Has outbox rows of another transaction sequenced in the background. A full queue looks there anyway.
    pub fn sequence_soon(&self) {
        drop(self.shared.committer.queue.try_send(Queued::LookAtOutbox(None)));
    }

    /// Has outbox rows of another transaction sequenced and waits until what they say is in the log and visible.
    pub async fn sequence_now(&self) -> Result<(), ChangeError> {
        let (done, looked) = oneshot::channel();
        let queued = Queued::LookAtOutbox(Some(done));
        self.shared.committer.queue.send(queued).await.map_err(|_| ChangeError::Stopping)?;
        let unwritten = |_| ChangeError::Unshown(NotWritten("the log could not be written yet".into()));
        looked.await.map_err(unwritten)
    }
}

impl CommitterTask {
    /// Works until `stop` fires and the queue is empty.
    pub(super) async fn run(mut self, registry: Registry, stop: tokio_util::sync::CancellationToken) {
        loop {
            let first = tokio::select! {
                biased;
                first = self.queue.recv() => first,
                () = stop.cancelled() => {
                    self.queue.close();
                    self.queue.recv().await
                }
            };
            let Some(first) = first else { return };
            let mut batch = vec![first];
            while batch.len() < BATCH {
                let Ok(next) = self.queue.try_recv() else { break };
                batch.push(next);
            }
            metrics::histogram!("commit_batch_size").record(batch.len() as f64);
            commit_and_hand_on(&registry, &self.written, batch).await;
        }
    }
}

async fn commit_and_hand_on(
    registry: &Registry,
    written: &mpsc::Sender<CommittedBatch>,
    queued: Vec<Queued>,
) {
    let mut batch: Vec<Waiting> = Vec::new();
    let mut lookers: Vec<oneshot::Sender<()>> = Vec::new();
    for queued in queued {
        match queued {
            Queued::Change(change, answer) => batch.push((change, answer)),
            Queued::LookAtOutbox(looker) => lookers.extend(looker),
        }
    }
    match commit_batch(registry, &batch).await {
        Ok(made) => hand_on(written, batch, made, lookers).await,
        Err(error) if batch.len() <= 1 => refuse(batch, &error),
        Err(error) => {
            tracing::warn!(error = other_text(&error), "a batch failed; its changes are tried one by one");
            for one in batch {
                let one = vec![one];
                match commit_batch(registry, &one).await {
                    Ok(made) => hand_on(written, one, made, std::mem::take(&mut lookers)).await,
                    Err(error) => refuse(one, &error),
                }
            }
        }
    }
}

fn refuse(batch: Vec<Waiting>, error: &ChangeError) {
    tracing::error!(error = other_text(error), "a change failed");
    for (_, waiting) in batch {
        drop(waiting.send(Err(ChangeError::Failed(other_text(error)))));
    }
}

async fn hand_on(
    written: &mpsc::Sender<CommittedBatch>,
    batch: Vec<Waiting>,
    made: MadeBatch,
    lookers: Vec<oneshot::Sender<()>>,
) {
    let answers = batch.into_iter().zip(made.answers);
    let answers = answers.map(|((change, waiting), answer)| (change.plugin().clone(), answer, waiting));
    let Sequenced { leaves, last, retold, .. } = made.sequenced;
    let retold_before = made.retold_before;
    let batch = CommittedBatch { leaves, last, retold_before, retold, answers: answers.collect(), lookers };
    // The other stage outlives this one; if it broke, nobody is answered, as after a kill.
    drop(written.send(batch).await);
}

fn other_text(error: &ChangeError) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

/// What a transaction committed.
struct MadeBatch {
    answers: Vec<Answer>,
    /// The releases that what waited in the outbox tells otherwise, as they were before the changes.
    retold_before: Lines,
    sequenced: Sequenced,
}

/// One transaction for all; a refusal of one change leaves the others alone, a failure undoes all.
async fn commit_batch(registry: &Registry, batch: &[Waiting]) -> Result<MadeBatch, ChangeError> {
    let database = registry.database();
    let mut transaction = database.write().await?;
    log::lock_sequencer(&mut transaction, database.dialect()).await?;
    let mut applied = Vec::with_capacity(batch.len());
    // What waits in the outbox happened before; a publish gets its place as it is inserted, everything else behind.
    let mut sequenced = sequence_outbox(&mut transaction).await?;
    let retold_before = std::mem::take(&mut sequenced.retold);
    let mut entries = Vec::new();
    for (change, _) in batch {
        applied.push(match apply(registry, &mut transaction, change, &mut sequenced, &mut entries).await {
            Ok(made) => Ok(made),
            Err(ChangeError::Database(error)) => return Err(error.into()),
            Err(refusal) => Err(refusal),
        });
    }
    kill_points::pass("commit-before-sequencing");
    log::insert_entries(&mut transaction, &entries).await?;
    let leaf = |entry: LogEntry| Leaf { sequence: entry.sequence, payload: entry.payload };
    sequenced.leaves.extend(entries.into_iter().map(leaf));
    if batch.iter().any(|(change, _)| matches!(change, Change::Release { .. })) {
        sequence_more(&mut transaction, &mut sequenced).await?;
    }
    kill_points::pass("commit-before-commit");
    transaction.commit().await.map_err(DatabaseError::from)?;
    kill_points::pass("commit-after-commit");

    let answers = applied.into_iter().map(|made| made.map(Made::committed)).collect();
    Ok(MadeBatch { answers, retold_before, sequenced })
}

/// A change inside the transaction.
struct Made {
    is_new: bool,
    line: IndexRelease,
}

impl Made {
    fn committed(self) -> Committed {
        Committed { is_new: self.is_new, line: self.line }
    }
}

async fn apply(
    registry: &Registry,
    connection: &mut AnyConnection,
    change: &Change,
    sequenced: &mut Sequenced,
    entries: &mut Vec<LogEntry>,
) -> Result<Made, ChangeError> {
    match change {
        Change::Publish { namespace_id, new, statement, blob } => {
            // Nothing is swept while the sequencer's lock is held.
            if *blob == BlobPut::WasThere && registry.storage().blob_size(new.digest).await?.is_none() {
                return Err(ChangeError::PackageSwept(new.manifest.release_id()));
            }
            let dialect = registry.database().dialect();
            let made = insert_release(connection, dialect, *namespace_id, new, sequenced.last + 1).await?;
            if made.is_new {
                entries.push(statement.at(sequenced.next_place()));
            }
            Ok(made)
        }
        Change::Release { release, account_id, change, now } => {
            change_release(connection, release, *account_id, change, *now).await
        }
    }
}

async fn insert_release(
    connection: &mut AnyConnection,
    dialect: Dialect,
    namespace_id: i64,
    new: &NewRelease,
    sequence: u64,
) -> Result<Made, ChangeError> {
    let release = new.manifest.release_id();
    if let Some(existing) = releases::find(connection, &release).await? {
        if let Some(reason) = existing.taken_down {
            return Err(Withheld::TakenDown { release, reason }.into());
        }
        if existing.digest != new.digest {
            return Err(ChangeError::VersionExists { release, existing: existing.digest, sent: new.digest });
        }
        return Ok(unchanged(existing));
    }
    if Widened::of(connection, &new.manifest).await?.to_column() != new.widening {
        return Err(ChangeError::Overtaken(release));
    }
    let now = new.published_at;
    match keys::hold(connection, dialect, namespace_id, &new.key_id, now).await? {
        Held::Counts => {}
        Held::Waiting { until } => {
            return Err(ChangeError::KeyWaiting { key_id: new.key_id.clone(), until });
        }
        Held::Gone => return Err(ChangeError::KeyRevoked(new.key_id.clone())),
    }
    let plugin_id = plugins::upsert(connection, namespace_id, &new.manifest, now).await?;
    let release_id = new_release::insert(connection, plugin_id, new, sequence).await?;
    new_release::insert_children(connection, release_id, new).await?;
    plugins::refresh_newest_after(connection, plugin_id, release_id, &new.manifest).await?;
    let subject = release.to_string();
    let job = serde_json::json!({ "release_id": release_id });
    jobs::enqueue(connection, VERIFY_RELEASE, &job.to_string(), now).await?;
    let detail = serde_json::json!({ "digest": new.digest });
    audit::record(connection, Some(new.published_by), "publish", &subject, &detail.to_string(), now).await?;
    let trust = namespaces::trust(connection, namespace_id).await?;
    let line = IndexRelease { trust, ..line_of(&new.manifest, new, sequence) };
    Ok(Made { is_new: true, line })
}

fn line_of(manifest: &Manifest, new: &NewRelease, sequence: u64) -> IndexRelease {
    let facts = PublishFacts {
        digest: new.digest,
        size_bytes: new.size_bytes,
        sequence,
        published_at: new.published_at,
        risk: new.risk,
        signer: new.key_id.clone(),
        widening: new.widening.is_some(),
    };
    IndexRelease::new(manifest, facts)
}

async fn change_release(
    connection: &mut AnyConnection,
    release: &ReleaseId,
    account_id: Option<i64>,
    change: &ReleaseChange,
    now: Timestamp,
) -> Result<Made, ChangeError> {
    let record = releases::find(connection, release).await?;
    let record = record.ok_or_else(|| ChangeError::Missing(release.clone()))?;
    let (event, detail) = match change {
        ReleaseChange::Yank(yanked) if *yanked == record.yanked_at.is_some() => return Ok(unchanged(record)),
        ReleaseChange::Deprecate(advice) if *advice == record.deprecated => return Ok(unchanged(record)),
        ReleaseChange::Yank(yanked) => {
            releases::set_yanked(connection, record.id, yanked.then_some(now)).await?;
            plugins::refresh_newest(connection, record.plugin_id).await?;
            let moment = Moment { at: now };
            let event = if *yanked { LogEvent::Yank(moment) } else { LogEvent::Unyank(moment) };
            (event, serde_json::json!({}))
        }
        ReleaseChange::Deprecate(advice) => {
            releases::set_deprecated(connection, record.id, advice.as_deref()).await?;
            let event = LogEvent::Deprecate(Advice { at: now, reason: advice.clone() });
            (event, serde_json::json!({ "advice": advice }))
        }
        ReleaseChange::Object(verb) => {
            let Some(event) = apply_verb(connection, &record, verb, now).await? else {
                return Ok(unchanged(record));
            };
            (event, serde_json::json!({ "verb": verb.name(), "reason": verb.reason() }))
        }
        ReleaseChange::Verify { state, run, summary } => {
            verification_runs::insert(connection, record.id, run).await?;
            releases::set_verification(connection, record.id, *state).await?;
            let summary = Envelope::clone(summary);
            (
                LogEvent::Verdict(VerdictEntry { at: now, state: *state, summary }),
                serde_json::json!({ "state": state, "outcome": run.outcome, "runtime": run.runtime_version }),
            )
        }
    };
    let statement = LogStatement::of_release(release, record.digest, event);
    append_statement(connection, &statement).await?;
    let subject = release.to_string();
    audit::record(connection, account_id, statement.kind(), &subject, &detail.to_string(), now).await?;
    let record = releases::find_by_id(connection, record.id).await?;
    let record = record.ok_or_else(|| ChangeError::Missing(release.clone()))?;
    Ok(Made { is_new: true, ..unchanged(record) })
}

fn unchanged(record: ReleaseRecord) -> Made {
    Made { is_new: false, line: record.index_line() }
}

impl Change {
    fn plugin(&self) -> &PluginName {
        match self {
            Self::Publish { new, .. } => &new.manifest.plugin.name,
            Self::Release { release, .. } => &release.plugin,
        }
    }
}
