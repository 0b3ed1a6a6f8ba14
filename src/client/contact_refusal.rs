//! Why a registry is not believed any more: it contradicts what it showed before, or what everybody can check.

use super::memory::MemoryError;
use crate::domain::{Refusal, Timestamp};
use crate::log::Checkpoint;
use crate::trust::{StatementError, StepRefusal, TrustChainError};

/// Why a contact with a registry ended. Nothing is remembered of it.
#[derive(Debug, thiserror::Error)]
pub enum ContactRefusal {
    /// Other keys than the pinned ones.
    #[error("{error}\n{keys}")]
    TrustChanged {
        /// Which rule it breaks.
        error: TrustChainError,
        /// The pinned keys and those shown, a line each.
        keys: String,
        /// The registry's address.
        registry: String,
    },
    /// A trust document that does not hold even without a pinned one.
    #[error("{0}")]
    Trust(#[from] TrustChainError),
    /// A checkpoint that is not the log's.
    #[error("the registry's checkpoint is refused: {0}")]
    Checkpoint(Box<StepRefusal>),
    /// Two histories.
    #[error(
        "the log of {} forked: it shows a history that is not the one remembered\nremembered: {} entries, root {}\nshown now: {} entries, root {}",
        known.origin, known.tree_size, known.root, seen.tree_size, seen.root
    )]
    LogForked {
        /// The head remembered.
        known: Box<Checkpoint>,
        /// The head shown.
        seen: Box<Checkpoint>,
        /// The registry's address.
        registry: String,
    },
    /// Fewer entries than before.
    #[error("the log of {} went back: remembered are {remembered} entries, it shows {}", seen.origin, seen.tree_size)]
    LogRolledBack {
        /// How many entries are remembered.
        remembered: u64,
        /// The head shown.
        seen: Box<Checkpoint>,
    },
    /// Tiles that do not belong to the signed head.
    #[error("the log's tiles are damaged, so that its history cannot be checked: {problem}")]
    TilesDamaged {
        /// What is wrong with them.
        problem: String,
    },
    /// The recall feed is not the registry's.
    #[error("{0}")]
    Recalls(StatementError),
    /// A recall feed beyond its end.
    #[error(
        "the recall feed was good until {expired_at}, and it is {now}: what was recalled since is not known"
    )]
    RecallsExpired {
        /// Until when it was good.
        expired_at: Timestamp,
        /// The time.
        now: Timestamp,
    },
    /// An older recall feed, or one that takes back what cannot be taken back.
    #[error("the recall feed went back: {problem}")]
    RecallsRolledBack {
        /// What was remembered and what was shown.
        problem: String,
    },
    /// An answer of an older log than the registry's own checkpoint.
    #[error(
        "the {what} is of a log of {found} entries, but the registry's log has {known}: it may hide what happened since"
    )]
    Outdated {
        /// What was answered.
        what: &'static str,
        /// Size of the log it was made from.
        found: u64,
        /// Size of the log.
        known: u64,
    },
    /// The lock is not an answer to what was asked.
    #[error("the lock is not what was asked for: {problem}")]
    LockDiffers {
        /// The part that differs.
        problem: String,
    },
    /// The memory is of no use.
    #[error(transparent)]
    Memory(#[from] MemoryError),
}

impl From<StepRefusal> for ContactRefusal {
    fn from(refusal: StepRefusal) -> Self {
        Self::Checkpoint(Box::new(refusal))
    }
}

impl Refusal for ContactRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::TrustChanged { error, .. } | Self::Trust(error) => error.code(),
            Self::Checkpoint(refusal) => refusal.code(),
            Self::LogForked { .. } => "log-forked",
            Self::LogRolledBack { .. } => "log-rolled-back",
            Self::TilesDamaged { .. } => "log-tiles-damaged",
            Self::Recalls(error) => error.code(),
            Self::RecallsExpired { .. } => "recalls-expired",
            Self::RecallsRolledBack { .. } => "recalls-rolled-back",
            Self::Outdated { .. } => "answer-outdated",
            Self::LockDiffers { .. } => "lock-differs",
            Self::Memory(error) => error.code(),
        }
    }

    fn mend(&self) -> Option<String> {
        Some(match self {
            Self::Trust(error) => return error.mend(),
            Self::Checkpoint(refusal) => return refusal.mend(),
            Self::Recalls(error) => return error.mend(),
            Self::Memory(error) => return error.mend(),
            Self::TrustChanged { registry, .. } => format!(
                "Do not go on: ask the operator, by another way than this registry, whether its keys are these. Only then `pluginry trust forget --registry {registry}`, and the next contact pins the new ones."
            ),
            Self::LogForked { registry, .. } => format!(
                "Do not load anything from it: it tells different people different things. Keep both checkpoints (`pluginry trust show --json --registry {registry}` has the remembered one) and show them to its operator, its witnesses and other users."
            ),
            Self::LogRolledBack { .. } | Self::RecallsRolledBack { .. } => {
                "Do not go on: somebody shows an old answer, or the registry was restored from an old copy. Try again in a minute in case a cache lags; if it stays so, ask its operator by another way.".into()
            }
            Self::TilesDamaged { .. } => {
                "Try again; if it stays so, tell the registry's operator: a log that cannot be checked is not believed.".into()
            }
            Self::RecallsExpired { .. } => {
                "Look at this machine's clock. If it is right, somebody shows an old answer, or the registry no longer signs: ask its operator.".into()
            }
            Self::Outdated { .. } => {
                "Try again in a minute in case one of the registry's servers lags; if it stays so, somebody replays an old answer: ask its operator.".into()
            }
            Self::LockDiffers { .. } => {
                "Do not use it: somebody changed the answer. Tell the registry's operator.".into()
            }
        })
    }
}
