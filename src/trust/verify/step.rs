//! The steps between what a registry answers and a package a host may load, and how one fails.

use std::fmt;

use serde::{Serialize, Serializer};

use super::StepRefusal;
use crate::domain::{Refusal, ReleaseId};

/// The steps, in the order they are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// The log's key signed the checkpoint, and enough witnesses did.
    Checkpoint,
    /// Everything the bundle says was logged is in the tree of that checkpoint.
    Inclusion,
    /// The bytes have the length and the digest that were logged and locked, and are a package of that release.
    Digest,
    /// The registry signed a verdict about these bytes, by a policy the host accepts.
    Verdict,
    /// The author signed them, with a key that counted when they were published.
    Signature,
    /// What they import, and what they ask for, is within what the host granted.
    Imports,
    /// The release is old enough, and nobody took it back.
    Standing,
}

impl Step {
    /// Every step, in order.
    pub const ALL: [Self; 7] = [
        Self::Checkpoint,
        Self::Inclusion,
        Self::Digest,
        Self::Verdict,
        Self::Signature,
        Self::Imports,
        Self::Standing,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Checkpoint => "log key and checkpoint",
            Self::Inclusion => "inclusion",
            Self::Digest => "digest and length",
            Self::Verdict => "verdict and policy",
            Self::Signature => "author signature",
            Self::Imports => "imports within grants",
            Self::Standing => "age, yank, recall",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "step {} of {}, {}", *self as usize + 1, Self::ALL.len(), self.name())
    }
}

impl Serialize for Step {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// A step that passed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckedStep {
    /// Which.
    pub step: Step,
    /// What it rests on.
    pub evidence: String,
}

/// A release that did not pass a step.
#[derive(Debug, thiserror::Error)]
#[error("{release}: {step}: {refusal}")]
pub struct StepFailure {
    /// The release.
    pub release: ReleaseId,
    /// The step that failed.
    pub step: Step,
    /// Why.
    pub refusal: Box<StepRefusal>,
}

impl StepRefusal {
    /// The failure of `release` at `step`.
    pub fn at(self, step: Step, release: &ReleaseId) -> StepFailure {
        StepFailure { release: release.clone(), step, refusal: Box::new(self) }
    }
}

impl Refusal for StepFailure {
    fn code(&self) -> &'static str {
        self.refusal.code()
    }

    fn mend(&self) -> Option<String> {
        self.refusal.mend()
    }
}
