//! `namespace:name@…` as an argument.

use crate::domain::{PluginName, ReleaseId, Requirement};

/// A release, `namespace:name@version`.
pub(super) fn parse_release(text: &str) -> Result<ReleaseId, String> {
    let (name, version) = text
        .split_once('@')
        .ok_or_else(|| "write it as namespace:name@version, like acme:markdown@1.2.0".to_owned())?;
    let plugin = name.parse().map_err(|error| format!("{error}"))?;
    Ok(ReleaseId::new(plugin, version.parse().map_err(|error| format!("{error}"))?))
}

/// A plugin with the versions that will do, `namespace:name@requirement`; without one, every version.
pub(super) fn parse_root(text: &str) -> Result<(PluginName, Requirement), String> {
    let (name, requirement) = match text.split_once('@') {
        Some((name, requirement)) => (name, requirement.parse().map_err(|error| format!("{error}"))?),
        None => (text, Requirement::any()),
    };
    Ok((name.parse().map_err(|error| format!("{error}"))?, requirement))
}
