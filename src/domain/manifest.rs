//! The manifest: what a package says about itself, authored as `plugin.toml`, carried as canonical JSON.

mod rules;
mod text;

pub(super) use text::is_deceptive;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Capabilities, Namespace, PluginName, Refusal, ReleaseId, Requirement, Version};

/// The most a manifest section may weigh, in bytes.
pub const MANIFEST_MAX_BYTES: usize = 64 * 1024;

/// Why a text is not a manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// Not TOML/JSON of the manifest's shape.
    #[error("the manifest cannot be read: {problem}")]
    Unreadable {
        /// What the parser says, with the place.
        problem: String,
    },
    /// The JSON is not in canonical form (RFC 8785), so its digest would be ambiguous.
    #[error("the manifest section is not canonical JSON (RFC 8785)")]
    NotCanonical,
    /// Over [`MANIFEST_MAX_BYTES`].
    #[error("the manifest is {size_bytes} bytes; at most {MANIFEST_MAX_BYTES} are allowed")]
    TooLarge {
        /// Its size.
        size_bytes: usize,
    },
    /// A field holds something it must not.
    #[error("manifest field `{field}`: {problem}")]
    InvalidField {
        /// Dotted path of the field.
        field: String,
        /// What is wrong.
        problem: String,
    },
    /// The plugin depends on itself.
    #[error("{plugin} depends on itself")]
    SelfDependency {
        /// The plugin.
        plugin: PluginName,
    },
}

impl Refusal for ManifestError {
    fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "manifest-invalid",
            Self::NotCanonical => "manifest-not-canonical",
            Self::TooLarge { .. } => "manifest-too-large",
            Self::InvalidField { .. } => "manifest-field-invalid",
            Self::SelfDependency { .. } => "self-dependency",
        }
    }

    fn mend(&self) -> Option<String> {
        Some(match self {
            Self::Unreadable { .. } => {
                "Correct plugin.toml at the place named and run `pluginry pack` again.".into()
            }
            Self::NotCanonical => {
                "Write the section with `pluginry pack`, or serialise it by RFC 8785.".into()
            }
            Self::TooLarge { .. } => "Move long text into the readme; shorten lists and verify cases.".into(),
            Self::InvalidField { field, .. } => format!("Correct `{field}` in plugin.toml."),
            Self::SelfDependency { .. } => "Remove the plugin from its own [dependencies].".into(),
        })
    }
}

/// Everything a package says about itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Who it is.
    pub plugin: PluginSection,
    /// Which host it is made for.
    pub host: HostSection,
    /// What it may do; denied by default.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub capabilities: Capabilities,
    /// Its own limits, at most the profile's.
    #[serde(default, skip_serializing_if = "LimitsSection::is_empty")]
    pub limits: LimitsSection,
    /// The plugins it needs.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub dependencies: BTreeMap<PluginName, DependencySpec>,
    /// Virtual packages it provides, each at a version.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub provides: BTreeMap<PluginName, Version>,
    /// Plugins it cannot be loaded beside.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub conflicts: BTreeMap<PluginName, Requirement>,
    /// Cases the registry runs at every publish.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub verify: Vec<VerifyCase>,
}

/// `[plugin]`: who it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PluginSection {
    /// Full name.
    pub name: PluginName,
    /// Version of this release.
    pub version: Version,
    /// One sentence.
    pub description: String,
    /// SPDX expression.
    pub license: String,
    /// `Name <mail>` each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authors: Vec<String>,
    /// Web page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub homepage: Option<String>,
    /// Source repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// Free words for search.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keywords: Vec<String>,
    /// Shelves of the catalog.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<String>,
    /// Whether a lock may hold only one version of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub singleton: bool,
}

/// `[host]`: which host profile it is made for and where it plugs in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct HostSection {
    /// The profile's name, such as `pluginry:reference`.
    pub profile: PluginName,
    /// Requirement on the profile's version.
    pub version: Requirement,
    /// Extension points it exports.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extension_points: Vec<String>,
    /// Hooks it wants to be called at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hooks: Vec<HookSpec>,
}

/// One hook a plugin wants to be called at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HookSpec {
    /// The point of the pipeline.
    pub point: String,
    /// Lower runs first.
    #[serde(default)]
    pub priority: i32,
}

/// `[limits]`: the plugin's own limits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LimitsSection {
    /// Linear memory in MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_mib: Option<u32>,
    /// Wall time of one call in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_ms: Option<u32>,
}

impl LimitsSection {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What a dependency asks for: `"^1.0"` or `{ version = "^1.0", optional = true }`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "DependencyForm", into = "DependencyForm")]
pub struct DependencySpec {
    /// The versions that will do.
    pub version: Requirement,
    /// Whether it is needed only when asked for.
    pub optional: bool,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(untagged, expecting = "a requirement such as \"^1.0\" or { version = \"^1.0\", optional = true }")]
enum DependencyForm {
    Short(Requirement),
    Long(LongDependency),
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LongDependency {
    version: Requirement,
    #[serde(default)]
    optional: bool,
}

impl From<DependencyForm> for DependencySpec {
    fn from(form: DependencyForm) -> Self {
        match form {
            DependencyForm::Short(version) => Self { version, optional: false },
            DependencyForm::Long(LongDependency { version, optional }) => Self { version, optional },
        }
    }
}

impl From<DependencySpec> for DependencyForm {
    fn from(spec: DependencySpec) -> Self {
        if spec.optional {
            Self::Long(LongDependency { version: spec.version, optional: true })
        } else {
            Self::Short(spec.version)
        }
    }
}

/// `[[verify]]`: one call and what must come of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerifyCase {
    /// A sentence that says what is checked.
    pub name: String,
    /// Extension point (`tool`) or export to call.
    pub call: String,
    /// JSON for a tool; an array of numbers for a core export.
    #[serde(default)]
    pub input: serde_json::Value,
    /// What must come back.
    pub expect: Expectation,
}

/// What a verify case expects; exactly one key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Expectation {
    /// The result equals this JSON value (numbers of a core export: an array).
    Json(serde_json::Value),
    /// The result, as text, contains this.
    Contains(String),
    /// The call is refused or traps, with a message that contains this.
    Error(String),
}

impl Manifest {
    /// Reads `plugin.toml` and checks every field.
    ///
    /// The result is what reading its canonical JSON gives: numbers in JSON's one form, `[]` left out.
    pub fn from_toml(text: &str) -> Result<Self, ManifestError> {
        check_size(text.len())?;
        let manifest: Self = toml::from_str(text).map_err(|error| unreadable_toml(text, &error))?;
        manifest.check()?;
        Self::from_canonical_json(&manifest.to_canonical_json())
    }

    /// Reads the section's canonical JSON and checks every field.
    pub fn from_canonical_json(bytes: &[u8]) -> Result<Self, ManifestError> {
        check_size(bytes.len())?;
        let manifest: Self = serde_json::from_slice(bytes)
            .map_err(|error| ManifestError::Unreadable { problem: error.to_string() })?;
        manifest.check()?;
        if manifest.to_canonical_json() != bytes {
            return Err(ManifestError::NotCanonical);
        }
        Ok(manifest)
    }

    /// The canonical JSON (RFC 8785) that is stored in the package.
    pub fn to_canonical_json(&self) -> Vec<u8> {
        serde_json_canonicalizer::to_vec(self).expect("a manifest holds no map with non-text keys and no NaN")
    }

    /// The release it describes.
    pub fn release_id(&self) -> ReleaseId {
        ReleaseId::new(self.plugin.name.clone(), self.plugin.version.clone())
    }

    /// The namespace it belongs to.
    pub fn namespace(&self) -> &Namespace {
        self.plugin.name.namespace()
    }

    /// Checks every field; reading does it already, so this is for manifests built in code.
    pub fn check(&self) -> Result<(), ManifestError> {
        rules::check(self)
    }
}

fn check_size(size_bytes: usize) -> Result<(), ManifestError> {
    if size_bytes > MANIFEST_MAX_BYTES { Err(ManifestError::TooLarge { size_bytes }) } else { Ok(()) }
}

/// `line 3, column 5: what is wrong`, counted from 1, columns in characters.
fn unreadable_toml(text: &str, error: &toml::de::Error) -> ManifestError {
    let message = error.message();
    let Some(before) = error.span().and_then(|span| text.get(..span.start)) else {
        return ManifestError::Unreadable { problem: message.to_owned() };
    };
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|character| *character != '\n').count() + 1;
    ManifestError::Unreadable { problem: format!("line {line}, column {column}: {message}") }
}

#[cfg(test)]
mod tests;
