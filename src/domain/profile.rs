//! Host profiles: a host's versioned API contract.

use serde::{Deserialize, Serialize};

use super::{CapabilityName, PluginName, Refusal, ReleaseId, Risk, Version, profile_rules};

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

    fn mend(&self) -> Option<String> {
        Some(match self {
            Self::Unreadable { .. } => "Correct the profile document at the place named.".into(),
            Self::Invalid { place, .. } => format!("Correct {place} in the profile document."),
        })
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
///
/// A rule with a `type` is for core modules, one without is for components.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportRule {
    /// Core: the import module. Component: the interface without version, such as `wasi:http/outgoing-handler`.
    pub module: String,
    /// Core: the import's name. Component: absent for the whole interface, or one function of it, such
    /// as `[method]descriptor.unlink-file-at`, that needs another capability than the rest.
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
    /// Core: the export's name, or `*` for at least one of the type, whatever its name. Component: the
    /// interface, such as `pluginry:plugin/tool`, or a function of the world.
    pub name: String,
    /// Core: the type, such as `(i32, i32) -> i64` or `memory`. Components: absent.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub ty: Option<String>,
    /// Component: versions of the interface's package that fit. Absent: what fits the WIT, or any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<super::Requirement>,
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

impl ImportRule {
    /// Whether the rule is for core modules.
    pub fn is_core(&self) -> bool {
        self.ty.is_some()
    }

    /// The import in one word: `env.read`, `wasi:http/types` or `wasi:http/types#[static]fields.from-list`.
    pub fn label(&self) -> String {
        match &self.name {
            Some(name) if self.is_core() => format!("{}.{name}", self.module),
            Some(name) => format!("{}#{name}", self.module),
            None => self.module.clone(),
        }
    }
}

impl ExtensionPointExport {
    /// Whether a core module exports it, not a component.
    pub fn is_core(&self) -> bool {
        self.ty.is_some()
    }
}

impl HostProfile {
    /// Reads a profile document and checks that it is consistent.
    pub fn from_toml(text: &str) -> Result<Self, ProfileError> {
        let profile: Self =
            toml::from_str(text).map_err(|error| ProfileError::Unreadable { problem: error.to_string() })?;
        profile.validate()
    }

    /// Checks that no part contradicts another; whether the WIT text can be read is the `wasm` room's to say.
    pub fn validate(self) -> Result<Self, ProfileError> {
        profile_rules::check(&self)
            .map_err(|(place, problem)| ProfileError::Invalid { place, problem })
            .map(|()| self)
    }

    /// The definition of a capability, if this profile has it.
    pub fn capability(&self, name: &CapabilityName) -> Option<&CapabilityDefinition> {
        self.capabilities.iter().find(|definition| definition.name == *name)
    }

    /// The extension point of this name, if this profile has it.
    pub fn extension_point(&self, name: &str) -> Option<&ExtensionPoint> {
        self.extension_points.iter().find(|point| point.name == name)
    }

    /// `name@version`.
    pub fn id(&self) -> ReleaseId {
        ReleaseId::new(self.name.clone(), self.version.clone())
    }
}
