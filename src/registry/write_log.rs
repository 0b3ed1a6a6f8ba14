//! The second stage of a change: what is committed gets into the tree, the tree is signed, and then everybody is told.
//!
//! In this order: tiles and bundles, full and partial → durable → checkpoint signed → checkpoint stored → index files
//! → projections → answers. While one batch is written here, the next is committed; all that waits shares one
//! checkpoint.
//!
//! Partial tiles that have wider ones are removed when nothing happens or a moment has passed.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use sqlx::{Any, Transaction};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::Registry;
use super::commit::{Answer, ChangeError, Committed, NotWritten};
use super::log_tree::{SignedHead, end_of};
use super::show_changes::{Lines, Unwritten, show_changes};
use crate::db::log::{self, Leaf};
use crate::db::{DatabaseError, Dialect};
use crate::domain::{PluginName, Timestamp};
use crate::kill_points;
use crate::log::{EntryBundleId, EntryTooLarge, Hash, TILE_WIDTH, TileId, TilePath, TreeEdge};
use crate::storage::StorageError;

/// Where the checkpoint lies below `log/`.
pub(super) const CHECKPOINT: &str = "checkpoint";
/// How many batches may wait for the tree.
const BATCHES: usize = 16;
/// After how long without a change old partial tiles are removed.
const QUIET: Duration = Duration::from_millis(250);
/// After how long they are removed even though changes go on.
const BUSY: Duration = Duration::from_secs(2);
/// After how long what failed is tried again, if nothing else happens.
const AFTER_FAILURE: Duration = Duration::from_secs(2);
/// How many partial tiles of a level are kept: those of the last checkpoints stored with them.
const PARTIALS_KEPT: usize = 2;

/// Why the log was not written. What is committed stays so, and is written with the next attempt.
#[derive(Debug, thiserror::Error)]
pub enum WriteLogError {
    /// An entry is too large for a tile.
    #[error(transparent)]
    Entry(#[from] EntryTooLarge),
    /// Another process signed a tree that the entries in the database do not make.
    #[error(
        "another process signed the root {signed} over {tree_size} entries, but the entries in the database make {found}"
    )]
    Forked {
        /// The size of both trees.
        tree_size: u64,
        /// The root that was signed.
        signed: Hash,
        /// The root of the entries.
        found: Hash,
    },
    /// The object store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

/// What one transaction committed, and who waits for it.
pub(super) struct CommittedBatch {
    /// What got a place in the log, in order.
    pub(super) leaves: Vec<Leaf>,
    /// The last place of the log.
    pub(super) last: u64,
    /// Each change with its plugin, its answer, and who waits for it.
    pub(super) answers: Vec<(PluginName, Answer, oneshot::Sender<Answer>)>,
    /// The releases that changed with their signer or their namespace, before the changes above.
    pub(super) retold_before: Lines,
    /// The same, behind the changes above.
    pub(super) retold: Lines,
    /// Who waits for the outbox to be in the log.
    pub(super) lookers: Vec<oneshot::Sender<()>>,
}

/// What the writer of the log remembers between two checkpoints.
#[derive(Default)]
pub(super) struct LogWriter {
    /// What became full and is not in the store yet.
    unwritten: Vec<(TilePath, Bytes)>,
    /// The size of the tree that was settled last.
    settled: u64,
    /// The size of the tree whose checkpoint was read back from the store.
    checked: u64,
    /// The partial tiles in the store, the oldest first.
    partials: VecDeque<TilePath>,
}

/// The task of the second stage, until it is started.
pub(super) struct LogWriterTask {
    batches: mpsc::Receiver<CommittedBatch>,
}

impl LogWriterTask {
    pub(super) fn new() -> (mpsc::Sender<CommittedBatch>, Self) {
        let (sender, batches) = mpsc::channel(BATCHES);
        (sender, Self { batches })
    }

    /// Works until the first stage is gone and nothing waits.
    pub(super) async fn run(mut self, registry: Registry) {
        let mut owed = Owed::default();
        let mut pause = QUIET;
        let mut settled_at = Instant::now();
        loop {
            let is_settled = owed.lines.is_empty() && registry.is_settled().await;
            let first = match is_settled {
                true => Ok(self.batches.recv().await),
                false => tokio::time::timeout(kill_points::period(pause), self.batches.recv()).await,
            };
            let mut batches: Vec<CommittedBatch> = match first {
                Ok(Some(first)) => vec![first],
                Ok(None) => break,
                Err(_) => Vec::new(),
            };
            while let Ok(next) = self.batches.try_recv() {
                batches.push(next);
            }
            let is_quiet = batches.is_empty();
            if !is_quiet || !owed.lines.is_empty() {
                write_and_answer(&registry, batches, &mut owed).await;
            }
            let mut is_well = owed.lines.is_empty();
            if is_quiet || settled_at.elapsed() > kill_points::period(BUSY) {
                is_well &= registry.settle_log().await;
                settled_at = Instant::now();
            }
            pause = if is_well { QUIET } else { AFTER_FAILURE };
        }
        registry.settle_log().await;
    }
}

/// What is committed and not shown, because the log could not be written.
#[derive(Default)]
struct Owed {
    lines: Lines,
    last: u64,
}

impl Owed {
    fn retell(&mut self, retold: Lines) {
        for (plugin, lines) in retold {
            self.lines.entry(plugin).or_default().extend(lines);
        }
    }
}

async fn write_and_answer(registry: &Registry, batches: Vec<CommittedBatch>, owed: &mut Owed) {
    let mut leaves = Vec::new();
    let (mut answers, mut lookers) = (Vec::new(), Vec::new());
    for batch in batches {
        leaves.extend(batch.leaves);
        owed.last = owed.last.max(batch.last);
        owed.retell(batch.retold_before);
        for (plugin, answer, waiting) in batch.answers {
            if let Ok(Committed { is_new: true, line }) = &answer {
                owed.lines.entry(plugin.clone()).or_default().push(line.clone());
            }
            answers.push((plugin, answer, waiting));
        }
        owed.retell(batch.retold);
        lookers.extend(batch.lookers);
    }
    let outcome = write_and_show(registry, &leaves, owed).await;
    kill_points::pass("answer-before");
    for (plugin, answer, waiting) in answers {
        let answer = match (&outcome, answer) {
            (Err(problem), Ok(_)) => Err(ChangeError::Unshown(problem.clone())),
            (Ok(unwritten), Ok(committed)) => match unwritten.get(&plugin) {
                Some(problem) => {
                    let problem = format!("the index file of {plugin} was not written: {problem}");
                    Err(ChangeError::Unshown(NotWritten(problem)))
                }
                None => Ok(committed),
            },
            (_, refusal) => refusal,
        };
        drop(waiting.send(answer));
    }
    for looker in lookers.into_iter().filter(|_| outcome.is_ok()) {
        let _ = looker.send(());
    }
    kill_points::pass("answer-after");
}

async fn write_and_show(
    registry: &Registry,
    leaves: &[Leaf],
    owed: &mut Owed,
) -> Result<Unwritten, NotWritten> {
    if let Err(error) = registry.write_log(leaves, owed.last).await {
        tracing::error!(%error, "the log was not written");
        return Err(NotWritten(format!("the log was not written: {error}")));
    }
    let shown = show_changes(registry, &owed.lines, owed.last).await;
    let unwritten = shown.map_err(|error| NotWritten(format!("the change was not shown: {error}")))?;
    owed.lines.clear();
    Ok(unwritten)
}

impl Registry {
    /// Takes everything committed up to `last` into the tree and signs it; `leaves` are the newest of it, as far as
    /// this process knows them.
    pub(super) async fn write_log(&self, leaves: &[Leaf], last: u64) -> Result<(), WriteLogError> {
        let mut writer = self.shared.log_writer.lock().await;
        let mut turn = self.take_turn().await?;
        if let Some(transaction) = &mut turn {
            self.follow_head(&mut writer, transaction).await?;
        }
        self.grow_log(&mut writer, leaves, last).await?;
        let tree_size = self.shared.log_tree.edge().size();
        if tree_size == self.head().tree_size {
            return Ok(());
        }
        kill_points::pass("log-before-tiles");
        writer.put_tiles(self, tree_size).await?;
        let head = self.sign_head();
        kill_points::pass("log-before-checkpoint");
        self.storage().put_log_object(CHECKPOINT, head.note.clone().into()).await?;
        kill_points::pass("log-after-checkpoint");
        if let Some(mut transaction) = turn {
            log::save_head(&mut transaction, &head.to_row(), Timestamp::now()).await?;
            transaction.commit().await.map_err(DatabaseError::from)?;
        }
        metrics::counter!("log_checkpoints_total").increment(1);
        metrics::gauge!("log_tree_size").set(head.tree_size as f64);
        self.shared.log_tree.set_head(head);
        Ok(())
    }

    /// On Postgres, waits until no other process writes the tree.
    pub(super) async fn take_turn(&self) -> Result<Option<Transaction<'static, Any>>, DatabaseError> {
        if self.database().dialect() == Dialect::Sqlite {
            return Ok(None);
        }
        let mut transaction = self.database().write().await?;
        log::lock_tree(&mut transaction, self.database().dialect()).await?;
        Ok(Some(transaction))
    }

    /// Takes over the head that another process signed, if it is over more entries.
    async fn follow_head(
        &self,
        writer: &mut LogWriter,
        connection: &mut sqlx::AnyConnection,
    ) -> Result<(), WriteLogError> {
        let Some(row) = log::find_head(connection).await? else { return Ok(()) };
        let signed = SignedHead::from_row(row);
        if signed.tree_size <= self.head().tree_size {
            return Ok(());
        }
        self.grow_log(writer, &[], signed.tree_size).await?;
        let (size, root) = {
            let edge = self.shared.log_tree.edge();
            (edge.size(), edge.root())
        };
        if size == signed.tree_size && root != signed.root {
            return Err(WriteLogError::Forked { tree_size: size, signed: signed.root, found: root });
        }
        self.shared.log_tree.set_head(signed);
        Ok(())
    }

    /// Takes over what another process signed, without signing anything.
    pub(super) async fn follow_tree(&self) -> Result<(), WriteLogError> {
        let mut writer = self.shared.log_writer.lock().await;
        let mut connection = self.database().read().await?;
        self.follow_head(&mut writer, &mut connection).await?;
        // Whoever signed it stored its full tiles before.
        let signed = self.head().tree_size;
        writer.unwritten.retain(|(path, _)| end_of(*path).is_some_and(|end| end > signed));
        Ok(())
    }

    /// Appends everything up to `last` to the tree: the leaves at hand if they follow, else from the database.
    pub(super) async fn grow_log(
        &self,
        writer: &mut LogWriter,
        leaves: &[Leaf],
        last: u64,
    ) -> Result<(), WriteLogError> {
        let tree = &self.shared.log_tree;
        let mut size = tree.edge().size();
        let first = leaves.partition_point(|leaf| leaf.sequence <= size);
        if leaves.get(first).is_some_and(|leaf| leaf.sequence == size + 1)
            && leaves.last().is_some_and(|leaf| leaf.sequence - size == (leaves.len() - first) as u64)
        {
            writer.unwritten.extend(tree.append(&leaves[first..])?);
            size = tree.edge().size();
        }
        while size < last {
            let leaves = tree.next_leaves(size, last).await?;
            if leaves.is_empty() {
                break;
            }
            writer.unwritten.extend(tree.append(&leaves)?);
            size = tree.edge().size();
        }
        Ok(())
    }

    /// The tree as it is, signed.
    pub(super) fn sign_head(&self) -> SignedHead {
        let (tree_size, root) = {
            let edge = self.shared.log_tree.edge();
            (edge.size(), edge.root())
        };
        SignedHead { tree_size, root, note: self.keys().sign_checkpoint(tree_size, root, Timestamp::now()) }
    }

    /// Reads the checkpoint back from a bucket and puts it there again if it is older or torn.
    pub(super) async fn look_after_checkpoint(&self) -> Result<(), WriteLogError> {
        let mut writer = self.shared.log_writer.lock().await;
        if self.storage().is_directory() || writer.checked == self.head().tree_size {
            return Ok(());
        }
        let mut turn = self.take_turn().await?;
        if let Some(transaction) = &mut turn {
            self.follow_head(&mut writer, transaction).await?;
        }
        let head = self.head();
        if self.storage().get_log_object(CHECKPOINT).await?.as_deref() != Some(head.note.as_bytes()) {
            tracing::warn!("the checkpoint in the object store is not the newest; it is written again");
            self.storage().put_log_objects(vec![(CHECKPOINT.to_owned(), head.note.clone().into())]).await?;
        }
        writer.checked = head.tree_size;
        Ok(())
    }

    async fn is_settled(&self) -> bool {
        self.shared.log_writer.lock().await.settled == self.head().tree_size
    }

    /// Removes partial tiles that have wider ones, and remembers the head in the database. Whether that went well.
    pub(super) async fn settle_log(&self) -> bool {
        let mut writer = self.shared.log_writer.lock().await;
        let head = self.head();
        if writer.settled == head.tree_size {
            return true;
        }
        let settled = self.settle(&mut writer, &head).await;
        if let Err(error) = &settled {
            tracing::warn!(%error, "old partial tiles of the log were not removed");
        }
        settled.is_ok()
    }

    async fn settle(&self, writer: &mut LogWriter, head: &SignedHead) -> Result<(), WriteLogError> {
        let old = writer.take_old_partials().into_iter().map(TilePath::path).collect();
        self.storage().delete_log_objects(old).await?;
        kill_points::pass("settle-after-partials");
        if self.database().dialect() == Dialect::Sqlite {
            let mut transaction = self.database().write().await?;
            log::save_head(&mut transaction, &head.to_row(), Timestamp::now()).await?;
            transaction.commit().await.map_err(DatabaseError::from)?;
        }
        writer.settled = head.tree_size;
        Ok(())
    }
}

impl LogWriter {
    /// Forgets what was worked out so far and begins with this edge.
    pub(super) fn begin_with(&mut self, registry: &Registry, edge: TreeEdge) {
        self.unwritten.clear();
        registry.shared.log_tree.begin_with(edge);
    }

    /// Puts what became full into the store, durably.
    pub(super) async fn put_unwritten(&mut self, registry: &Registry) -> Result<(), StorageError> {
        let objects = self.unwritten.iter().map(|(path, bytes)| (path.path(), bytes.clone())).collect();
        registry.storage().put_log_objects(objects).await?;
        let partials = self.unwritten.drain(..).map(|(path, _)| path).filter(|path| path.is_partial());
        self.partials.extend(partials);
        Ok(())
    }

    /// Puts what a checkpoint over the tree stands on into the store, durably: what became full, and what is not yet.
    pub(super) async fn put_tiles(
        &mut self,
        registry: &Registry,
        tree_size: u64,
    ) -> Result<(), StorageError> {
        let index = tree_size / u64::from(TILE_WIDTH);
        let bundle = EntryBundleId::in_tree(index, tree_size).map(TilePath::Entries);
        let tile = TileId::in_tree(0, index, tree_size).map(TilePath::Hashes);
        let partials: Vec<(TilePath, Bytes)> = {
            let edge = registry.shared.log_tree.edge();
            let bytes = |path| Some((path, Bytes::copy_from_slice(edge.partial(path)?)));
            bundle.into_iter().chain(tile).filter_map(bytes).collect()
        };
        self.unwritten.extend(partials);
        self.put_unwritten(registry).await
    }

    /// The partial tiles that have newer ones of the same level.
    fn take_old_partials(&mut self) -> Vec<TilePath> {
        let level = |path: &TilePath| match path {
            TilePath::Hashes(tile) => Some(tile.level()),
            TilePath::Entries(_) => None,
        };
        let all = std::mem::take(&mut self.partials);
        let (mut kept, mut old) = (VecDeque::new(), Vec::new());
        for path in all.into_iter().rev() {
            if kept.contains(&path) {
                continue;
            }
            match kept.iter().filter(|newer| level(newer) == level(&path)).count() < PARTIALS_KEPT {
                true => kept.push_front(path),
                false => old.push(path),
            }
        }
        self.partials = kept;
        old
    }
}
