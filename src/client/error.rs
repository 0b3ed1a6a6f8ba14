//! How talking to a registry, or checking what it sent, fails.

use std::fmt;
use std::path::PathBuf;

use crate::domain::api::ProblemBody;
use crate::domain::{CapabilityName, Digest, Refusal, ReleaseId, Scope};
use crate::signing::{KeyId, SigningError};
use crate::wasm::{DeriveError, Finding, PackageError};

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

/// The steps between a lock and a file a host may load, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// The bytes have the size and the digest of the lock.
    Digest,
    /// They are a package of that very release.
    Manifest,
    /// The author signed them with a key that counts.
    Signature,
    /// What they import, and what they ask for, is within what the host granted.
    Imports,
    /// The file is in its place, whole.
    Place,
}

impl Step {
    /// Every step, in order.
    pub const ALL: [Self; 5] = [Self::Digest, Self::Manifest, Self::Signature, Self::Imports, Self::Place];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Digest => "digest",
            Self::Manifest => "manifest",
            Self::Signature => "author signature",
            Self::Imports => "imports within grants",
            Self::Place => "place",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "step {} of {}, {}", *self as usize + 1, Self::ALL.len(), self.name())
    }
}

/// A package that did not pass a step.
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

impl Refusal for StepFailure {
    fn code(&self) -> &'static str {
        self.refusal.code()
    }

    fn mend(&self) -> Option<String> {
        self.refusal.mend()
    }
}

/// Why a step did not pass.
#[derive(Debug, thiserror::Error)]
pub enum StepRefusal {
    /// The registry could not be asked, or said no.
    #[error("{0}")]
    Registry(Box<ClientError>),
    /// More or fewer bytes than the lock says.
    #[error("the package has {found} bytes, the lock says {expected}")]
    SizeDiffers {
        /// By the lock.
        expected: u64,
        /// As received, counted until it was too much.
        found: String,
    },
    /// Other bytes than the lock says.
    #[error("the package has digest {found}, expected was {expected}")]
    DigestDiffers {
        /// By the lock or bundle.
        expected: Digest,
        /// Of the bytes.
        found: Digest,
    },
    /// Not a package.
    #[error("{0}")]
    Package(#[from] PackageError),
    /// A package of another release.
    #[error("the package says that it is {found}")]
    AnotherRelease {
        /// By its manifest or bundle.
        found: ReleaseId,
    },
    /// The bundle speaks about something else than the package.
    #[error("the bundle's {what} is not the one of the package")]
    BundleDiffers {
        /// Which part.
        what: &'static str,
    },
    /// Signed by another key than the lock pins.
    #[error("it is signed by key {found}, the lock pins key {expected}")]
    SignerDiffers {
        /// By the lock.
        expected: String,
        /// By the bundle.
        found: String,
    },
    /// Signed by a key the host does not trust for this namespace.
    #[error("it is signed by key {found}, which your trust file does not name for this namespace")]
    SignerNotTrusted {
        /// The key.
        found: KeyId,
    },
    /// The signature does not count.
    #[error("{0}")]
    Signing(#[from] SigningError),
    /// The signed statement says something else than the manifest.
    #[error("the author's statement says {what} that differ from the package's manifest")]
    StatementDiffers {
        /// Which part.
        what: &'static str,
    },
    /// The host's contract is not known here, so the imports cannot be judged.
    #[error("the host profile {profile} is not known to this program")]
    UnknownProfile {
        /// The profile.
        profile: ReleaseId,
    },
    /// The imports do not fit the host's contract.
    #[error("{0}")]
    Imports(Box<DeriveError>),
    /// Something it imports needs a power that its manifest does not ask for.
    #[error("it imports {imports}, which needs `{capability}`, and its manifest does not ask for that")]
    NotDeclared {
        /// The power.
        capability: CapabilityName,
        /// The imports that need it.
        imports: String,
    },
    /// It needs or asks for a power the host did not grant.
    #[error("it needs `{capability}`{because}, which the lock does not grant")]
    NotGranted {
        /// The power.
        capability: CapabilityName,
        /// ` for <imports>`, or nothing.
        because: String,
    },
    /// It asks for a wider scope than the host granted.
    #[error("it asks for `{capability}` ({asked}), granted is only ({granted})")]
    ScopeNotGranted {
        /// The power.
        capability: CapabilityName,
        /// By its manifest.
        asked: Scope,
        /// By the lock.
        granted: Scope,
    },
    /// A file that could not be written.
    #[error("cannot write {}: {problem}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        problem: String,
    },
}

impl From<DeriveError> for StepRefusal {
    fn from(error: DeriveError) -> Self {
        Self::Imports(Box::new(error))
    }
}

impl From<ClientError> for StepRefusal {
    fn from(error: ClientError) -> Self {
        Self::Registry(Box::new(error))
    }
}

impl StepRefusal {
    pub(super) fn at(self, step: Step, release: &ReleaseId) -> StepFailure {
        StepFailure { release: release.clone(), step, refusal: Box::new(self) }
    }
}

impl Refusal for StepRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::Registry(_) => "registry-refused",
            Self::SizeDiffers { .. } => "size-differs",
            Self::DigestDiffers { .. } => "digest-differs",
            Self::Package(error) => error.code(),
            Self::AnotherRelease { .. } => "another-release",
            Self::BundleDiffers { .. } => "bundle-differs",
            Self::SignerDiffers { .. } => "signer-differs",
            Self::SignerNotTrusted { .. } => "signer-not-trusted",
            Self::Signing(error) => error.code(),
            Self::StatementDiffers { .. } => "statement-differs",
            Self::UnknownProfile { .. } => "unknown-profile",
            Self::Imports(error) => error.code(),
            Self::NotDeclared { .. } => "import-not-declared",
            Self::NotGranted { .. } => "capability-not-granted",
            Self::ScopeNotGranted { .. } => "scope-not-granted",
            Self::File { .. } => "file-error",
        }
    }

    fn mend(&self) -> Option<String> {
        match self {
            Self::Registry(error) => error.mend(),
            Self::UnknownProfile { profile } => Some(format!(
                "Give the contract of your host with --profile-file; it must be {profile}. The registry's own copy is not believed."
            )),
            Self::Imports(error) => error.mend(),
            Self::Package(PackageError::TooLarge { .. }) => {
                Some("Nothing this large is loaded; choose another release.".into())
            }
            Self::NotGranted { .. } | Self::ScopeNotGranted { .. } => Some(
                "Do not load it. If the power is meant to be given, resolve again with a matching --grant.".into(),
            ),
            Self::SignerNotTrusted { .. } => {
                Some("If you know the author's key, add it to the trust file; otherwise do not load it.".into())
            }
            Self::File { .. } => None,
            _ => Some("Do not load it: what was received is not what was locked or signed. Tell the registry's operator.".into()),
        }
    }
}
