//! The transparency log: a Merkle tree over entries (RFC 6962), its tiles, its signed checkpoints and its proofs.
//!
//! The formats are those of C2SP: tlog-tiles, tlog-checkpoint, signed-note, tlog-cosignature, tlog-witness and
//! tlog-proof. Everything here is pure: bytes and hashes in, value or refusal out. An entry is bytes; what
//! Pluginry writes into it belongs to the room that logs.
//!
//! ```
//! use pluginry::log::{Checkpoint, NoteVerifier, SignedCheckpoint, Tiles, TilePath, TreeEdge};
//! use pluginry::log::{leaf_hash, prove_inclusion, verify_inclusion};
//! use pluginry::signing::SecretKey;
//!
//! let key = SecretKey::from_seed(&[7; 32]);
//! let mut edge = TreeEdge::new();
//! for entry in ["one", "two", "three"] {
//!     edge.append(entry.as_bytes()).unwrap();
//! }
//! let mut tiles = Tiles::default();
//! for (path, bytes) in edge.take_tiles() {
//!     if let TilePath::Hashes(tile) = path {
//!         tiles.insert(tile, bytes).unwrap();
//!     }
//! }
//! let checkpoint =
//!     Checkpoint { origin: "example.org/log".into(), tree_size: edge.size(), root: edge.root() };
//! let note = checkpoint.sign(&[("example.org/log", &key)]);
//!
//! let log_key = NoteVerifier::of_log("example.org/log", key.public_key()).unwrap();
//! let read = SignedCheckpoint::parse(&note).unwrap().verify(&[log_key]).unwrap();
//! let proof = prove_inclusion(1, read.tree_size, &tiles).unwrap();
//! verify_inclusion(leaf_hash(b"two"), 1, read.tree_size, read.root, &proof).unwrap();
//! ```

mod checkpoint;
mod edge;
mod entry_bundle;
mod hash;
mod note;
mod proof;
mod proof_text;
#[cfg(test)]
mod tests;
mod tile_path;
mod tiles;
mod verifier;
mod witness;

pub use checkpoint::{Checkpoint, CheckpointError, Cosignature, SignedCheckpoint, cosign};
pub use edge::{EdgeError, EntryTooLarge, TreeEdge};
pub use entry_bundle::{
    ENTRY_MAX_BYTES, EntryBundleError, cut_entry_bundle, read_entry_bundle, write_entry_bundle,
};
pub use hash::{Hash, InvalidHash, empty_root, leaf_hash, node_hash};
pub use note::{NOTE_MAX_BYTES, NoteError, NoteSignature, SIGNATURES_MAX, SignedNote};
pub use proof::{PROOF_HASHES_MAX, ProofError, TREE_SIZE_MAX, verify_consistency, verify_inclusion};
pub use proof_text::{AddCheckpoint, ProofTextError, TlogProof};
pub use tile_path::{EntryBundleId, InvalidTilePath, TILE_WIDTH, TileId, TilePath};
pub use tiles::{
    TileLengthDiffers, Tiles, prove_consistency, prove_inclusion, root, tiles_for_consistency,
    tiles_for_inclusion, tiles_for_root,
};
pub use verifier::{NoteVerifier, SignatureKind, VerifierKeyError, is_key_name};
pub use witness::{WitnessRefusal, Witnessable, WitnessedTree};
