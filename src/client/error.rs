//! How talking to a registry, or checking what it sent, fails.

use std::fmt;
use std::path::PathBuf;

use super::contact_refusal::ContactRefusal;
use crate::domain::Refusal;
use crate::domain::api::ProblemBody;
use crate::trust::{StepFailure, StepRefusal};
use crate::wasm::Finding;

/// What a registry refused, in its own words.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// The HTTP status.
    pub status: u16,
    /// The whole body.
    pub body: ProblemBody,
}

/// Why a call of the client failed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The registry's address is no http or https URL.
    #[error("{url:?} is not the address of a registry: {problem}")]
    InvalidRegistry {
        /// As given.
        url: String,
        /// What is wrong with it.
        problem: String,
    },
    /// No connection, or it broke.
    #[error("cannot reach {url}: {problem}")]
    Unreachable {
        /// What was asked for.
        url: String,
        /// What the network says.
        problem: String,
    },
    /// The registry said no.
    #[error("{}{}", .0.body.detail, request_id(&.0.body))]
    Refused(Box<Problem>),
    /// An answer no registry gives.
    #[error("{url} did not answer like a registry (status {status}): {problem}")]
    UnexpectedAnswer {
        /// What was asked for.
        url: String,
        /// The HTTP status.
        status: u16,
        /// What is wrong with the answer.
        problem: String,
    },
    /// A file that could not be read or written.
    #[error("cannot use {}: {problem}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        problem: String,
    },
    /// The registry contradicts what it showed before.
    #[error("{0}")]
    Contact(Box<ContactRefusal>),
    /// Packages that did not pass every step; nothing was placed.
    #[error("{}", lines(.0))]
    Steps(Vec<StepFailure>),
}

/// Shown for the server's own faults alone: elsewhere the reason says it all.
fn request_id(body: &ProblemBody) -> String {
    body.request_id
        .as_ref()
        .filter(|_id| body.status >= 500)
        .map(|id| format!(" (request {id})"))
        .unwrap_or_default()
}

fn lines(failures: &[StepFailure]) -> String {
    failures.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

impl ClientError {
    /// The stable code: the registry's own for what it refused.
    pub fn code(&self) -> &str {
        match self {
            Self::InvalidRegistry { .. } => "invalid-registry-address",
            Self::Unreachable { .. } => "registry-unreachable",
            Self::Refused(problem) => &problem.body.code,
            Self::UnexpectedAnswer { .. } => "unexpected-answer",
            Self::File { .. } => "file-error",
            Self::Contact(refusal) => refusal.code(),
            Self::Steps(failures) => failures.first().map_or("step-failed", Refusal::code),
        }
    }

    /// What to do about it.
    pub fn mend(&self) -> Option<String> {
        match self {
            Self::InvalidRegistry { .. } => Some("Give it like https://plugins.example.org.".into()),
            Self::Unreachable { .. } => {
                Some("Check the address (--registry or PLUGINRY_REGISTRY) and that the server runs.".into())
            }
            Self::Refused(problem) => problem.body.mend.clone(),
            Self::UnexpectedAnswer { .. } => {
                Some("Check that the address is the one of a Pluginry registry.".into())
            }
            Self::File { .. } => None,
            Self::Contact(refusal) => refusal.mend(),
            Self::Steps(failures) => failures.first().and_then(Refusal::mend),
        }
    }

    /// The findings of a refused inspection behind the first, which is the refusal itself.
    pub fn further_findings(&self) -> Vec<Finding> {
        let Self::Refused(problem) = self else { return Vec::new() };
        let refusals = problem.body.extras.get("inspection").and_then(|report| report.get("refusals"));
        let findings: Vec<Finding> =
            refusals.and_then(|list| serde_json::from_value(list.clone()).ok()).unwrap_or_default();
        findings.into_iter().skip(1).collect()
    }

    /// The HTTP status of a refusal.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused(problem) => Some(problem.status),
            Self::UnexpectedAnswer { status, .. } => Some(*status),
            _ => None,
        }
    }

    pub(super) fn file(path: impl Into<PathBuf>, error: impl fmt::Display) -> Self {
        Self::File { path: path.into(), problem: error.to_string() }
    }
}

impl From<ContactRefusal> for ClientError {
    fn from(refusal: ContactRefusal) -> Self {
        Self::Contact(Box::new(refusal))
    }
}

/// What a step needed could not be had.
impl From<ClientError> for StepRefusal {
    fn from(error: ClientError) -> Self {
        let code = match &error {
            ClientError::File { .. } => "file-error",
            ClientError::Contact(refusal) => refusal.code(),
            _ => "registry-refused",
        };
        Self::NotObtained { code, problem: error.to_string(), mend: error.mend() }
    }
}
