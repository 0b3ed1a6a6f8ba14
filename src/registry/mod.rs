//! The use cases of the registry, one verb per file, over the database, the object store and the projections.
//!
//! Rules live here. HTTP, command-line and SQL do not.

pub mod accounts;
mod append_statement;
mod ask_witnesses;
mod blobs;
mod build_recalls;
mod bundles;
mod change_release;
mod check_widening;
mod clock;
mod commit;
mod count_downloads;
mod draw_graph;
mod find_release;
mod fingerprints;
mod follow;
mod index_files;
mod inspect_package;
mod kept_projections;
mod keys;
mod list_outdated;
mod log_tree;
mod mapped_file;
mod object_to_release;
mod objections;
mod plan_upgrade;
mod profiles;
mod projections;
mod publish_error;
mod publish_release;
mod recover_log;
mod renew_operator_token;
mod resolve_plugins;
mod search_plugins;
mod sequence;
mod served_document;
mod show_changes;
mod show_namespace;
mod show_release;
#[cfg(feature = "runtime")]
#[cfg(feature = "runtime")]
mod sign_verdict;
mod solving;
mod sweep_blobs;
mod upload;
mod verification_policies;
#[cfg(feature = "runtime")]
mod verify_release;
mod wait_until_verified;
mod witness;
mod write_log;

use std::fs::{File, TryLockError};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::config::Configuration;
use crate::db::{Database, DatabaseError, Dialect, log};
use crate::domain::{HostProfile, PluginName, Timestamp};
use crate::kill_points;
use crate::resolver::IndexSnapshot;
use crate::storage::{Storage, StorageError};
use crate::trust::{EntryError, LogStatement};

pub use append_statement::{AppendError, EncodedStatement};
pub use ask_witnesses::AskWitnessesError;
use ask_witnesses::Witnesses;
pub use blobs::BlobContent;
pub use build_recalls::ServedRecalls;
pub use bundles::{BuildBundleError, build_bundle, build_lock_bundle, prove_publish};
pub use change_release::{ChangeReleaseError, change_release};
pub use clock::Clock;
pub use commit::{Change, ChangeError, Committed, ReleaseChange, VERIFY_RELEASE};
pub use draw_graph::{DrawGraphError, ReleaseGraph, draw_lock, draw_release, write_graphviz};
pub use find_release::{
    downloads_by_day, find_release, list_dependents, list_releases, newest_verification, release_texts,
};
pub use follow::IndexError;
pub use index_files::IndexFile;
pub use inspect_package::inspect_package;
pub use keys::{KeyPlace, KeyRole, RegistryKeys, RegistryKeysError, RotateKeyError, Rotated, rotate_key};
pub use list_outdated::list_outdated;
pub use log_tree::{ReadLogError, SignedHead};
pub use object_to_release::{ObjectToReleaseError, OperatorVerb, list_objections, object_to_release};
pub use objections::Objected;
pub use plan_upgrade::plan_upgrade;
pub use publish_error::PublishError;
pub use publish_release::{InspectedPackage, PublishRequest, Published, SignedPackage, publish_release};
pub use recover_log::RecoverLogError;
pub use renew_operator_token::{RenewOperatorTokenError, renew_operator_token};
pub use resolve_plugins::{ResolvePluginsError, resolve_plugins};
pub use search_plugins::{
    CatalogFront, CatalogPage, CatalogSearch, nearest_plugins, search_catalog, show_front,
};
pub use served_document::ServedDocument;
pub use show_namespace::{NamespaceDetails, NamespaceError, show_namespace};
pub use show_release::{ReleaseDetails, ShowError, show_release};
pub use solving::{SolveError, SolverLoad};
pub use sweep_blobs::{SweepError, sweep_blobs};
pub use upload::{UploadError, UploadWriter, UploadedPackage};
pub use verification_policies::{find_verification_policy, policy_uri};
#[cfg(feature = "runtime")]
pub use verify_release::{VerifyReleaseError, verify_release};
pub use wait_until_verified::wait_until_verified;
pub use witness::{CosignError, OpenWitnessError, Witness, key_in, witness_key};
pub use write_log::WriteLogError;

/// How long a replica waits between two looks at what others wrote.
const FOLLOW_EVERY: Duration = Duration::from_secs(1);
/// How many passwords are hashed at once; each takes its time and 19 MiB.
const PASSWORDS_AT_ONCE: usize = 2;
/// How often index files are made durable and debts are paid.
const MARK_EVERY: Duration = Duration::from_secs(5);

/// The running registry: cheap to clone, shared by every handler and job.
#[derive(Clone)]
pub struct Registry {
    shared: Arc<Shared>,
}

struct Shared {
    configuration: Configuration,
    keys: RegistryKeys,
    public_url: ArcSwap<String>,
    database: Database,
    storage: Storage,
    profiles: ArcSwap<Vec<HostProfile>>,
    projections: projections::Projections,
    following: tokio::sync::Mutex<()>,
    index_files: index_files::IndexFiles,
    index_debt: follow::IndexDebt,
    blobs: blobs::Blobs,
    committer: commit::Committer,
    clock: Arc<Clock>,
    log_tree: log_tree::LogTree,
    log_writer: tokio::sync::Mutex<write_log::LogWriter>,
    inspections: Arc<Semaphore>,
    solver: Arc<solving::Solver>,
    passwords: accounts::Passwords,
    downloads: count_downloads::DownloadCounts,
    first_token: Mutex<Option<accounts::FirstToken>>,
    recalls: build_recalls::Recalls,
    stop: CancellationToken,
    tasks: Mutex<JoinSet<()>>,
    /// Held as long as the registry is open.
    lock: File,
}

/// Why the registry could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A file or directory could not be made or read.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Another process uses the data directory.
    #[error("the data directory {0} is in use by another process")]
    InUse(PathBuf),
    /// The database cannot be opened.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The object store cannot be opened.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The operator account cannot be made.
    #[error(transparent)]
    Operator(#[from] accounts::EnsureOperatorError),
    /// The operating system gives no random bytes.
    #[error("no random bytes: {0}")]
    Randomness(String),
    /// The registry's keys cannot be opened.
    #[error("the registry's keys: {0}")]
    Keys(#[from] RegistryKeysError),
    /// The database is older than the transparency log.
    #[error(
        "entry {sequence} of the log in the database is not one of this version: {problem}. The database was made \
         before there was a transparency log; start with an empty data directory and publish again"
    )]
    OldLog {
        /// Its place.
        sequence: u64,
        /// What is wrong with it.
        problem: EntryError,
    },
    /// The log and the database do not belong together.
    #[error("the transparency log: {0}")]
    RecoverLog(#[from] RecoverLogError),
    /// The witnesses of the settings cannot be asked.
    #[error(transparent)]
    Witnesses(#[from] AskWitnessesError),
    /// What a killed process left could not be put right.
    #[error("recovery: {0}")]
    Recover(#[from] IndexError),
}

impl Registry {
    /// Opens the registry that `configuration` describes, puts right what a kill left, and starts its tasks
    /// on the current runtime.
    pub async fn open(configuration: Configuration) -> Result<Self, OpenError> {
        let storage = Storage::open(&configuration.effective_storage_url(), storage_options()).await?;
        Self::open_on(configuration, storage).await
    }

    /// The same on a store that is open already.
    pub async fn open_on(configuration: Configuration, storage: Storage) -> Result<Self, OpenError> {
        let lock = lock_data_directory(&configuration)?;
        sweep_uploads(&configuration)?;
        let database = Database::connect(&configuration.effective_database_url()).await?;
        let keys = RegistryKeys::open(&configuration, &database, Timestamp::now()).await?;
        let (written, log_writer_task) = write_log::LogWriterTask::new();
        let (committer, committer_task) = commit::Committer::new(written);
        let limits = configuration.limits.clone();
        let registry = Self {
            shared: Arc::new(Shared {
                public_url: ArcSwap::from_pointee(configuration.public_url.trim_end_matches('/').to_owned()),
                index_files: index_files::IndexFiles::new(storage.clone(), limits.index_cache_bytes),
                blobs: blobs::Blobs::new(storage.clone()),
                log_tree: log_tree::LogTree::new(database.clone(), storage.clone()),
                configuration,
                keys,
                database,
                storage,
                profiles: ArcSwap::default(),
                projections: projections::Projections::new(),
                following: tokio::sync::Mutex::default(),
                index_debt: follow::IndexDebt::default(),
                committer,
                clock: Arc::default(),
                log_writer: tokio::sync::Mutex::default(),
                inspections: Arc::new(Semaphore::new(limits.inspect_concurrency.max(1))),
                solver: Arc::new(solving::Solver::new(&limits)),
                passwords: accounts::Passwords::new(PASSWORDS_AT_ONCE),
                downloads: count_downloads::DownloadCounts::default(),
                first_token: Mutex::default(),
                recalls: build_recalls::Recalls::default(),
                stop: CancellationToken::new(),
                tasks: Mutex::default(),
                lock,
            }),
        };
        registry.refuse_old_log().await?;
        registry.keep_verification_policy().await?;
        registry.reload_profiles().await?;
        registry.recover().await?;
        registry.make_operator().await?;
        registry.start(committer_task.run(registry.clone(), registry.stopping()));
        registry.start(log_writer_task.run(registry.clone()));
        registry.start(registry.clone().keep_index_files());
        let verifiers = registry.keys().document().witness_verifiers();
        if let Some(witnesses) = Witnesses::of_configuration(registry.configuration(), &verifiers)? {
            registry.start(registry.clone().keep_asking_witnesses(witnesses));
        }
        if registry.database().dialect() == Dialect::Postgres {
            registry.start(registry.clone().keep_following());
        }
        Ok(registry)
    }

    /// Runs a task until the registry stops; the task watches [`Self::stopping`] itself.
    pub fn start(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.shared.tasks.lock().unwrap_or_else(PoisonError::into_inner).spawn(task);
    }

    /// Fires when the registry stops.
    pub fn stopping(&self) -> CancellationToken {
        self.shared.stop.clone()
    }

    /// Lets every task finish what it has, then leaves the store marked and the database closed.
    pub async fn close(&self) {
        self.shared.stop.cancel();
        let tasks = std::mem::take(&mut *self.shared.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        tasks.join_all().await;
        if let Err(error) = self.flush_downloads().await {
            tracing::warn!(%error, "download counts were lost");
        }
        self.pay_index_debt().await;
        if let Err(error) = self.mark_index_files().await {
            tracing::warn!(%error, "the index files could not be marked; the next start writes them again");
        }
        if let Err(error) = self.look_after_checkpoint().await {
            tracing::warn!(%error, "the checkpoint in the object store could not be looked after");
        }
        self.keep_projections().await;
        self.shared.database.close().await;
        // A request that was cut off may hold the registry a moment longer; the directory is free all the same.
        if let Err(error) = self.shared.lock.unlock() {
            tracing::warn!(%error, "the data directory stays locked until the process ends");
        }
    }

    /// The settings it was opened with.
    pub fn configuration(&self) -> &Configuration {
        &self.shared.configuration
    }

    /// The keys it signs with.
    pub fn keys(&self) -> &RegistryKeys {
        &self.shared.keys
    }

    /// The database.
    pub fn database(&self) -> &Database {
        &self.shared.database
    }

    /// The object store.
    pub fn storage(&self) -> &Storage {
        &self.shared.storage
    }

    /// What the solver reads.
    pub fn index_snapshot(&self) -> Arc<IndexSnapshot> {
        self.shared.projections.snapshot()
    }

    /// The last place of the log that the projections hold.
    pub fn sequence(&self) -> u64 {
        self.shared.projections.sequence()
    }

    /// Where people reach the registry, without a slash at the end; empty until it is known.
    pub fn public_url(&self) -> Arc<String> {
        self.shared.public_url.load_full()
    }

    /// Names the address the server listens on, unless the operator configured a public one.
    pub fn set_listening_url(&self, url: String) {
        if self.configuration().public_url.is_empty() {
            self.shared.public_url.store(Arc::new(url));
        }
    }

    /// The index file at `namespace/name`, if it is in memory.
    pub fn cached_index_file(&self, path: &str) -> Option<IndexFile> {
        self.shared.index_files.cached(path)
    }

    /// The index file of a plugin.
    ///
    /// What the store tells otherwise than the log is not served: it is written again from the database.
    pub async fn index_file(&self, plugin: &PluginName) -> Result<Option<IndexFile>, IndexError> {
        let (files, projections) = (&self.shared.index_files, &self.shared.projections);
        if let Some(file) = files.cached(&plugin.path()) {
            return Ok(Some(file));
        }
        match files.fetch(plugin).await {
            Ok(Some(file)) if projections.fingerprints().agree(plugin, &file.bytes) => {
                files.keep(plugin, file.clone());
                Ok(Some(file))
            }
            Ok(None) if !projections.fingerprints().know(plugin) => Ok(None),
            Ok(_) => {
                tracing::warn!(%plugin, "the index file in the object store is not what the log tells");
                self.restore_index_file(plugin).await
            }
            Err(error) => {
                tracing::warn!(%plugin, %error, "the index file cannot be read from the object store");
                self.restore_index_file(plugin).await
            }
        }
    }

    /// Runs heavy work on a blocking thread, a bounded number at once.
    pub(crate) async fn on_inspection_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        let permit = Arc::clone(&self.shared.inspections).acquire_owned().await;
        tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work()
        })
        .await
    }

    /// Entries from before the transparency log cannot be leaves of it. One process writes them all, so the first tells.
    async fn refuse_old_log(&self) -> Result<(), OpenError> {
        let oldest = log::oldest_payload(&mut *self.database().read().await?).await?;
        let Some((sequence, payload)) = oldest else { return Ok(()) };
        match LogStatement::from_bytes(payload.as_bytes()) {
            Ok(_) => Ok(()),
            Err(problem) => Err(OpenError::OldLog { sequence, problem }),
        }
    }

    /// Makes the operator account at the very first start.
    async fn make_operator(&self) -> Result<(), OpenError> {
        let mut random = [0; 32];
        getrandom::fill(&mut random).map_err(|error| OpenError::Randomness(error.to_string()))?;
        let name = &self.configuration().operator;
        let first = accounts::ensure_operator(self.database(), name, random, Timestamp::now()).await?;
        *self.shared.first_token.lock().unwrap_or_else(PoisonError::into_inner) = first;
        Ok(())
    }

    /// The operator's token, when this start made the account. It is told once.
    pub fn take_first_operator_token(&self) -> Option<String> {
        let mut first = self.shared.first_token.lock().unwrap_or_else(PoisonError::into_inner);
        first.take().map(|first| first.token)
    }

    /// The password hasher.
    pub fn passwords(&self) -> &accounts::Passwords {
        &self.shared.passwords
    }

    async fn keep_index_files(self) {
        let stop = self.stopping();
        let pause = kill_points::period(MARK_EVERY);
        while stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_some() {
            if let Err(error) = self.flush_downloads().await {
                tracing::warn!(%error, "download counts were lost");
            }
            self.pay_index_debt().await;
            if let Err(error) = self.mark_index_files().await {
                tracing::warn!(%error, "the index files could not be made durable");
            }
            if let Err(error) = self.look_after_checkpoint().await {
                tracing::warn!(%error, "the checkpoint in the object store could not be looked after");
            }
            self.keep_grown_projections().await;
        }
    }

    async fn keep_following(self) {
        let stop = self.stopping();
        while stop.run_until_cancelled(tokio::time::sleep(FOLLOW_EVERY)).await.is_some() {
            if let Err(error) = self.follow_tree().await {
                tracing::warn!(%error, "the tree of the log could not be followed");
            }
            let followed = async { self.follow_log().await.and(self.reload_profiles().await) };
            if let Err(error) = followed.await {
                tracing::warn!(%error, "the log could not be followed");
            }
        }
    }
}

/// Bucket settings in the words of `object_store`, from the environment.
fn storage_options() -> Vec<(String, String)> {
    std::env::vars()
        .filter(|(name, _)| ["AWS_", "GOOGLE_", "AZURE_"].iter().any(|prefix| name.starts_with(prefix)))
        .map(|(name, value)| (name.to_ascii_lowercase(), value))
        .collect()
}

/// Makes the data directory and keeps other processes out of it.
fn lock_data_directory(configuration: &Configuration) -> Result<File, OpenError> {
    let failed = |source| OpenError::File { path: configuration.data.clone(), source };
    std::fs::create_dir_all(&configuration.data).map_err(failed)?;
    let lock = File::create(configuration.data.join("lock")).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(configuration.data.clone())),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

/// Removes uploads that a killed process left.
fn sweep_uploads(configuration: &Configuration) -> Result<(), OpenError> {
    let uploads = configuration.upload_directory();
    let failed = |source| OpenError::File { path: uploads.clone(), source };
    match std::fs::remove_dir_all(&uploads) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    std::fs::create_dir_all(&uploads).map_err(failed)
}
