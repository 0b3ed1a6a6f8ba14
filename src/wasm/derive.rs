//! Which capabilities the bytes themselves need: the host's last check before loading.

use std::collections::BTreeMap;

use super::contract::{Contract, Judgement, label};
use super::surface::{SurfaceError, read_surface};
use crate::domain::{CapabilityName, HostProfile, Refusal, ReleaseId};

/// Why the needs of a package cannot be derived; then it must not be loaded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeriveError {
    /// The bytes cannot be read.
    #[error("the package's imports cannot be read: {problem}")]
    Unreadable {
        /// What is wrong.
        problem: String,
    },
    /// The host does not load this kind of package.
    #[error("{profile} does not load a {kind}")]
    WrongKind {
        /// The profile.
        profile: Box<ReleaseId>,
        /// What the bytes are.
        kind: super::PackageKind,
    },
    /// The profile does not offer an import.
    #[error("the package imports `{import}`, which {profile} does not offer")]
    UnknownImport {
        /// The import.
        import: String,
        /// The profile.
        profile: Box<ReleaseId>,
        /// The nearest import the profile offers.
        nearest: Option<String>,
    },
    /// The profile offers an import with another type.
    #[error("the package imports `{import}` as {found}; {profile} offers {expected}")]
    TypeMismatch {
        /// The import.
        import: String,
        /// The profile.
        profile: Box<ReleaseId>,
        /// What the profile offers.
        expected: String,
        /// What the package imports.
        found: String,
    },
    /// The profile's WIT text cannot be read.
    #[error("the WIT of {profile} cannot be read: {problem}")]
    ProfileUnreadable {
        /// The profile.
        profile: Box<ReleaseId>,
        /// What the parser says.
        problem: String,
    },
}

impl Refusal for DeriveError {
    fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "wasm-invalid",
            Self::WrongKind { .. } => "abi-mismatch",
            Self::UnknownImport { .. } => "unknown-import",
            Self::TypeMismatch { .. } => "import-type-mismatch",
            Self::ProfileUnreadable { .. } => "profile-wit-invalid",
        }
    }

    fn mend(&self) -> Option<String> {
        Some(match self {
            Self::Unreadable { .. } => "Fetch the package again and compare its digest.".into(),
            Self::WrongKind { .. } | Self::TypeMismatch { .. } => {
                "Choose a release that was made for this host profile.".into()
            }
            Self::UnknownImport { nearest: Some(nearest), .. } => {
                format!(
                    "Choose a release made for this host profile; the nearest import it offers is `{nearest}`."
                )
            }
            Self::UnknownImport { nearest: None, .. } => {
                "Choose a release that was made for this host profile.".into()
            }
            Self::ProfileUnreadable { .. } => "Correct `wit` in the profile document.".into(),
        })
    }
}

impl From<SurfaceError> for DeriveError {
    fn from(error: SurfaceError) -> Self {
        Self::Unreadable { problem: error.to_string() }
    }
}

/// The capabilities that a package's imports need under a profile, each with the imports that need it.
///
/// Reads the bytes alone: neither the manifest nor anything a registry said can narrow the answer.
pub fn derive_capabilities(
    bytes: &[u8],
    profile: &HostProfile,
) -> Result<BTreeMap<CapabilityName, Vec<String>>, DeriveError> {
    let contract = Contract::new(profile)
        .map_err(|problem| DeriveError::ProfileUnreadable { profile: Box::new(profile.id()), problem })?;
    let surface = read_surface(bytes)?;
    if !contract.loads(surface.kind) {
        return Err(DeriveError::WrongKind { profile: Box::new(profile.id()), kind: surface.kind });
    }
    let mut needed: BTreeMap<CapabilityName, Vec<String>> = BTreeMap::new();
    for import in &surface.imports {
        match contract.judge(import) {
            Judgement::Offered { needs } => {
                for capability in needs {
                    needed.entry(capability).or_default().push(label(import));
                }
            }
            Judgement::Unknown => {
                return Err(DeriveError::UnknownImport {
                    import: label(import),
                    profile: Box::new(profile.id()),
                    nearest: contract.nearest(import),
                });
            }
            Judgement::Different { expected, found } => {
                return Err(DeriveError::TypeMismatch {
                    import: label(import),
                    profile: Box::new(profile.id()),
                    expected,
                    found,
                });
            }
        }
    }
    Ok(needed)
}
