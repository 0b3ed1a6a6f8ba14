//! Proofs as text: a proof to carry away (c2sp.org/tlog-proof) and what a witness is asked (c2sp.org/tlog-witness).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::checkpoint::{CheckpointError, SignedCheckpoint, parse_decimal};
use super::hash::Hash;
use super::note::NOTE_MAX_BYTES;
use super::proof::TREE_SIZE_MAX;
use crate::domain::Refusal;

const PROOF_HEADER: &str = "c2sp.org/tlog-proof@v1";

/// The most lines of hashes in either text.
const HASH_LINES_MAX: usize = 63;

/// The most bytes of extra data in a proof to carry away.
const EXTRA_MAX_BYTES: usize = 64 * 1024;

/// The largest text that is read: a note, extra data in base64, and the lines of hashes.
const TEXT_MAX_BYTES: usize = 2 * NOTE_MAX_BYTES + EXTRA_MAX_BYTES;

/// Why a text is not a proof.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofTextError {
    /// Over the size bound.
    #[error("the text is {size_bytes} bytes; at most {TEXT_MAX_BYTES} are read")]
    TooLarge {
        /// Its size.
        size_bytes: usize,
    },
    /// A line is not what it should be.
    #[error("this is not {expected}: {problem}")]
    Malformed {
        /// What the text should be.
        expected: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// What follows the proof is not a checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
}

impl Refusal for ProofTextError {
    fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "proof-text-too-large",
            Self::Malformed { .. } => "proof-text-malformed",
            Self::Checkpoint(error) => error.code(),
        }
    }

    fn mend(&self) -> Option<String> {
        match self {
            Self::TooLarge { .. } => {
                Some("Leave out extra data and the signatures of witnesses nobody relies on.".into())
            }
            Self::Malformed { .. } => Some(
                "Pass it byte for byte; c2sp.org/tlog-proof and c2sp.org/tlog-witness say how it is written."
                    .into(),
            ),
            Self::Checkpoint(error) => error.mend(),
        }
    }
}

/// A proof to carry away: this entry is in the log of this checkpoint. `Display` and [`TlogProof::parse`] are its
/// text form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlogProof {
    /// Opaque data beside it, which nothing vouches for.
    pub extra: Option<Vec<u8>>,
    /// The zero-based index of the entry.
    pub index: u64,
    /// The inclusion proof, from the leaf's sibling up.
    pub hashes: Vec<Hash>,
    /// The signed note of the checkpoint, byte for byte.
    pub checkpoint: String,
}

impl TlogProof {
    /// Reads the text. Verifies nothing.
    pub fn parse(text: &str) -> Result<Self, ProofTextError> {
        let mut reader = Reader::new(text, "a proof of inclusion (c2sp.org/tlog-proof@v1)")?;
        if reader.line()? != PROOF_HEADER {
            return Err(reader.malformed("its first line is another"));
        }
        let mut line = reader.line()?;
        let mut extra = None;
        if let Some(digits) = line.strip_prefix("extra ") {
            let bytes = STANDARD.decode(digits).ok().filter(|bytes| bytes.len() <= EXTRA_MAX_BYTES);
            extra = Some(bytes.ok_or(reader.malformed("its extra data is not base64, or too long"))?);
            line = reader.line()?;
        }
        let index = line
            .strip_prefix("index ")
            .and_then(parse_decimal)
            .filter(|&index| index < TREE_SIZE_MAX)
            .ok_or(reader.malformed("it has no index line"))?;
        let hashes = reader.hashes()?;
        Ok(Self { extra, index, hashes, checkpoint: reader.checkpoint()? })
    }
}

impl fmt::Display for TlogProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{PROOF_HEADER}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", STANDARD.encode(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        self.hashes.iter().try_for_each(|hash| writeln!(f, "{hash}"))?;
        write!(f, "\n{}", self.checkpoint)
    }
}

/// What a log asks of a witness: cosign this checkpoint, which contains the one you know. The body of
/// `POST /add-checkpoint`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// The size of the checkpoint the witness cosigned last.
    pub old_size: u64,
    /// The consistency proof from there.
    pub proof: Vec<Hash>,
    /// The signed note of the checkpoint, byte for byte.
    pub checkpoint: String,
}

impl AddCheckpoint {
    /// Reads the body. Verifies nothing.
    pub fn parse(text: &str) -> Result<Self, ProofTextError> {
        let mut reader = Reader::new(text, "a request for a cosignature (c2sp.org/tlog-witness)")?;
        let old_size = reader
            .line()?
            .strip_prefix("old ")
            .and_then(parse_decimal)
            .filter(|&size| size <= TREE_SIZE_MAX)
            .ok_or(reader.malformed("its first line is not the old size"))?;
        let proof = reader.hashes()?;
        Ok(Self { old_size, proof, checkpoint: reader.checkpoint()? })
    }
}

impl fmt::Display for AddCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "old {}", self.old_size)?;
        self.proof.iter().try_for_each(|hash| writeln!(f, "{hash}"))?;
        write!(f, "\n{}", self.checkpoint)
    }
}

/// Reads line by line.
struct Reader<'a> {
    rest: &'a str,
    expected: &'static str,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str, expected: &'static str) -> Result<Self, ProofTextError> {
        if text.len() > TEXT_MAX_BYTES {
            return Err(ProofTextError::TooLarge { size_bytes: text.len() });
        }
        Ok(Self { rest: text, expected })
    }

    fn malformed(&self, problem: &'static str) -> ProofTextError {
        ProofTextError::Malformed { expected: self.expected, problem }
    }

    fn line(&mut self) -> Result<&'a str, ProofTextError> {
        let (line, rest) =
            self.rest.split_once('\n').ok_or(self.malformed("it ends before its checkpoint"))?;
        self.rest = rest;
        Ok(line)
    }

    /// The hashes up to the empty line.
    fn hashes(&mut self) -> Result<Vec<Hash>, ProofTextError> {
        let mut hashes = Vec::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                return Ok(hashes);
            }
            if hashes.len() == HASH_LINES_MAX {
                return Err(self.malformed("it has more than 63 lines of hashes"));
            }
            hashes.push(line.parse().map_err(|_| self.malformed("a line of its proof is not a hash"))?);
        }
    }

    /// The rest, which must be a checkpoint.
    fn checkpoint(self) -> Result<String, ProofTextError> {
        SignedCheckpoint::parse(self.rest)?;
        Ok(self.rest.to_owned())
    }
}
