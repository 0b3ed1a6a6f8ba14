//! What inspection found, as data. Deciding is done in `inspect`, text for a person in `report_text`.

use serde::{Deserialize, Serialize};

use super::{PackageKind, PreflightFacts};
use crate::domain::{CapabilityName, ReleaseId, Risk, Scope, Version};

/// Everything inspection found in a package: each import and why it is allowed, each export, the
/// powers it gets, and what is refused or odd.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InspectionReport {
    /// Core module or component.
    pub kind: PackageKind,
    /// The host profile it was read against.
    pub profile: ReleaseId,
    /// What it imports, in the order of the bytes.
    pub imports: Vec<ImportFinding>,
    /// What it exports, in the order of the bytes.
    pub exports: Vec<ExportFinding>,
    /// The extension points that it declares or fills.
    pub extension_points: Vec<ExtensionPointFinding>,
    /// The capabilities that it declares, worst first.
    pub capabilities: Vec<CapabilityFinding>,
    /// Why it is refused; empty: accepted.
    pub refusals: Vec<Finding>,
    /// What the author and visitors should know.
    pub warnings: Vec<Finding>,
    /// What compiling it would cost; absent: refused before it was counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preflight: Option<PreflightFacts>,
}

/// One import and the decision on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportFinding {
    /// Core: the import module. Component: the interface without version, such as `wasi:http/types`.
    pub module: String,
    /// Core: the import's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Component: the version of the interface's package.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// Its type as the package has it, such as `(i32, i32) -> i64`; components: absent.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub ty: Option<String>,
    /// Component: the functions of the interface that it uses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub functions: Vec<String>,
    /// What was decided.
    pub decision: ImportDecision,
}

impl ImportFinding {
    /// The import in one word: `env.read` or `wasi:http/types@0.2.3`.
    pub fn label(&self) -> String {
        match (&self.name, &self.version) {
            (Some(name), _) => format!("{}.{name}", self.module),
            (None, Some(version)) => format!("{}@{version}", self.module),
            (None, None) => self.module.clone(),
        }
    }
}

/// What inspection decides about one import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum ImportDecision {
    /// The profile offers it to every plugin.
    AlwaysAllowed,
    /// The manifest declares every capability it needs.
    Declared {
        /// The capabilities it needs.
        capabilities: Vec<CapabilityName>,
    },
    /// The manifest lacks a capability it needs.
    Undeclared {
        /// The capabilities that are lacking.
        capabilities: Vec<CapabilityName>,
        /// What to add to `plugin.toml`.
        line: String,
    },
    /// The profile does not offer it.
    Unknown {
        /// The nearest import the profile offers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        nearest: Option<String>,
    },
    /// The profile offers it with another type or version.
    TypeMismatch {
        /// What the profile offers.
        expected: String,
        /// What the package imports.
        found: String,
    },
}

impl ImportDecision {
    /// Whether the import may stand.
    pub fn is_allowed(&self) -> bool {
        matches!(self, Self::AlwaysAllowed | Self::Declared { .. })
    }
}

/// One export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportFinding {
    /// Core: the export's name. Component: the interface or function, with version.
    pub name: String,
    /// Core: its type, such as `(i32) -> i32` or `memory`. Component: `interface`, `function`, ….
    #[serde(rename = "type")]
    pub ty: String,
    /// The extension points that call it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extension_points: Vec<String>,
}

/// How a package stands to one extension point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtensionPointFinding {
    /// Its name in the profile.
    pub name: String,
    /// What it is for, in the profile's words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Whether the manifest names it.
    pub is_declared: bool,
    /// Whether every export it calls is there with the right type.
    pub is_filled: bool,
}

/// One declared capability.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CapabilityFinding {
    /// Its name.
    pub name: CapabilityName,
    /// How much harm it could do; high if the profile does not know it.
    pub risk: Risk,
    /// What the plugin can do, with the scope: `Can exchange data with servers: a.example:443`.
    pub sentence: String,
    /// The scope the manifest asks for.
    pub scope: Scope,
    /// Why, in the author's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The imports that need it; empty: it asks for more than it uses.
    pub used_by: Vec<String>,
}

/// Something refused or odd: what, where and how to mend it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Stable kebab-case code, such as `undeclared-import`.
    pub code: String,
    /// What was found.
    pub message: String,
    /// Where: an import, an export or a field of the manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
}

/// The sentence of a package that needs no capability.
pub const NO_POWERS: &str = "Pure computation: no files, no network, nothing kept";

impl InspectionReport {
    /// A report before anything was found.
    pub(super) fn empty(kind: PackageKind, profile: ReleaseId) -> Self {
        Self {
            kind,
            profile,
            imports: Vec::new(),
            exports: Vec::new(),
            extension_points: Vec::new(),
            capabilities: Vec::new(),
            refusals: Vec::new(),
            warnings: Vec::new(),
            preflight: None,
        }
    }

    /// Whether nothing was refused.
    pub fn is_accepted(&self) -> bool {
        self.refusals.is_empty()
    }

    /// What the plugin can do, worst first; [`NO_POWERS`] alone if it declares nothing.
    pub fn powers(&self) -> Vec<&str> {
        if self.capabilities.is_empty() {
            return vec![NO_POWERS];
        }
        self.capabilities.iter().map(|capability| capability.sentence.as_str()).collect()
    }

    /// The highest risk among the declared capabilities; absent: pure computation.
    pub fn risk(&self) -> Option<Risk> {
        self.capabilities.iter().map(|capability| capability.risk).max()
    }
}
