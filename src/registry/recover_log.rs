//! The log at the start: the edge comes from the tiles in the store and the newest entries in the database, and must
//! make the root that was signed last. Then the tree grows over what a killed process left.
//!
//! Tiles that are torn or missing are worked out again from the database. A database that holds less than was signed,
//! or something else, is refused: a second tree over the same log key would be a fork of it.

use bytes::Bytes;

use super::Registry;
use super::log_tree::SignedHead;
use super::write_log::{CHECKPOINT, LogWriter, WriteLogError};
use crate::db::{DatabaseError, log};
use crate::domain::Timestamp;
use crate::kill_points;
use crate::log::{
    Checkpoint, CheckpointError, Hash, SignedCheckpoint, TILE_WIDTH, TilePath, Tiles, TreeEdge,
    tiles_for_root,
};
use crate::storage::StorageError;

/// Why the log of the store and the entries of the database cannot be used together.
#[derive(Debug, thiserror::Error)]
pub enum RecoverLogError {
    /// The database has fewer entries than were signed.
    #[error(
        "the database holds {entries} log entries, but this registry signed a checkpoint over {tree_size} (in the \
         {place}). The database was put back from an older backup: bring back a newer one. Going on from here would \
         fork the log, and every client that saw the checkpoint would refuse this registry for ever"
    )]
    Shrunk {
        /// How many entries there are.
        entries: u64,
        /// How many were signed.
        tree_size: u64,
        /// Where the checkpoint is.
        place: &'static str,
    },
    /// The database has other entries than were signed.
    #[error(
        "the first {tree_size} of the {entries} log entries in the database make the root {found}, but this registry \
         signed {signed} over them (in the {place}). The database is not the one that belongs to this object store: \
         bring the two together that do. Going on from here would fork the log"
    )]
    Forked {
        /// How many entries there are.
        entries: u64,
        /// How many were signed.
        tree_size: u64,
        /// The root that was signed.
        signed: Hash,
        /// The root of the entries.
        found: Hash,
        /// Where the checkpoint is.
        place: &'static str,
    },
    /// The checkpoint in the object store is somebody else's.
    #[error(
        "the checkpoint over {tree_size} entries in the object store was signed by no log key of this registry: \
         {problem}. Let every registry have an object store of its own"
    )]
    Foreign {
        /// How many entries it is over.
        tree_size: u64,
        /// What is wrong with its signature.
        problem: CheckpointError,
    },
    /// The log cannot be written.
    #[error(transparent)]
    Write(#[from] WriteLogError),
}

impl From<StorageError> for RecoverLogError {
    fn from(error: StorageError) -> Self {
        Self::Write(error.into())
    }
}

impl From<DatabaseError> for RecoverLogError {
    fn from(error: DatabaseError) -> Self {
        Self::Write(error.into())
    }
}

/// A head that was signed, and where it is remembered.
struct Remembered {
    tree_size: u64,
    root: Hash,
    place: &'static str,
}

impl Registry {
    /// Brings the tree up to the entries of the database and signs it.
    pub(super) async fn recover_log(&self) -> Result<(), RecoverLogError> {
        let mut writer = self.shared.log_writer.lock().await;
        let turn = self.take_turn().await?;
        let checkpoint = self.stored_checkpoint().await?;
        let foreign = checkpoint.as_ref().and_then(|signed| {
            let tree_size = signed.unverified().tree_size;
            let keys = self.keys().document().log_verifiers_at(tree_size);
            signed.verify(&keys).err().map(|problem| RecoverLogError::Foreign { tree_size, problem })
        });
        let saved = log::find_head(&mut *self.database().read().await?).await?.map(SignedHead::from_row);
        let entries = log::last_sequence(&mut *self.database().read().await?).await?;

        let in_store = checkpoint.map(|signed| {
            let Checkpoint { tree_size, root, .. } = *signed.unverified();
            Remembered { tree_size, root, place: "object store" }
        });
        let in_database =
            saved.map(|SignedHead { tree_size, root, .. }| Remembered { tree_size, root, place: "database" });
        // The smaller one first: the tree passes both on its way.
        let mut remembered: Vec<Remembered> = in_store.into_iter().chain(in_database).collect();
        remembered.sort_by_key(|head| head.tree_size);
        if let Some(head) = remembered.iter().find(|head| head.tree_size > entries) {
            let (tree_size, place) = (head.tree_size, head.place);
            return Err(RecoverLogError::Shrunk { entries, tree_size, place });
        }
        if let Some(foreign) = foreign {
            return Err(foreign);
        }
        self.grow_past(&mut writer, &remembered, entries).await?;
        self.sign_recovered(&mut writer, turn).await
    }

    /// Grows the tree past what was signed, first from the tiles in the store, and if they do not make the signed
    /// roots, from the database alone.
    async fn grow_past(
        &self,
        writer: &mut LogWriter,
        remembered: &[Remembered],
        entries: u64,
    ) -> Result<(), RecoverLogError> {
        let smallest = remembered.first().map_or(0, |head| head.tree_size);
        let base = smallest - smallest % u64::from(TILE_WIDTH);
        let mut problem = None;
        if let Some(edge) = self.stored_edge(base).await? {
            match self.grow_checked(writer, edge, remembered, entries, false).await? {
                None => return Ok(()),
                found => problem = found,
            }
        }
        if base > 0 {
            tracing::warn!(
                entries,
                "the tiles of the log are not whole; they are made again from the database"
            );
            problem = self.check_entries(remembered).await?;
            if problem.is_none() {
                problem = self.grow_checked(writer, TreeEdge::new(), remembered, entries, true).await?;
            }
        }
        match problem {
            None => Ok(()),
            Some((head, found)) => Err(RecoverLogError::Forked {
                entries,
                tree_size: head.tree_size,
                signed: head.root,
                found,
                place: head.place,
            }),
        }
    }

    /// Grows from `edge` over all entries; stops at the first signed head that they do not make.
    ///
    /// Before all signed heads are passed, tiles are stored only if the entries are known to make them: no good tile
    /// is replaced by one of a fork.
    async fn grow_checked<'a>(
        &self,
        writer: &mut LogWriter,
        edge: TreeEdge,
        remembered: &'a [Remembered],
        entries: u64,
        is_known: bool,
    ) -> Result<Option<(&'a Remembered, Hash)>, RecoverLogError> {
        writer.begin_with(self, edge);
        for head in remembered {
            match is_known {
                true => self.grow_and_store(writer, head.tree_size).await?,
                false => self.grow_log(writer, &[], head.tree_size).await?,
            }
            let found = self.shared.log_tree.edge().root();
            if found != head.root {
                return Ok(Some((head, found)));
            }
        }
        self.grow_and_store(writer, entries).await?;
        Ok(None)
    }

    /// Grows and stores what becomes full on the way, so that a long log is not in memory at once.
    async fn grow_and_store(&self, writer: &mut LogWriter, up_to: u64) -> Result<(), RecoverLogError> {
        loop {
            let size = self.shared.log_tree.edge().size();
            if size >= up_to {
                return Ok(());
            }
            self.grow_log(writer, &[], up_to.min(size + 4 * u64::from(TILE_WIDTH))).await?;
            if self.shared.log_tree.edge().size() == size {
                return Ok(());
            }
            writer.put_unwritten(self).await?;
        }
    }

    /// Whether the entries alone make the signed roots; nothing is written.
    async fn check_entries<'a>(
        &self,
        remembered: &'a [Remembered],
    ) -> Result<Option<(&'a Remembered, Hash)>, RecoverLogError> {
        let mut edge = TreeEdge::new();
        for head in remembered {
            while edge.size() < head.tree_size {
                let leaves = self.shared.log_tree.next_leaves(edge.size(), head.tree_size).await?;
                if leaves.is_empty() {
                    break;
                }
                for leaf in leaves {
                    edge.append(leaf.payload.as_bytes()).map_err(WriteLogError::from)?;
                }
                edge.take_full_tiles();
            }
            if edge.root() != head.root {
                return Ok(Some((head, edge.root())));
            }
        }
        Ok(None)
    }

    /// The edge of the tree of `size` entries (a multiple of 256) out of the store; nothing if a tile is not there.
    async fn stored_edge(&self, size: u64) -> Result<Option<TreeEdge>, RecoverLogError> {
        let mut tiles = Tiles::default();
        for tile in tiles_for_root(size) {
            let Some(bytes) = self.stored_tile(TilePath::Hashes(tile)).await? else { return Ok(None) };
            if tiles.insert(tile, bytes).is_err() {
                return Ok(None);
            }
        }
        Ok(TreeEdge::from_parts(size, &tiles, None).ok())
    }

    async fn stored_tile(&self, path: TilePath) -> Result<Option<Bytes>, StorageError> {
        self.storage().get_log_object(&path.path()).await
    }

    /// The checkpoint in the store. One that cannot be read says nothing: the database decides then.
    async fn stored_checkpoint(&self) -> Result<Option<SignedCheckpoint>, StorageError> {
        let Some(bytes) = self.storage().get_log_object(CHECKPOINT).await? else { return Ok(None) };
        let note = String::from_utf8_lossy(&bytes);
        match SignedCheckpoint::parse(&note) {
            Ok(signed) => Ok(Some(signed)),
            Err(error) => {
                tracing::warn!(%error, "the checkpoint in the object store cannot be read; it is written again");
                Ok(None)
            }
        }
    }

    async fn sign_recovered(
        &self,
        writer: &mut LogWriter,
        turn: Option<sqlx::Transaction<'static, sqlx::Any>>,
    ) -> Result<(), RecoverLogError> {
        let tree_size = self.shared.log_tree.edge().size();
        writer.put_tiles(self, tree_size).await?;
        let head = self.sign_head();
        kill_points::pass("start-before-checkpoint");
        self.storage().put_log_objects(vec![(CHECKPOINT.to_owned(), head.note.clone().into())]).await?;
        if let Some(mut transaction) = turn {
            log::save_head(&mut transaction, &head.to_row(), Timestamp::now()).await?;
            transaction.commit().await.map_err(DatabaseError::from)?;
        }
        self.shared.log_tree.set_head(head);
        Ok(())
    }
}
