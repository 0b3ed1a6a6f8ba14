//! The dry run of a publish: what inspection finds, whatever it is.

use super::publish_error::PublishError;
use super::publish_release::read_and_inspect;
use super::{Registry, UploadedPackage};
use crate::domain::{HostProfile, PluginName, ReleaseId, Requirement};
use crate::wasm::InspectionReport;

/// Inspects a package under its own profile, or under `profile` (`ns:name` or `ns:name@version`).
pub async fn inspect_package(
    registry: &Registry,
    package: UploadedPackage,
    profile: Option<&str>,
) -> Result<InspectionReport, PublishError> {
    let profile = profile.map(|text| named_profile(registry, text)).transpose()?;
    let work = registry.clone();
    let inspected = registry.on_inspection_thread(move || read_and_inspect(&package, profile, &work)).await;
    inspected.map_err(|error| PublishError::Broken(error.to_string()))?
}

fn named_profile(registry: &Registry, text: &str) -> Result<HostProfile, PublishError> {
    let found = match text.parse::<ReleaseId>() {
        Ok(id) => registry.newest_profile(&id.plugin, &Requirement::exactly(&id.version)),
        Err(_) => {
            let name: PluginName = text.parse().map_err(PublishError::ProfileName)?;
            registry.newest_profile(&name, &Requirement::any())
        }
    };
    found.ok_or_else(|| PublishError::ProfileNamedUnknown { text: text.chars().take(150).collect() })
}
