//! Untrusted WebAssembly bytes: reading and writing packages, bounding and validating them, inspecting
//! them against a host profile.
//!
//! Pure: bytes in, facts or refusal out. Nothing is compiled or run here, and no file, network or
//! clock is touched; that belongs to `runtime` and `registry`.

mod kind;
mod magic;
mod pack;
mod package;
mod preflight;
mod report;
mod sections;
#[cfg(test)]
pub(crate) mod testing;
mod widening;

pub use kind::PackageKind;
pub use pack::{ModuleForm, PackError, PackFiles, componentize, module_form, pack};
pub use package::{IconKind, Package, PackageError, PackageLimits, read_package};
pub use preflight::{Place, PreflightCap, PreflightError, PreflightFacts, PreflightLimits, preflight};
pub use report::{
    CapabilityFinding, ExportFinding, ExtensionPointFinding, Finding, ImportDecision, ImportFinding,
    InspectionReport, NO_POWERS,
};
pub use widening::{WideningChange, widening};
