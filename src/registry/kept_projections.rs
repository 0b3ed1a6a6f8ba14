//! The projections kept on disk between starts: a start reads one file instead of every release.
//!
//! The file tells what the log told up to a place, and the root of the tree there. It is believed only if it is whole,
//! written by this very program, and its root is the one of the log at that place: a database or an object store that
//! was put back, a torn file or a newer program make it void, and the projections come from the rows again. What the log
//! says behind the place is then taken in as replicas take it in.

use std::path::PathBuf;

use super::Registry;
use super::fingerprints::{Fingerprints, told_as};
use super::log_tree::{ReadLogError, SignedHead};
use crate::db::{DatabaseError, Dialect, log};
use crate::domain::Digest;
use crate::log::{Hash, verify_consistency};
use crate::resolver::{Index, IndexSnapshot};

/// How the file begins; the version tells that the program is the same, the number that the layout is.
const BEGINNING: &str = concat!("pluginry ", env!("CARGO_PKG_VERSION"), " projections 1\n");
/// How many entries behind the log the file may be before reading the rows is faster, beside a tenth of the log.
const BEHIND_MAX: u64 = 2_000;
/// How many new entries make the file worth writing while the registry runs, beside a fiftieth of the log.
const NEW_ENTRIES: u64 = 1_000;

const HASH_BYTES: usize = 32;

/// The projections at one place of the log.
pub(super) struct Kept {
    pub(super) tree_size: u64,
    root: Hash,
    pub(super) index: Index,
    pub(super) fingerprints: Fingerprints,
}

/// What is written of the projections, taken at one moment.
pub(super) struct Keeping {
    pub(super) tree_size: u64,
    pub(super) index: IndexSnapshot,
    /// As [`Fingerprints::to_bytes`] gives them.
    pub(super) fingerprints: Vec<u8>,
}

impl Keeping {
    fn into_file(self, root: Hash) -> Vec<u8> {
        let mut file = BEGINNING.as_bytes().to_vec();
        file.extend_from_slice(&told_as().to_le_bytes());
        file.extend_from_slice(&self.tree_size.to_le_bytes());
        file.extend_from_slice(&root.0);
        file.extend_from_slice(&(self.fingerprints.len() as u64).to_le_bytes());
        file.extend_from_slice(&self.fingerprints);
        file.extend_from_slice(&self.index.to_bytes());
        let digest = Digest::of(&file);
        file.extend_from_slice(digest.as_bytes());
        file
    }
}

impl Kept {
    /// The projections of a file; nothing if it is not whole or was written by another program.
    fn from_file(file: &[u8]) -> Option<Self> {
        let (content, digest) = file.split_at_checked(file.len().checked_sub(HASH_BYTES)?)?;
        let rest = content.strip_prefix(BEGINNING.as_bytes())?;
        let (told, rest) = number(rest)?;
        if told != told_as() || Digest::of(content).as_bytes() != digest {
            return None;
        }
        let (tree_size, rest) = number(rest)?;
        let (root, rest) = rest.split_at_checked(HASH_BYTES)?;
        let (length, rest) = number(rest)?;
        let (fingerprints, index) = rest.split_at_checked(usize::try_from(length).ok()?)?;
        Some(Self {
            tree_size,
            root: Hash(root.try_into().ok()?),
            index: Index::from_bytes(index).ok()?,
            fingerprints: Fingerprints::from_bytes(fingerprints)?,
        })
    }
}

fn number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((u64::from_le_bytes(*number), rest))
}

impl Registry {
    /// The projections of the last run, if they belong to this log of `last` entries and are not far behind it.
    pub(super) async fn kept_projections(&self, last: u64) -> Option<Kept> {
        let path = self.kept_path();
        let read = tokio::task::spawn_blocking(move || Kept::from_file(&std::fs::read(path).ok()?));
        let kept = read.await.ok().flatten()?;
        let is_near = kept.tree_size <= last && last - kept.tree_size <= BEHIND_MAX.max(last / 10);
        if is_near && self.is_prefix(kept.tree_size, kept.root, &self.head()).await.unwrap_or(false) {
            return Some(kept);
        }
        tracing::info!(
            tree_size = kept.tree_size,
            entries = last,
            "the projections on disk are not those of this log; they come from the database"
        );
        None
    }

    /// Whether the first `tree_size` entries of the log make `root`.
    async fn is_prefix(&self, tree_size: u64, root: Hash, head: &SignedHead) -> Result<bool, ReadLogError> {
        if tree_size == head.tree_size {
            return Ok(root == head.root);
        }
        let proof = self.prove_consistency(tree_size, head).await?;
        Ok(verify_consistency(tree_size, root, head.tree_size, head.root, &proof).is_ok())
    }

    /// Keeps the projections if enough is new since they were kept.
    pub(super) async fn keep_grown_projections(&self) {
        let sequence = self.shared.projections.sequence();
        if sequence - self.shared.projections.kept().min(sequence) >= NEW_ENTRIES.max(sequence / 50) {
            self.keep_projections().await;
        }
    }

    /// Writes the projections to disk for the next start. What fails costs that start some time and nothing else.
    pub(super) async fn keep_projections(&self) {
        if self.shared.projections.kept() == self.shared.projections.sequence() {
            return;
        }
        match self.try_keep_projections().await {
            Ok(()) => {}
            Err(error) => tracing::warn!(%error, "the projections could not be kept for the next start"),
        }
    }

    async fn try_keep_projections(&self) -> Result<(), KeepError> {
        let keeping = self.shared.projections.to_be_kept();
        let (tree_size, head) = (keeping.tree_size, self.head());
        // Rows of a moment ago may tell more than the log does up to here: then a later time will do.
        if head.tree_size != tree_size || !self.is_all_told(tree_size).await? {
            return Ok(());
        }
        let path = self.kept_path();
        let write = move || {
            let beside = path.with_extension("new");
            std::fs::write(&beside, keeping.into_file(head.root))?;
            std::fs::rename(beside, path)
        };
        tokio::task::spawn_blocking(write).await.map_err(std::io::Error::other)??;
        self.shared.projections.set_kept(tree_size);
        Ok(())
    }

    /// Whether nothing was committed behind `tree_size`. On SQLite the projections never run ahead of the log.
    async fn is_all_told(&self, tree_size: u64) -> Result<bool, DatabaseError> {
        if self.database().dialect() == Dialect::Sqlite {
            return Ok(true);
        }
        let mut connection = self.database().read().await?;
        let is_waiting = !log::oldest_in_outbox(&mut connection, 1).await?.is_empty();
        Ok(!is_waiting && log::last_sequence(&mut connection).await? == tree_size)
    }

    /// Per data directory, as the mark of the index files is.
    fn kept_path(&self) -> PathBuf {
        self.configuration().data.join("projections")
    }
}

/// Why the projections could not be kept.
#[derive(Debug, thiserror::Error)]
enum KeepError {
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error(transparent)]
    File(#[from] std::io::Error),
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::domain::{IndexRelease, PluginName};
    use crate::registry::fingerprints::sample_line;

    fn file() -> (Vec<u8>, PluginName, IndexRelease) {
        let (name, line): (PluginName, _) = ("acme:markdown".parse().unwrap(), sample_line());
        let mut index = Index::default();
        index.apply(&name, &line);
        let fingerprints = Fingerprints::default();
        fingerprints.apply(&BTreeMap::from([(name.clone(), vec![line.clone()])]));
        let index = index.snapshot();
        let keeping = Keeping { tree_size: 7, index, fingerprints: fingerprints.to_bytes() };
        (keeping.into_file(Hash([9; 32])), name, line)
    }

    #[test]
    fn a_file_reads_back() {
        let (file, name, line) = file();

        let mut kept = Kept::from_file(&file).unwrap();

        assert_eq!((kept.tree_size, kept.root), (7, Hash([9; 32])));
        assert_eq!(kept.index.snapshot().size().releases, 1);
        assert!(kept.fingerprints.agree(&name, &crate::registry::index_files::line(&line)));
    }

    #[test]
    fn a_file_that_is_torn_or_changed_anywhere_is_not_believed() {
        let (file, ..) = file();

        for place in 0..file.len() {
            let mut changed = file.clone();
            changed[place] ^= 1;
            assert!(Kept::from_file(&changed).is_none(), "byte {place} changed");
            assert!(Kept::from_file(&file[..place]).is_none(), "cut at {place}");
        }
    }

    #[test]
    fn a_file_of_another_program_is_not_believed() {
        let (file, ..) = file();
        let content = &file[..file.len() - HASH_BYTES];
        let mut other = String::from_utf8_lossy(&content[..BEGINNING.len()])
            .replace("pluginry ", "pluginry 9")
            .into_bytes();
        other.extend_from_slice(&content[BEGINNING.len()..]);
        let digest = Digest::of(&other);
        other.extend_from_slice(digest.as_bytes());

        assert!(Kept::from_file(&other).is_none());
    }
}
