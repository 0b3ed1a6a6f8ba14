//! What an operator holds against a release: quarantine, takedown, recall.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::manifest::is_deceptive;
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

/// The longest a reason may be, in characters: it stands in pages, feeds and one-line messages.
const REASON_MAX: usize = 500;

/// Why an operator acted, on one line, for everybody to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason(String);

/// Why a text is no reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReasonError {
    /// There is none.
    #[error("the reason is empty")]
    Missing,
    /// Over the bound.
    #[error("the reason is {length} characters long; at most {REASON_MAX} are allowed")]
    TooLong {
        /// Its length.
        length: usize,
    },
    /// It would not be shown as it is written.
    #[error("the reason holds the character U+{code_point:04X}, which is not shown as it is written")]
    Deceptive {
        /// The first such character.
        code_point: u32,
    },
}

impl Refusal for ReasonError {
    fn code(&self) -> &'static str {
        match self {
            Self::Missing => "reason-missing",
            Self::TooLong { .. } => "reason-too-long",
            Self::Deceptive { .. } => "reason-deceptive",
        }
    }

    fn mend(&self) -> Option<String> {
        Some(match self {
            Self::Missing => "Say why in a sentence: authors, hosts and the log are told.".into(),
            Self::TooLong { .. } => "Shorten it to one or two sentences and link to the rest.".into(),
            Self::Deceptive { .. } => "Write it on one line, in plain characters.".into(),
        })
    }
}

impl Reason {
    /// The reason as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for Reason {
    type Err = ReasonError;

    fn from_str(text: &str) -> Result<Self, ReasonError> {
        let text = text.trim();
        let length = text.chars().count();
        if length == 0 {
            return Err(ReasonError::Missing);
        }
        if length > REASON_MAX {
            return Err(ReasonError::TooLong { length });
        }
        match text.chars().find(|character| is_deceptive(*character)) {
            Some(character) => Err(ReasonError::Deceptive { code_point: u32::from(character) }),
            None => Ok(Self(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_line_that_reads_as_it_is_written() {
        let told = |text: &str| match text.parse::<Reason>() {
            Ok(reason) => reason.as_str().to_owned(),
            Err(error) => format!("{}: {error}\n  {}", error.code(), error.mend().unwrap()),
        };

        let reasons = [
            told("  mines coins while it renders "),
            told(" "),
            told(&"ä".repeat(501)),
            told("two\nlines"),
            told("evil \u{202e}txt.exe"),
        ];

        insta::assert_snapshot!(reasons.join("\n"));
    }

    #[test]
    fn the_gravest_objection_counts_and_a_recall_withholds_nothing() {
        let release: ReleaseId = "acme:miner@1.0.0".parse().unwrap();
        let some = |text: &str| Some(text.to_owned());
        let told = |objection: Option<Objection>| {
            let objection = objection.unwrap();
            let withheld = Withheld::of(&release, objection.clone());
            let words = withheld
                .map(|withheld| format!("{}: {withheld}\n  {}", withheld.code(), withheld.mend().unwrap()));
            format!("{} ({})\n{}", objection.kind, objection.reason, words.unwrap_or_default())
        };

        let objections = [
            told(Objection::gravest(&some("malware"), &some("odd"), &some("leaks"))),
            told(Objection::gravest(&None, &some("odd"), &some("leaks"))),
            told(Objection::gravest(&None, &None, &some("leaks"))),
        ];

        insta::assert_snapshot!(objections.join("\n"));
    }
}
