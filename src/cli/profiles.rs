//! Which host profile a command judges by.

use std::path::{Path, PathBuf};

use super::Failure;
use crate::domain::{HostProfile, PluginName, Requirement, Version};
use crate::wasm::built_in_profiles;
use crate::wasm::check_profile;

/// `namespace:name`, or `namespace:name@version`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ProfileName {
    pub(super) name: PluginName,
    pub(super) version: Option<Version>,
}

impl std::str::FromStr for ProfileName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, version) = match text.split_once('@') {
            Some((name, version)) => (name, Some(version.parse().map_err(|error| format!("{error}"))?)),
            None => (text, None),
        };
        Ok(Self { name: name.parse().map_err(|error| format!("{error}"))?, version })
    }
}

impl std::fmt::Display for ProfileName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.version {
            Some(version) => write!(f, "{}@{version}", self.name),
            None => self.name.fmt(f),
        }
    }
}

/// Reads a profile document.
pub(super) fn read_profile(path: &Path) -> Result<HostProfile, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| Failure::file("read", path, error))?;
    let profile = HostProfile::from_toml(&text)?;
    check_profile(&profile)?;
    Ok(profile)
}

/// Reads profile documents.
pub(super) fn read_profiles(paths: &[PathBuf]) -> Result<Vec<HostProfile>, Failure> {
    paths.iter().map(|path| read_profile(path)).collect()
}

/// The newest built-in profile of a name that meets a requirement.
pub(super) fn built_in(
    name: &PluginName,
    requirement: &Requirement,
) -> Result<&'static HostProfile, Failure> {
    built_in_profiles()
        .iter()
        .filter(|profile| profile.name == *name && requirement.matches(&profile.version))
        .max_by(|a, b| a.version.cmp(&b.version))
        .ok_or_else(|| {
            let known: Vec<String> = built_in_profiles()
                .iter()
                .map(|profile| format!("{}@{}", profile.name, profile.version))
                .collect();
            let message =
                format!("no built-in host profile is {name} with a version that meets {requirement}");
            Failure::new("unknown-profile", message)
                .with_mend(format!("Built in are {}; give another with --profile-file.", known.join(", ")))
        })
}

/// The built-in profile a person names; without a version, the newest.
pub(super) fn named(profile: &ProfileName) -> Result<&'static HostProfile, Failure> {
    let requirement = profile.version.as_ref().map_or_else(Requirement::any, Requirement::exactly);
    built_in(&profile.name, &requirement)
}
