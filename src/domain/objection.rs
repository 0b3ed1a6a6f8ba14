//! What an operator holds against a release: quarantine, takedown, recall.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Refusal, ReleaseId};

/// What an operator did to a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ObjectionKind {
    /// Its package is deleted for good.
    TakenDown,
    /// It is hidden and its package withheld while it is looked at.
    Quarantined,
    /// Hosts are told to stop running it; its package is still handed out.
    Recalled,
}

impl fmt::Display for ObjectionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TakenDown => "taken down",
            Self::Quarantined => "quarantined",
            Self::Recalled => "recalled",
        })
    }
}

/// What an operator did to a release, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Objection {
    /// What.
    pub kind: ObjectionKind,
    /// The reason as the operator gave it.
    pub reason: String,
}

impl Objection {
    /// The gravest of the three that may hold at once.
    pub fn gravest(
        taken_down: &Option<String>,
        quarantined: &Option<String>,
        recalled: &Option<String>,
    ) -> Option<Self> {
        let of = |kind, reason: &Option<String>| reason.clone().map(|reason| Self { kind, reason });
        of(ObjectionKind::TakenDown, taken_down)
            .or_else(|| of(ObjectionKind::Quarantined, quarantined))
            .or_else(|| of(ObjectionKind::Recalled, recalled))
    }
}

/// A release whose package is not handed out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Withheld {
    /// It is being looked at.
    #[error("{release} is quarantined while the operator looks at it: {reason}")]
    Quarantined {
        /// The release.
        release: ReleaseId,
        /// The operator's reason.
        reason: String,
    },
    /// It is gone for good.
    #[error("{release} was taken down by the operator: {reason}")]
    TakenDown {
        /// The release.
        release: ReleaseId,
        /// The operator's reason.
        reason: String,
    },
}

impl Withheld {
    /// Whether an objection keeps the package back; a recall does not.
    pub fn of(release: &ReleaseId, objection: Objection) -> Option<Self> {
        let (release, reason) = (release.clone(), objection.reason);
        match objection.kind {
            ObjectionKind::TakenDown => Some(Self::TakenDown { release, reason }),
            ObjectionKind::Quarantined => Some(Self::Quarantined { release, reason }),
            ObjectionKind::Recalled => None,
        }
    }
}

impl Refusal for Withheld {
    fn code(&self) -> &'static str {
        match self {
            Self::Quarantined { .. } => "release-quarantined",
            Self::TakenDown { .. } => "release-taken-down",
        }
    }

    fn mend(&self) -> Option<String> {
        Some(match self {
            Self::Quarantined { .. } => {
                "Use another release, or ask again once the operator has decided.".into()
            }
            Self::TakenDown { .. } => {
                "Use another release: its package is deleted, and only its entry in the log stays.".into()
            }
        })
    }
}
