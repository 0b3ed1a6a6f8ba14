//! The two kinds of package.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What the bytes of a package are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PackageKind {
    /// A core WebAssembly module.
    Core,
    /// A component.
    Component,
}

impl fmt::Display for PackageKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Core => "core module",
            Self::Component => "component",
        })
    }
}
