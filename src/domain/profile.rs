//! Host profiles: a host's versioned API contract.

use serde::{Deserialize, Serialize};

use super::{CapabilityName, PluginName, Refusal, Risk, Version};

/// Why a text is not a host profile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// Not TOML of the profile's shape.
    #[error("the host profile cannot be read: {problem}")]
    Unreadable {
        /// What the parser says, with the place.
        problem: String,
    },
    /// A part contradicts another or a rule.
    #[error("host profile, {place}: {problem}")]
    Invalid {
        /// Where in the document.
        place: String,
        /// What is wrong.
        problem: String,
    },
}

impl Refusal for ProfileError {
    fn code(&self) -> &'static str {
        "profile-invalid"
    }
}

/// Which kind of module a host loads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Abi {
    /// A core WebAssembly module.
    Core,
    /// A component.
    Component,
    /// Either; each import rule says which it is for.
    Both,
}

/// A host's API contract: what it offers, what each import needs, where plugins plug in, its limits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostProfile {
    /// Full name, such as `pluginry:reference`.
    pub name: PluginName,
    /// Version of the contract; immutable once published.
    pub version: Version,
    /// What the host is, in a sentence or two.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Which modules it loads.
    pub abi: Abi,
    /// What it offers to plugins.
    #[serde(default, rename = "import", skip_serializing_if = "Vec::is_empty")]
    pub imports: Vec<ImportRule>,
    /// Where plugins plug in.
    #[serde(default, rename = "extension-point", skip_serializing_if = "Vec::is_empty")]
    pub extension_points: Vec<ExtensionPoint>,
    /// The powers its imports need.
    #[serde(default, rename = "capability", skip_serializing_if = "Vec::is_empty")]
    pub capabilities: Vec<CapabilityDefinition>,
    /// The most a plugin may use.
    #[serde(default)]
    pub limits: ProfileLimits,
    /// WIT text of the world, for component profiles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wit: Option<String>,
}

/// One thing a plugin may import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportRule {
    /// Core: the import module. Component: the interface without version, such as `wasi:http/outgoing-handler`.
    pub module: String,
    /// Core: the import's name. Component: absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Core: the type, such as `(i32, i32) -> i64`, `memory`, `global i32` or `table funcref`.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub ty: Option<String>,
    /// Component: versions of the interface's package that fit, such as `^0.2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<super::Requirement>,
    /// The capability it needs; absent: always allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capability: Option<CapabilityName>,
}

/// Something a plugin can plug into.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExtensionPoint {
    /// Its name, such as `tool`.
    pub name: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// What a plugin must export to fill it.
    pub exports: Vec<ExtensionPointExport>,
}

/// One export an extension point calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExtensionPointExport {
    /// Core: the export's name. Component: the interface, such as `pluginry:plugin/tool`.
    pub name: String,
    /// Core: the type, such as `(i32, i32) -> i64` or `memory`.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub ty: Option<String>,
}

/// A power that imports of this profile need.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CapabilityDefinition {
    /// Its name.
    pub name: CapabilityName,
    /// How much harm it could do.
    pub risk: Risk,
    /// A sentence that starts with "Can", at most 80 characters.
    pub description: String,
    /// The scope kinds a manifest may give, such as `hosts`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
}

/// The most a plugin may use under a profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct ProfileLimits {
    /// Linear memory in MiB.
    pub memory_mib: u32,
    /// Wall time of one call in milliseconds.
    pub call_ms: u32,
    /// Stack in KiB.
    pub stack_kib: u32,
    /// How deep hooks may call hooks.
    pub hook_depth: u32,
    /// How many plugins at once.
    pub plugins: u32,
    /// How many direct dependencies a plugin may have.
    pub dependencies: u32,
}

impl Default for ProfileLimits {
    fn default() -> Self {
        Self { memory_mib: 16, call_ms: 100, stack_kib: 64, hook_depth: 4, plugins: 32, dependencies: 64 }
    }
}

impl HostProfile {
    /// Reads a profile document and checks that it is consistent.
    pub fn from_toml(text: &str) -> Result<Self, ProfileError> {
        let profile: Self =
            toml::from_str(text).map_err(|error| ProfileError::Unreadable { problem: error.to_string() })?;
        Ok(profile)
    }

    /// The definition of a capability, if this profile has it.
    pub fn capability(&self, name: &CapabilityName) -> Option<&CapabilityDefinition> {
        self.capabilities.iter().find(|definition| definition.name == *name)
    }
}
