//! Host profiles: built in, or registered by an operator.

use super::Registry;
use super::accounts::registered_profiles;
use super::publish_error::PublishError;
use crate::db::DatabaseError;
use crate::domain::{HostProfile, Manifest, PluginName, Requirement, Version};
use crate::wasm::built_in_profiles;

/// How many letters a mistyped name may differ in.
const TYPING_ERROR_LETTERS: usize = 3;

impl Registry {
    /// Every profile there is, built in or registered.
    pub fn profiles(&self) -> std::sync::Arc<Vec<HostProfile>> {
        self.shared.profiles.load_full()
    }

    /// Reads the registered profiles anew.
    pub async fn reload_profiles(&self) -> Result<(), DatabaseError> {
        let mut all = built_in_profiles().to_vec();
        all.extend(registered_profiles(self.database()).await?);
        self.shared.profiles.store(std::sync::Arc::new(all));
        Ok(())
    }

    /// This version of the profile `name`.
    pub fn profile(&self, name: &PluginName, version: &Version) -> Option<HostProfile> {
        self.profiles().iter().find(|profile| profile.name == *name && profile.version == *version).cloned()
    }

    /// The highest registered version of `name` that meets `requirement`.
    pub fn newest_profile(&self, name: &PluginName, requirement: &Requirement) -> Option<HostProfile> {
        let profiles = self.profiles();
        let fitting =
            profiles.iter().filter(|profile| profile.name == *name && requirement.matches(&profile.version));
        fitting.max_by(|a, b| a.version.cmp(&b.version)).cloned()
    }

    /// The profile that a package is inspected against.
    pub(super) fn profile_for(&self, manifest: &Manifest) -> Result<HostProfile, PublishError> {
        let host = &manifest.host;
        self.newest_profile(&host.profile, &host.version).ok_or_else(|| PublishError::ProfileUnknown {
            profile: host.profile.clone(),
            requirement: host.version.to_string(),
            known: self.known_versions(&host.profile),
        })
    }

    fn known_versions(&self, name: &PluginName) -> String {
        let profiles = self.profiles();
        let mut versions: Vec<_> =
            profiles.iter().filter(|profile| profile.name == *name).map(|profile| &profile.version).collect();
        versions.sort();
        if versions.is_empty() {
            let wanted = name.to_string();
            let distances = profiles
                .iter()
                .map(|profile| (strsim::levenshtein(&profile.name.to_string(), &wanted), profile));
            let nearest = distances.min_by_key(|(distance, _)| *distance);
            // Beyond a few letters, the nearest name is some other host and no typing error.
            return match nearest.filter(|(distance, _)| *distance <= TYPING_ERROR_LETTERS) {
                Some((_, profile)) => format!("the nearest name is {}", profile.name),
                None => "no name is near it".into(),
            };
        }
        let versions: Vec<String> = versions.iter().map(ToString::to_string).collect();
        format!("there are {}", versions.join(", "))
    }
}
