//! What a witness decides about a checkpoint it is shown: [tlog-witness](https://c2sp.org/tlog-witness) without HTTP.
//!
//! Remembering what was cosigned, durably and one request after the other, belongs to the caller.

use super::checkpoint::{CheckpointError, SignedCheckpoint};
use super::hash::empty_root;
use super::proof::{ProofError, verify_consistency};
use super::proof_text::{AddCheckpoint, ProofTextError};
use super::{Checkpoint, Hash, NoteVerifier};
use crate::domain::Refusal;

/// The newest tree of a log that a witness cosigned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WitnessedTree {
    /// Its size.
    pub tree_size: u64,
    /// Its root.
    pub root: Hash,
}

impl WitnessedTree {
    /// What a witness knows of a log it has never cosigned.
    pub fn empty() -> Self {
        Self { tree_size: 0, root: empty_root() }
    }
}

/// Why a witness does not cosign.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WitnessRefusal {
    /// Not a request.
    #[error(transparent)]
    Unreadable(#[from] ProofTextError),
    /// The log is none of those the witness knows.
    #[error("this witness knows no log named {origin:?}")]
    UnknownLog {
        /// The origin of the checkpoint.
        origin: String,
    },
    /// The log did not sign it.
    #[error(transparent)]
    NotSigned(CheckpointError),
    /// The old tree is larger than the new one.
    #[error("the old size {old_size} is over the size of the checkpoint, {tree_size}")]
    OldSizeTooLarge {
        /// The old size of the request.
        old_size: u64,
        /// The size of the checkpoint.
        tree_size: u64,
    },
    /// The request goes on from another tree than the newest one cosigned.
    #[error("the request goes on from size {old_size}, the newest tree cosigned here has {known_size}")]
    Conflict {
        /// The old size of the request.
        old_size: u64,
        /// The size the witness cosigned.
        known_size: u64,
    },
    /// Another tree of the same size.
    #[error(
        "the log shows the root {found} at size {tree_size}; cosigned here was {known}: the log is forked"
    )]
    RootDiffers {
        /// The size of both.
        tree_size: u64,
        /// The root cosigned.
        known: Hash,
        /// The root of the checkpoint.
        found: Hash,
    },
    /// The proof does not show that the new tree holds the old one.
    #[error("the proof does not show that the tree of {tree_size} holds the one of {old_size}: {problem}")]
    Inconsistent {
        /// The size cosigned.
        old_size: u64,
        /// The size of the checkpoint.
        tree_size: u64,
        /// What the check found.
        problem: ProofError,
    },
}

impl Refusal for WitnessRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::Unreadable(error) => error.code(),
            Self::UnknownLog { .. } => "witness-unknown-log",
            Self::NotSigned(error) => error.code(),
            Self::OldSizeTooLarge { .. } => "witness-old-size-too-large",
            Self::Conflict { .. } => "witness-conflict",
            Self::RootDiffers { .. } => "log-forked",
            Self::Inconsistent { .. } => "log-inconsistent",
        }
    }

    fn mend(&self) -> Option<String> {
        match self {
            Self::Unreadable(error) => error.mend(),
            Self::UnknownLog { .. } => {
                Some("Ask the operator of the witness to add the key of the log.".into())
            }
            Self::NotSigned(error) => error.mend(),
            Self::OldSizeTooLarge { .. } => {
                Some("Send the checkpoint of a tree that holds the old one.".into())
            }
            Self::Conflict { known_size, .. } => {
                Some(format!("Send a proof from the tree of size {known_size}."))
            }
            Self::RootDiffers { .. } | Self::Inconsistent { .. } => None,
        }
    }
}

/// A checkpoint that a witness may cosign, once it has remembered it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witnessable {
    /// What it says.
    pub checkpoint: Checkpoint,
    /// The note with the log's own signatures.
    pub note: SignedCheckpoint,
}

impl AddCheckpoint {
    /// Its checkpoint, if one of these logs signed it. The origin says which newest tree to compare it with.
    pub fn verify_log(&self, logs: &[NoteVerifier]) -> Result<Witnessable, WitnessRefusal> {
        let note = SignedCheckpoint::parse(&self.checkpoint).map_err(ProofTextError::from)?;
        let origin = &note.unverified().origin;
        if !logs.iter().any(|key| key.name() == origin) {
            return Err(WitnessRefusal::UnknownLog { origin: origin.clone() });
        }
        let checkpoint = note.verify(logs).map_err(WitnessRefusal::NotSigned)?;
        Ok(Witnessable { checkpoint, note: note.without_cosignatures() })
    }

    /// Whether `next` holds `known`, the newest tree cosigned, by the proof of this request.
    pub fn check_growth(&self, next: &Checkpoint, known: WitnessedTree) -> Result<(), WitnessRefusal> {
        let (old_size, tree_size) = (self.old_size, next.tree_size);
        if old_size > tree_size {
            return Err(WitnessRefusal::OldSizeTooLarge { old_size, tree_size });
        }
        if old_size != known.tree_size {
            return Err(WitnessRefusal::Conflict { old_size, known_size: known.tree_size });
        }
        if old_size == tree_size && next.root != known.root {
            return Err(WitnessRefusal::RootDiffers { tree_size, known: known.root, found: next.root });
        }
        verify_consistency(old_size, known.root, tree_size, next.root, &self.proof)
            .map_err(|problem| WitnessRefusal::Inconsistent { old_size, tree_size, problem })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::{TilePath, Tiles, TreeEdge, prove_consistency};
    use crate::signing::SecretKey;

    const ORIGIN: &str = "example.org/log";

    fn key() -> SecretKey {
        SecretKey::from_seed(&[7; 32])
    }

    fn verifier() -> NoteVerifier {
        NoteVerifier::of_log(ORIGIN, key().public_key()).unwrap()
    }

    /// A log of `size` entries that begin with `word`.
    fn log_of(word: &str, size: u64) -> (WitnessedTree, Tiles) {
        let (mut edge, mut tiles) = (TreeEdge::new(), Tiles::default());
        for index in 0..size {
            edge.append(format!("{word} {index}").as_bytes()).unwrap();
        }
        for (path, bytes) in edge.take_tiles() {
            if let TilePath::Hashes(tile) = path {
                tiles.insert(tile, bytes).unwrap();
            }
        }
        (WitnessedTree { tree_size: size, root: edge.root() }, tiles)
    }

    fn request(old_size: u64, word: &str, size: u64) -> AddCheckpoint {
        let (tree, tiles) = log_of(word, size);
        let proof =
            if old_size > size { Vec::new() } else { prove_consistency(old_size, size, &tiles).unwrap() };
        let checkpoint = Checkpoint { origin: ORIGIN.into(), tree_size: size, root: tree.root };
        AddCheckpoint { old_size, proof, checkpoint: checkpoint.sign(&[(ORIGIN, &key())]) }
    }

    fn judge(request: &AddCheckpoint, known: WitnessedTree) -> Result<(), WitnessRefusal> {
        let next = request.verify_log(&[verifier()])?;
        request.check_growth(&next.checkpoint, known)
    }

    #[test]
    fn a_log_that_grows_is_cosigned_from_nothing_and_from_any_size() {
        assert_eq!(judge(&request(0, "a", 0), WitnessedTree::empty()), Ok(()));
        assert_eq!(judge(&request(0, "a", 9), WitnessedTree::empty()), Ok(()));
        for (old, new) in [(1, 2), (5, 9), (9, 9), (255, 257), (256, 513)] {
            assert_eq!(judge(&request(old, "a", new), log_of("a", old).0), Ok(()), "{old} to {new}");
        }
    }

    #[test]
    fn what_a_witness_does_not_cosign_is_refused_in_words() {
        let known = log_of("a", 5).0;
        let mut unsigned = request(5, "a", 9);
        unsigned.checkpoint = unsigned.checkpoint.replacen("\n9\n", "\n8\n", 1);
        let mut stranger = request(5, "a", 9);
        let other = Checkpoint { origin: "example.org/other".into(), tree_size: 9, root: known.root };
        stranger.checkpoint = other.sign(&[("example.org/other", &key())]);
        let mut unproven = request(5, "a", 9);
        unproven.proof.pop();
        let mut from_nothing = request(0, "a", 9);
        from_nothing.proof.push(known.root);
        let mut false_empty = request(0, "a", 0);
        let empty = Checkpoint { origin: ORIGIN.into(), tree_size: 0, root: known.root };
        false_empty.checkpoint = empty.sign(&[(ORIGIN, &key())]);
        let cases = [
            (stranger, known),
            (unsigned, known),
            (request(9, "a", 5), log_of("a", 9).0),
            (request(4, "a", 9), known),
            (request(5, "b", 5), known),
            (request(5, "b", 9), known),
            (unproven, known),
            (from_nothing, WitnessedTree::empty()),
            (false_empty, WitnessedTree::empty()),
        ];

        let told: Vec<String> = cases
            .iter()
            .map(|(request, known)| {
                let refusal = judge(request, *known).unwrap_err();
                format!("{}: {refusal}", refusal.code())
            })
            .collect();

        insta::assert_snapshot!(told.join("\n"));
    }
}
