//! The solver's index: every release, interned and parsed once.

use crate::domain::{IndexRelease, PluginName, Version};

/// The index as the change feed builds it.
#[derive(Debug, Clone, Default)]
pub struct Index {}

/// An immutable index; cloning it is cheap.
#[derive(Debug, Clone, Default)]
pub struct IndexSnapshot {}

impl Index {
    /// Takes in a release as it now stands; the same line twice changes nothing.
    pub fn apply(&mut self, _plugin: &PluginName, _release: &IndexRelease) {}

    /// Forgets a release: taken down or quarantined.
    pub fn remove(&mut self, _plugin: &PluginName, _version: &Version) {}

    /// What readers see from now on.
    pub fn snapshot(&mut self) -> IndexSnapshot {
        IndexSnapshot {}
    }
}
