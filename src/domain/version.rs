//! Versions of releases and requirements on them, in the syntax of the `semver` crate.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::name::serde_as_text;
use super::{NameError, PluginName, Refusal};

const TEXT_MAX: usize = 256;

/// Why a text is not a version or a requirement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VersionError {
    /// Not semver.
    #[error("{text:?} is not a semantic version: {problem}")]
    NotSemver {
        /// The text as given, cut to a bounded length.
        text: String,
        /// What the parser says.
        problem: String,
    },
    /// Build metadata is refused: OCI tags cannot hold it and it would not order.
    #[error("version {text:?} carries build metadata (the part behind `+`)")]
    BuildMetadata {
        /// The text as given.
        text: String,
    },
    /// Not a requirement.
    #[error("{text:?} is not a version requirement: {problem}")]
    NotRequirement {
        /// The text as given, cut to a bounded length.
        text: String,
        /// What the parser says.
        problem: String,
    },
    /// Over the length bound.
    #[error("a version or requirement of {length} bytes is too long; at most {TEXT_MAX} are allowed")]
    TooLong {
        /// Length in bytes.
        length: usize,
    },
}

/// Why a text is not of the form `namespace:name@version`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReleaseIdError {
    /// The separating `@` is missing.
    #[error("{text:?} is not of the form namespace:name@version")]
    NotVersioned {
        /// The text as given, cut to a bounded length.
        text: String,
    },
    /// The name is not one.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The version is not one.
    #[error(transparent)]
    Version(#[from] VersionError),
}

impl Refusal for ReleaseIdError {
    fn code(&self) -> &'static str {
        match self {
            Self::NotVersioned { .. } => "invalid-release",
            Self::Name(error) => error.code(),
            Self::Version(error) => error.code(),
        }
    }

    fn mend(&self) -> Option<String> {
        match self {
            Self::NotVersioned { .. } => Some("Write it like acme:markdown@1.2.0.".into()),
            Self::Name(error) => error.mend(),
            Self::Version(error) => error.mend(),
        }
    }
}

impl Refusal for VersionError {
    fn code(&self) -> &'static str {
        match self {
            Self::NotSemver { .. } => "invalid-version",
            Self::BuildMetadata { .. } => "build-metadata",
            Self::NotRequirement { .. } => "invalid-requirement",
            Self::TooLong { .. } => "version-too-long",
        }
    }

    fn mend(&self) -> Option<String> {
        Some(match self {
            Self::NotSemver { .. } => "Write it as MAJOR.MINOR.PATCH, like 1.2.0 or 1.2.0-rc.1.".into(),
            Self::BuildMetadata { .. } => {
                "Drop the part behind `+`, or use a pre-release such as 1.2.0-rc.1.".into()
            }
            Self::NotRequirement { .. } => "Write it like ^1.2, ~1.2.3, >=1.0, <2.0 or *.".into(),
            Self::TooLong { .. } => "Shorten it.".into(),
        })
    }
}

/// The version of a release: semver without build metadata.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(semver::Version);

impl Version {
    /// A plain `major.minor.patch` version.
    pub fn new(major: u64, minor: u64, patch: u64) -> Self {
        Self(semver::Version::new(major, minor, patch))
    }

    /// The parsed semver value.
    pub fn as_semver(&self) -> &semver::Version {
        &self.0
    }

    /// Whether it carries a pre-release part such as `-rc.1`.
    pub fn is_pre_release(&self) -> bool {
        !self.0.pre.is_empty()
    }

    /// Whether `self` differs from `earlier` in the patch number alone.
    pub fn is_patch_of(&self, earlier: &Self) -> bool {
        self.0.major == earlier.0.major && self.0.minor == earlier.0.minor && self.0.patch > earlier.0.patch
    }
}

impl FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        if text.len() > TEXT_MAX {
            return Err(VersionError::TooLong { length: text.len() });
        }
        let version = semver::Version::parse(text)
            .map_err(|error| VersionError::NotSemver { text: text.into(), problem: error.to_string() })?;
        if !version.build.is_empty() {
            return Err(VersionError::BuildMetadata { text: text.into() });
        }
        Ok(Self(version))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A requirement on versions, such as `^1.2`. Copies share their comparators.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Requirement(Arc<semver::VersionReq>);

impl Requirement {
    /// The requirement every version meets: `*`.
    pub fn any() -> Self {
        Self(Arc::new(semver::VersionReq::STAR))
    }

    /// Exactly this version.
    pub fn exactly(version: &Version) -> Self {
        Self(Arc::new(semver::VersionReq {
            comparators: vec![semver::Comparator {
                op: semver::Op::Exact,
                major: version.0.major,
                minor: Some(version.0.minor),
                patch: Some(version.0.patch),
                pre: version.0.pre.clone(),
            }],
        }))
    }

    /// The parsed semver value.
    pub fn as_semver(&self) -> &semver::VersionReq {
        &self.0
    }

    /// Whether `version` meets it, with the pre-release rule of the `semver` crate.
    pub fn matches(&self, version: &Version) -> bool {
        self.0.matches(&version.0)
    }
}

impl FromStr for Requirement {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        if text.len() > TEXT_MAX {
            return Err(VersionError::TooLong { length: text.len() });
        }
        semver::VersionReq::parse(text)
            .map(|requirement| Self(Arc::new(requirement)))
            .map_err(|error| VersionError::NotRequirement { text: text.into(), problem: error.to_string() })
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

serde_as_text!(Version);
serde_as_text!(Requirement);

/// One release: `namespace:name@version`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReleaseId {
    /// The plugin.
    pub plugin: PluginName,
    /// The version.
    pub version: Version,
}

impl ReleaseId {
    /// The release of `plugin` with `version`.
    pub fn new(plugin: PluginName, version: Version) -> Self {
        Self { plugin, version }
    }
}

impl FromStr for ReleaseId {
    type Err = ReleaseIdError;

    fn from_str(text: &str) -> Result<Self, ReleaseIdError> {
        let (plugin, version) = text
            .split_once('@')
            .ok_or_else(|| ReleaseIdError::NotVersioned { text: text.chars().take(160).collect() })?;
        Ok(Self { plugin: plugin.parse()?, version: version.parse()? })
    }
}

serde_as_text!(ReleaseId);

impl fmt::Display for ReleaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.plugin, self.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn build_metadata_is_refused_with_its_own_code() {
        let error = "1.2.0+x".parse::<Version>().unwrap_err();

        assert_eq!(error.code(), "build-metadata");
    }

    #[test]
    fn only_a_higher_patch_of_the_same_minor_is_a_patch_release() {
        let base: Version = "1.2.3".parse().unwrap();

        assert!("1.2.4".parse::<Version>().unwrap().is_patch_of(&base));
        assert!(!"1.3.0".parse::<Version>().unwrap().is_patch_of(&base));
        assert!(!"1.2.2".parse::<Version>().unwrap().is_patch_of(&base));
    }
}
