//! What a client remembers of each registry it met: the keys it pinned, the largest log and the recall feed it saw.
//!
//! Without a memory, an old answer cannot be told from a new one. A file a registry, replaced in one step, and
//! locked while it is in use; or the memory of the process alone.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::domain::{Digest, Refusal, Timestamp};
use crate::signing::Envelope;
use crate::trust::{TrustChain, TrustChainError, TrustDocument};

const FORMAT: u32 = 1;
const LOCK_ATTEMPTS: u32 = 600;
const LOCK_PAUSE: Duration = Duration::from_millis(50);

/// What is remembered of one registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remembered {
    pub(super) format: u32,
    /// The registry's address, as it was asked.
    pub registry: String,
    /// When its keys were pinned.
    pub pinned_at: Timestamp,
    /// Its trust document with its history.
    pub trust: TrustChain,
    /// The signed checkpoint of the largest log it showed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<String>,
    /// The newest recall feed it showed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recalls: Option<Envelope>,
}

impl Remembered {
    /// The beginning of a memory: the keys alone.
    pub fn pin(registry: &str, trust: TrustChain, pinned_at: Timestamp) -> Self {
        Self {
            format: FORMAT,
            registry: registry.to_owned(),
            pinned_at,
            trust,
            checkpoint: None,
            recalls: None,
        }
    }

    /// The newest pinned trust document.
    pub fn document(&self) -> Result<TrustDocument, TrustChainError> {
        self.trust.verify()
    }
}

/// Why the memory is of no use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MemoryError {
    /// A file that cannot be read or written.
    #[error("cannot {verb} {}: {problem}", path.display())]
    File {
        /// `read`, `write`, `lock` or `delete`.
        verb: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        problem: String,
    },
    /// Not what this program writes.
    #[error("what is remembered of a registry cannot be read from {}: {problem}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// Another process does not let go of it.
    #[error("another pluginry has been using {} for too long", path.display())]
    Busy {
        /// The file.
        path: PathBuf,
    },
}

impl Refusal for MemoryError {
    fn code(&self) -> &'static str {
        match self {
            Self::File { .. } => "file-error",
            Self::Unreadable { .. } => "memory-unreadable",
            Self::Busy { .. } => "memory-busy",
        }
    }

    fn mend(&self) -> Option<String> {
        match self {
            Self::File { .. } => None,
            Self::Unreadable { path, .. } => Some(format!(
                "Without it nothing tells an old answer of the registry from a new one. Bring {} back from a backup; or delete it, and the registry's keys are pinned anew at the next contact.",
                path.display()
            )),
            Self::Busy { .. } => Some("Wait until it is done, or end it.".into()),
        }
    }
}

/// Where a client remembers.
#[derive(Debug, Clone)]
pub enum Memory {
    /// In a directory, a file a registry.
    Directory(PathBuf),
    /// As long as this process lives; clones share it.
    Process(Arc<Mutex<BTreeMap<String, Remembered>>>),
}

impl Default for Memory {
    fn default() -> Self {
        Self::Process(Arc::default())
    }
}

impl Memory {
    /// Everything that is remembered in a directory, by address.
    pub fn all_in(directory: &Path) -> Result<Vec<Remembered>, MemoryError> {
        let failed = |error: std::io::Error| file_error("read", directory, &error);
        let listing = match std::fs::read_dir(directory) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            listing => listing.map_err(failed)?,
        };
        let mut all = Vec::new();
        for entry in listing {
            let path = entry.map_err(failed)?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                all.extend(read(&path)?);
            }
        }
        all.sort_by(|a, b| a.registry.cmp(&b.registry));
        Ok(all)
    }

    /// Opens what is remembered of one registry; nobody else can meanwhile.
    pub async fn open(&self, registry: &str) -> Result<OpenMemory, MemoryError> {
        match self {
            Self::Process(all) => {
                let all = Arc::clone(all).lock_owned().await;
                let remembered = all.get(registry).cloned();
                Ok(OpenMemory { remembered, place: Place::Process(all), registry: registry.to_owned() })
            }
            Self::Directory(directory) => {
                let path = directory.join(file_name(registry));
                let lock = lock(&path.with_extension("lock")).await?;
                let remembered = read(&path)?;
                let place = Place::File { path, _lock: lock };
                Ok(OpenMemory { remembered, place, registry: registry.to_owned() })
            }
        }
    }
}

/// What is remembered of one registry, held against everybody else until it is dropped.
pub struct OpenMemory {
    registry: String,
    remembered: Option<Remembered>,
    place: Place,
}

enum Place {
    File { path: PathBuf, _lock: File },
    Process(OwnedMutexGuard<BTreeMap<String, Remembered>>),
}

impl OpenMemory {
    /// What is remembered; nothing before the first contact.
    pub fn remembered(&self) -> Option<&Remembered> {
        self.remembered.as_ref()
    }

    /// Where it is kept, for a person.
    pub fn place(&self) -> String {
        match &self.place {
            Place::File { path, .. } => path.display().to_string(),
            Place::Process(_) => "this process".into(),
        }
    }

    /// Replaces it, whole or not at all.
    pub fn write(&mut self, remembered: Remembered) -> Result<(), MemoryError> {
        if self.remembered.as_ref() == Some(&remembered) {
            return Ok(());
        }
        match &mut self.place {
            Place::Process(all) => {
                all.insert(self.registry.clone(), remembered.clone());
            }
            Place::File { path, .. } => replace(path, &remembered)?,
        }
        self.remembered = Some(remembered);
        Ok(())
    }

    /// Forgets it; says whether there was anything.
    pub fn forget(mut self) -> Result<bool, MemoryError> {
        match &mut self.place {
            Place::Process(all) => Ok(all.remove(&self.registry).is_some()),
            Place::File { path, .. } => match std::fs::remove_file(&*path) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
                outcome => outcome.map(|()| true).map_err(|error| file_error("delete", path, &error)),
            },
        }
    }
}

/// Readable, and never the same for two addresses.
fn file_name(registry: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-') { c } else { '_' };
    let address = registry.split_once("://").map_or(registry, |(_, rest)| rest).trim_end_matches('/');
    let readable: String = address.chars().map(plain).take(80).collect();
    format!("{readable}-{}.json", &Digest::of(registry.as_bytes()).to_hex()[..8])
}

fn read(path: &Path) -> Result<Option<Remembered>, MemoryError> {
    let json = match std::fs::read(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        json => json.map_err(|error| file_error("read", path, &error))?,
    };
    let unreadable = |problem: String| MemoryError::Unreadable { path: path.to_owned(), problem };
    let remembered: Remembered =
        serde_json::from_slice(&json).map_err(|error| unreadable(error.to_string()))?;
    if remembered.format != FORMAT {
        return Err(unreadable(format!("it has format {}, this program knows {FORMAT}", remembered.format)));
    }
    Ok(Some(remembered))
}

fn replace(path: &Path, remembered: &Remembered) -> Result<(), MemoryError> {
    let failed = |error: std::io::Error| file_error("write", path, &error);
    let directory = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(directory).map_err(failed)?;
    let json = serde_json::to_vec_pretty(remembered).expect("a memory holds texts and numbers");
    file.write_all(&json).and_then(|()| file.as_file().sync_all()).map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    // The rename itself must outlive a power cut, or an old log would be believed again.
    File::open(directory).and_then(|directory| directory.sync_all()).map_err(failed)
}

async fn lock(path: &Path) -> Result<File, MemoryError> {
    let failed = |error: &std::io::Error| file_error("lock", path, error);
    if let Some(directory) = path.parent() {
        create_private(directory).map_err(|error| file_error("write", directory, &error))?;
    }
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .map_err(|error| failed(&error))?;
    for _attempt in 0..LOCK_ATTEMPTS {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => tokio::time::sleep(LOCK_PAUSE).await,
            Err(TryLockError::Error(error)) => return Err(failed(&error)),
        }
    }
    Err(MemoryError::Busy { path: path.to_owned() })
}

fn create_private(directory: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)
}

fn file_error(verb: &'static str, path: &Path, error: &std::io::Error) -> MemoryError {
    MemoryError::File { verb, path: path.to_owned(), problem: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::tests::block_on;
    use crate::trust::testing::{START, TestLog};

    const REGISTRY: &str = "https://plugins.example.org/";

    fn pinned() -> Remembered {
        Remembered::pin(REGISTRY, TestLog::new().chain(), START)
    }

    #[test]
    fn a_second_process_finds_what_the_first_one_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().join("pluginry");
        block_on(async {
            let memory = Memory::Directory(directory.clone());
            let mut open = memory.open(REGISTRY).await.unwrap();
            assert_eq!(open.remembered(), None);
            open.write(pinned()).unwrap();
        });

        let found = block_on(Memory::Directory(directory.clone()).open(REGISTRY)).unwrap();

        assert_eq!(found.remembered(), Some(&pinned()));
        assert_eq!(Memory::all_in(&directory).unwrap(), [pinned()]);
    }

    #[test]
    fn whoever_opens_it_waits_for_the_one_who_has_it_open() {
        let folder = tempfile::tempdir().unwrap();
        let memory = Memory::Directory(folder.path().to_owned());
        block_on(async {
            let mut first = memory.open(REGISTRY).await.unwrap();
            let second = tokio::spawn({
                let memory = memory.clone();
                async move { memory.open(REGISTRY).await.unwrap().remembered().cloned() }
            });
            tokio::task::yield_now().await;
            assert!(!second.is_finished());

            first.write(pinned()).unwrap();
            drop(first);

            assert_eq!(second.await.unwrap(), Some(pinned()));
        });
    }

    #[test]
    fn a_damaged_memory_is_refused_and_never_pinned_over() {
        let folder = tempfile::tempdir().unwrap();
        let memory = Memory::Directory(folder.path().to_owned());
        std::fs::write(folder.path().join(file_name(REGISTRY)), "{\"format\": 1, ").unwrap();

        let Err(error) = block_on(memory.open(REGISTRY)) else { panic!("it was read") };

        let words = format!("{error}\n[{}] {}", error.code(), error.mend().unwrap());
        insta::assert_snapshot!(words.replace(folder.path().to_str().unwrap(), "DIRECTORY"));
    }

    #[test]
    fn every_address_has_a_file_of_its_own() {
        let names =
            ["https://a.example/", "http://a.example/", "https://a.example/b", "http://127.0.0.1:8080/"]
                .map(file_name);

        insta::assert_snapshot!(names.join("\n"));
    }
}
