//! A witness: it remembers the newest tree of each log it knows, and cosigns only what holds that tree.
//!
//! One file a log, the cosigned checkpoint itself, durable before the cosignature leaves. One process a folder. The
//! decision is in [`crate::log`]; asking other witnesses is in [`super::ask_witnesses`].

use std::collections::HashMap;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::config::Configuration;
use crate::domain::{Digest, Refusal, Timestamp};
use crate::log::{
    AddCheckpoint, NoteVerifier, SignatureKind, SignedCheckpoint, VerifierKeyError, WitnessRefusal,
    Witnessable, WitnessedTree, cosign,
};
use crate::signing::{KeyError, SecretKey};

use super::keys::{RegistryKeysError, read_or_make_key_file};

/// Why there is no witness.
#[derive(Debug, thiserror::Error)]
pub enum OpenWitnessError {
    /// Its name cannot be one.
    #[error("a witness needs a name to sign with: {0}")]
    Name(VerifierKeyError),
    /// The key of a log is none.
    #[error("the key of a log to witness: {0}")]
    Log(VerifierKeyError),
    /// The key of a witness where one of a log is needed.
    #[error("the key of a log to witness: {0} is the key of a witness")]
    NotALog(NoteVerifier),
    /// Its own key cannot be read.
    #[error("the key of the witness: {0}")]
    Key(#[from] KeyError),
    /// The file of its own key cannot be read.
    #[error("the key of the witness: {0}")]
    KeyFile(#[from] RegistryKeysError),
    /// Its folder cannot be used.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Another process witnesses in this folder: the two could cosign a fork.
    #[error("the folder {0} is in use by another witness")]
    InUse(PathBuf),
}

impl Refusal for OpenWitnessError {
    fn code(&self) -> &'static str {
        "witness-invalid"
    }

    fn mend(&self) -> Option<String> {
        match self {
            Self::Name(_) => Some(
                "Set witness.name (or --name) to a name like witness.example.org, without spaces.".into(),
            ),
            Self::Log(_) | Self::NotALog(_) => Some(
                "Copy the key whole, as the operator of the log publishes it: origin+hash+base64.".into(),
            ),
            Self::Key(_) | Self::KeyFile(_) | Self::File { .. } => None,
            Self::InUse(_) => Some("Stop that process, or choose another folder.".into()),
        }
    }
}

/// Why a checkpoint was not cosigned.
#[derive(Debug, thiserror::Error)]
pub enum CosignError {
    /// The witness refuses.
    #[error(transparent)]
    Refused(#[from] WitnessRefusal),
    /// What it remembers cannot be read or written; it does not guess.
    #[error("the memory of the witness, {path}: {problem}")]
    Memory {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
}

/// A witness of some logs.
pub struct Witness {
    verifier: NoteVerifier,
    key: SecretKey,
    logs: Vec<NoteVerifier>,
    folder: PathBuf,
    /// The newest trees cosigned, by origin. Held from reading it to having the new one on disk.
    newest: Mutex<HashMap<String, WitnessedTree>>,
    /// Held as long as the witness is open.
    _lock: File,
}

impl Witness {
    /// The witness that the settings of a registry describe; nothing when it witnesses no log.
    pub fn of_configuration(configuration: &Configuration) -> Result<Option<Self>, OpenWitnessError> {
        let settings = &configuration.witness;
        if settings.logs.is_empty() {
            return Ok(None);
        }
        let key = witness_key(configuration)?;
        Self::open(&settings.name, key, &settings.logs, &configuration.data.join("witness")).map(Some)
    }

    /// A witness with this name and key that knows `logs` and remembers in `folder`.
    pub fn open(
        name: &str,
        key: SecretKey,
        logs: &[String],
        folder: &Path,
    ) -> Result<Self, OpenWitnessError> {
        let verifier = NoteVerifier::of_witness(name, key.public_key()).map_err(OpenWitnessError::Name)?;
        let logs = logs.iter().map(|text| log_key(text)).collect::<Result<_, _>>()?;
        let failed = |source| OpenWitnessError::File { path: folder.to_owned(), source };
        fs::create_dir_all(folder).map_err(failed)?;
        let lock = File::create(folder.join("lock")).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(OpenWitnessError::InUse(folder.to_owned())),
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        let folder = folder.to_owned();
        Ok(Self { verifier, key, logs, folder, newest: Mutex::default(), _lock: lock })
    }

    /// The key that those who rely on this witness need.
    pub fn verifier(&self) -> &NoteVerifier {
        &self.verifier
    }

    /// Judges the body of an `add-checkpoint` and answers the cosignature line. Reads and writes files: for a
    /// blocking thread.
    pub fn add_checkpoint(&self, body: &str, now: Timestamp) -> Result<String, CosignError> {
        let request = AddCheckpoint::parse(body).map_err(WitnessRefusal::from)?;
        let Witnessable { checkpoint, note } = request.verify_log(&self.logs)?;

        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        let known = match newest.get(&checkpoint.origin) {
            Some(known) => *known,
            None => self.remembered(&checkpoint.origin)?,
        };
        request.check_growth(&checkpoint, known)?;
        let seconds = u64::try_from(now.as_micros() / 1_000_000).unwrap_or_default().max(1);
        let line = cosign(&note, self.verifier.name(), &self.key, seconds);
        self.remember(&checkpoint.origin, &format!("{note}{line}"))?;
        let tree = WitnessedTree { tree_size: checkpoint.tree_size, root: checkpoint.root };
        newest.insert(checkpoint.origin, tree);
        Ok(line)
    }

    /// The newest checkpoint cosigned of the log whose origin has this SHA-256 (64 hexadecimal digits).
    pub fn newest_checkpoint(&self, origin_digest: &str) -> Result<Option<String>, CosignError> {
        let Ok(digest) = Digest::from_hex(origin_digest) else { return Ok(None) };
        read(&self.folder.join(digest.to_hex()))
    }

    fn path(&self, origin: &str) -> PathBuf {
        self.folder.join(Digest::of(origin.as_bytes()).to_hex())
    }

    /// What the file says; a file that cannot be read is not the same as none.
    fn remembered(&self, origin: &str) -> Result<WitnessedTree, CosignError> {
        let path = self.path(origin);
        let Some(note) = read(&path)? else { return Ok(WitnessedTree::empty()) };
        let unreadable = |problem: String| CosignError::Memory { path: path.clone(), problem };
        let note = SignedCheckpoint::parse(&note).map_err(|error| unreadable(error.to_string()))?;
        if note.unverified().origin != origin || !note.note().signed_by(&self.verifier) {
            return Err(unreadable("it is not a checkpoint of the log that this witness cosigned".into()));
        }
        Ok(WitnessedTree { tree_size: note.unverified().tree_size, root: note.unverified().root })
    }

    /// Puts the note in place; when this returns, it is durable.
    fn remember(&self, origin: &str, note: &str) -> Result<(), CosignError> {
        let path = self.path(origin);
        let beside = path.with_extension("new");
        let write = || -> io::Result<()> {
            let mut file = File::create(&beside)?;
            file.write_all(note.as_bytes())?;
            file.sync_all()?;
            fs::rename(&beside, &path)?;
            File::open(&self.folder)?.sync_all()
        };
        write().map_err(|error| CosignError::Memory { path: path.clone(), problem: error.to_string() })
    }
}

/// The secret key that the settings name, made when there is none.
pub fn witness_key(configuration: &Configuration) -> Result<SecretKey, OpenWitnessError> {
    let settings = &configuration.witness;
    if !settings.key.is_empty() {
        return Ok(settings.key.as_str().parse()?);
    }
    if !settings.key_file.as_os_str().is_empty() {
        return Ok(read_or_make_key_file(&settings.key_file)?);
    }
    key_in(&configuration.data)
}

/// The key in `keys/witness.key` of a data directory, made when it is not there.
pub fn key_in(data: &Path) -> Result<SecretKey, OpenWitnessError> {
    let folder = data.join("keys");
    let failed = |source| OpenWitnessError::File { path: folder.clone(), source };
    fs::create_dir_all(&folder).map_err(failed)?;
    Ok(read_or_make_key_file(&folder.join("witness.key"))?)
}

fn log_key(text: &str) -> Result<NoteVerifier, OpenWitnessError> {
    let key: NoteVerifier = text.parse().map_err(OpenWitnessError::Log)?;
    match key.kind() {
        SignatureKind::Ed25519 => Ok(key),
        SignatureKind::Cosignature => Err(OpenWitnessError::NotALog(key)),
    }
}

fn read(path: &Path) -> Result<Option<String>, CosignError> {
    match fs::read_to_string(path) {
        Ok(note) => Ok(Some(note)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(CosignError::Memory { path: path.to_owned(), problem: error.to_string() }),
    }
}

#[cfg(test)]
mod tests;
