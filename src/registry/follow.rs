//! Following the log: loading the projections at start, taking in what other replicas wrote, and paying
//! index files that are owed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use sqlx::AnyConnection;
use tokio::sync::mpsc;

use super::index_files::IndexFile;
use super::sequence::{KEY_REVOKE, TRUST, sequence_outbox};
use super::show_changes::Lines;
use super::{OpenError, Registry};
use crate::db::log::LogEntry;
use crate::db::{Database, DatabaseError, Dialect, jobs, log, releases};
use crate::domain::{IndexRelease, PluginName, ReleaseId};
use crate::kill_points;
use crate::storage::StorageError;

/// How many rows one read takes in.
const ROWS_AT_ONCE: i64 = 1_000;

/// Why an index file could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// The object store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The mark could not be written.
    #[error(transparent)]
    File(#[from] std::io::Error),
}

/// The plugins whose index file could not be written yet.
#[derive(Default)]
pub(super) struct IndexDebt(Mutex<BTreeSet<PluginName>>);

impl IndexDebt {
    pub(super) fn owe(&self, plugin: &PluginName) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(plugin.clone());
    }

    fn take(&self) -> BTreeSet<PluginName> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Registry {
    /// Gives places to what a killed process left in the outbox, loads the projections and writes the index
    /// files of all plugins that the log speaks of behind the mark.
    pub(super) async fn recover(&self) -> Result<(), OpenError> {
        let mut transaction = self.database().write().await?;
        log::lock_sequencer(&mut transaction, self.database().dialect()).await?;
        let sequenced = sequence_outbox(&mut transaction).await?;
        if self.database().dialect() == Dialect::Sqlite {
            // The data directory is ours alone, so whoever held a job is dead.
            jobs::let_go_of_all(&mut transaction).await?;
        }
        kill_points::pass("start-before-commit");
        transaction.commit().await.map_err(DatabaseError::from)?;
        kill_points::pass("start-after-commit");

        self.recover_log().await?;
        match self.kept_projections(sequenced.last).await {
            Some(kept) => {
                self.shared.projections.begin_with(kept);
                self.follow_log().await?;
            }
            None => self.load_projections(sequenced.last).await?,
        }
        self.finish_takedowns().await?;
        // A mark beyond the log: the database was put back from a backup, so no index file counts.
        let mark = Some(self.read_mark()).filter(|mark| *mark <= sequenced.last).unwrap_or(0);
        let mut owed = self.plugins_behind(mark).await?;
        owed.extend(sequenced.publishes.into_keys().map(|release| release.plugin));
        owed.extend(sequenced.retold.into_keys());
        for plugin in owed {
            self.rewrite_index_file(&plugin).await?;
            kill_points::pass("start-after-index-file");
        }
        Ok(self.mark_index_files().await?)
    }

    async fn load_projections(&self, last: u64) -> Result<(), DatabaseError> {
        let (rows, mut read) = mpsc::channel(2);
        let database = self.database().clone();
        let reading = tokio::spawn(async move { read_lines(&database, &rows).await });
        let registry = self.clone();
        // Rows are read while the ones before are taken in.
        let taking_in = tokio::task::spawn_blocking(move || {
            while let Some(lines) = read.blocking_recv() {
                registry.shared.projections.take_in(&lines);
            }
            registry.shared.projections.show(last);
        });
        let (reading, taken_in) = tokio::join!(reading, taking_in);
        taken_in.expect("taking in lines does not panic");
        reading.expect("reading rows does not panic")?;
        Ok(())
    }

    /// Takes in what the log says behind what is taken in already.
    pub(crate) async fn follow_log(&self) -> Result<(), DatabaseError> {
        let _only_one = self.shared.following.lock().await;
        loop {
            let mut connection = self.database().read().await?;
            let known = self.shared.projections.sequence();
            let entries = log::entries_after(&mut connection, known, ROWS_AT_ONCE).await?;
            // What another process committed and did not sign yet is not there yet.
            let signed = entries.partition_point(|entry| entry.sequence <= self.head().tree_size);
            let entries = &entries[..signed];
            let Some(last) = entries.last().map(|entry| entry.sequence) else { return Ok(()) };
            let subjects: BTreeSet<ReleaseId> =
                entries.iter().filter_map(|entry| entry.subject.parse().ok()).collect();
            let mut lines = retold_releases(&mut connection, entries).await?;
            for plugin in lines.keys() {
                self.shared.index_files.forget(plugin);
            }
            for release in subjects {
                self.shared.index_files.forget(&release.plugin);
                if let Some(record) = releases::find(&mut connection, &release).await? {
                    lines.entry(release.plugin).or_default().push(record.index_line());
                }
            }
            self.shared.projections.apply(&lines, last);
        }
    }

    async fn plugins_behind(&self, mark: u64) -> Result<BTreeSet<PluginName>, DatabaseError> {
        let mut connection = self.database().read().await?;
        let mut plugins = BTreeSet::new();
        let mut after = mark;
        loop {
            let entries = log::entries_after(&mut connection, after, ROWS_AT_ONCE).await?;
            let Some(last) = entries.last() else { return Ok(plugins) };
            after = last.sequence;
            plugins.extend(
                entries
                    .iter()
                    .filter_map(|entry| entry.subject.parse().ok())
                    .map(|release: ReleaseId| release.plugin),
            );
            plugins.extend(retold_releases(&mut connection, &entries).await?.into_keys());
        }
    }

    /// Writes the index file of a plugin anew from the database. On Postgres no other replica writes one meanwhile.
    pub(crate) async fn rewrite_index_file(&self, plugin: &PluginName) -> Result<(), IndexError> {
        let mut transaction = self.database().write().await?;
        log::lock_sequencer(&mut transaction, self.database().dialect()).await?;
        if let Some(file) = self.index_file_of_rows(&mut transaction, plugin).await? {
            self.shared.index_files.write(plugin, file).await?;
        }
        transaction.rollback().await.map_err(DatabaseError::from)?;
        Ok(())
    }

    /// The index file of a plugin out of the database, for readers who found another in the store. It is written
    /// there again, now or, if the store fails, later.
    pub(super) async fn restore_index_file(
        &self,
        plugin: &PluginName,
    ) -> Result<Option<IndexFile>, IndexError> {
        let mut transaction = self.database().write().await?;
        log::lock_sequencer(&mut transaction, self.database().dialect()).await?;
        let file = self.index_file_of_rows(&mut transaction, plugin).await?;
        if let Some(file) = &file
            && let Err(error) = self.shared.index_files.write(plugin, file.clone()).await
        {
            tracing::warn!(%plugin, %error, "an index file is served from memory and not written yet");
            self.shared.index_files.keep(plugin, file.clone());
            self.shared.index_debt.owe(plugin);
        }
        transaction.rollback().await.map_err(DatabaseError::from)?;
        Ok(file)
    }

    /// The caller holds the sequencer's lock.
    async fn index_file_of_rows(
        &self,
        connection: &mut AnyConnection,
        plugin: &PluginName,
    ) -> Result<Option<IndexFile>, DatabaseError> {
        let mut records = releases::list_of_plugin(connection, plugin).await?;
        records.sort_by_key(|record| record.sequence);
        // A release that is not in the signed tree yet gets its line when it is.
        let tree_size = self.head().tree_size;
        records.retain(|record| record.sequence.is_some_and(|sequence| sequence <= tree_size));
        let lines: Vec<IndexRelease> = records.iter().map(releases::ReleaseRecord::index_line).collect();
        Ok((!lines.is_empty()).then(|| IndexFile::of_releases(&lines)))
    }

    /// Writes the index files that are owed; what fails again stays owed.
    pub(crate) async fn pay_index_debt(&self) {
        for plugin in self.shared.index_debt.take() {
            if let Err(error) = self.rewrite_index_file(&plugin).await {
                tracing::warn!(%plugin, %error, "an index file is still not written");
                self.shared.index_debt.owe(&plugin);
            }
        }
    }

    /// Makes the index files durable and remembers up to which place of the log they are.
    pub(crate) async fn mark_index_files(&self) -> Result<(), IndexError> {
        let sequence = self.shared.projections.sequence();
        self.check_index_files().await;
        if sequence == self.read_mark() || !self.shared.index_debt.0.lock().is_ok_and(|debt| debt.is_empty())
        {
            return Ok(());
        }
        kill_points::pass("mark-before-sync");
        self.storage().sync_index().await?;
        let path = self.mark_path();
        let beside = path.with_extension("new");
        std::fs::write(&beside, sequence.to_string())?;
        kill_points::pass("mark-before-rename");
        std::fs::rename(beside, path)?;
        kill_points::pass("mark-after-rename");
        Ok(())
    }

    /// Reads back what was put into a bucket since the last time; what is not there as it should be is owed.
    async fn check_index_files(&self) {
        for plugin in self.shared.index_files.take_unchecked() {
            let fetched = self.shared.index_files.fetch(&plugin).await;
            let fingerprints = self.shared.projections.fingerprints();
            if !matches!(&fetched, Ok(Some(file)) if fingerprints.agree(&plugin, &file.bytes)) {
                tracing::warn!(%plugin, "an index file did not arrive in the object store as it was put");
                self.shared.index_debt.owe(&plugin);
            }
        }
    }

    fn read_mark(&self) -> u64 {
        std::fs::read_to_string(self.mark_path()).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
    }

    /// Per data directory: a replica without one writes all index files at start, which harms nobody.
    fn mark_path(&self) -> PathBuf {
        self.configuration().data.join("index-mark")
    }
}

/// Every release as the index tells it, in the order of the log, a part at a time.
async fn read_lines(database: &Database, rows: &mpsc::Sender<Lines>) -> Result<(), DatabaseError> {
    let mut connection = database.read().await?;
    let mut after = 0;
    loop {
        let records = releases::list_sequenced_after(&mut connection, after, ROWS_AT_ONCE).await?;
        let Some(newest) = records.last() else { return Ok(()) };
        after = newest.sequence.unwrap_or(after);
        let mut lines = Lines::new();
        for record in records {
            lines.entry(record.release.plugin.clone()).or_default().push(record.index_line());
        }
        if rows.send(lines).await.is_err() {
            return Ok(());
        }
    }
}

/// The releases that these entries tell otherwise by what they say about signers and namespaces.
async fn retold_releases(
    connection: &mut AnyConnection,
    entries: &[LogEntry],
) -> Result<BTreeMap<PluginName, Vec<IndexRelease>>, DatabaseError> {
    let mut lines: BTreeMap<PluginName, Vec<IndexRelease>> = BTreeMap::new();
    // A release behind these entries comes with its own.
    let last = entries.last().map(|entry| entry.sequence);
    for entry in entries {
        let records = match (entry.kind.as_str(), entry.subject.split_once('/')) {
            (KEY_REVOKE, Some((namespace, key_id))) => {
                releases::list_signer_revoked(connection, namespace, key_id).await?
            }
            (TRUST, None) => releases::list_of_namespace(connection, &entry.subject).await?,
            _ => continue,
        };
        for record in records.into_iter().filter(|record| record.sequence <= last) {
            let line = record.index_line();
            lines.entry(record.release.plugin).or_default().push(line);
        }
    }
    Ok(lines)
}
