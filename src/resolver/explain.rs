//! Saying why there is no lock, in the words of a person.

use crate::domain::Refusal;

/// Why there is no lock.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ResolveFailure {
    /// The signal to stop came before an answer was found.
    #[error("no set of releases was found in the time allowed")]
    Deadline,
}

impl ResolveFailure {
    /// The derivation behind the explanation, for programs; `None` where there was nothing to derive.
    pub fn derivation(&self) -> Option<&serde_json::Value> {
        None
    }
}

impl Refusal for ResolveFailure {
    fn code(&self) -> &'static str {
        "resolve-deadline"
    }
}
