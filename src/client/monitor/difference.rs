//! What a monitor tells: one difference between what the log holds and what the registry says or serves.

use std::fmt;

use serde::Serialize;

use crate::domain::Refusal;

/// A difference, told as a sentence: where, what, and what was expected and found when that can be said.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Difference {
    /// Stable kebab-case code.
    pub code: String,
    /// The log index it is about, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<u64>,
    /// Where: an entry, a file of the log, an index file, a package.
    pub place: String,
    /// What is wrong there.
    pub problem: String,
    /// What should be there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
}

impl Difference {
    /// A difference at a place that is no entry.
    pub(super) fn at(place: impl Into<String>, code: &str, problem: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            index: None,
            place: place.into(),
            problem: problem.into(),
            expected: None,
            found: None,
        }
    }

    /// A refusal of something at a place.
    pub(super) fn refused(place: impl Into<String>, refusal: &impl Refusal) -> Self {
        Self::at(place, refusal.code(), refusal.to_string())
    }

    /// A difference about the entry at `index`, which is about `subject`.
    pub(super) fn of_entry(index: u64, subject: &str, code: &str, problem: impl Into<String>) -> Self {
        let subject = if subject.is_empty() { String::new() } else { format!(" ({subject})") };
        Self { index: Some(index), ..Self::at(format!("entry {index}{subject}"), code, problem) }
    }

    /// The same with what should be there and what is.
    pub(super) fn with(self, expected: impl fmt::Display, found: impl fmt::Display) -> Self {
        Self { expected: Some(expected.to_string()), found: Some(found.to_string()), ..self }
    }

    /// The same about the entry at `index`.
    pub(super) fn about(self, index: u64) -> Self {
        Self { index: Some(index), ..self }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.problem)?;
        if let Some(expected) = &self.expected {
            write!(f, "; expected {expected}")?;
        }
        if let Some(found) = &self.found {
            write!(f, ", found {found}")?;
        }
        Ok(())
    }
}

/// The differences of one run, and whether one is enough.
#[derive(Debug, Default)]
pub(super) struct Findings {
    tell_all: bool,
    told: std::collections::BTreeSet<Difference>,
    fresh: Vec<Difference>,
}

/// Why a run stops early.
#[derive(Debug)]
pub(super) enum Halt {
    /// A difference was found, and one is enough; or nothing behind it can be read.
    Told,
    /// The registry cannot be asked.
    Client(Box<super::ClientError>),
}

impl From<super::ClientError> for Halt {
    fn from(error: super::ClientError) -> Self {
        Self::Client(Box::new(error))
    }
}

impl Findings {
    pub(super) fn new(tell_all: bool) -> Self {
        Self { tell_all, ..Self::default() }
    }

    /// Takes in a difference; one that was told before is not told again.
    pub(super) fn tell(&mut self, difference: Difference) -> Result<(), Halt> {
        if self.told.insert(difference.clone()) {
            self.fresh.push(difference);
        }
        if self.tell_all { Ok(()) } else { Err(Halt::Told) }
    }

    /// Takes in a difference behind which nothing can be read.
    pub(super) fn stop<T>(&mut self, difference: Difference) -> Result<T, Halt> {
        let _one_is_told_anyway = self.tell(difference);
        Err(Halt::Told)
    }

    /// What was not handed out yet.
    pub(super) fn take_fresh(&mut self) -> Vec<Difference> {
        std::mem::take(&mut self.fresh)
    }
}
