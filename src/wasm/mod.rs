//! Untrusted WebAssembly bytes: reading and writing packages, bounding and validating them, inspecting
//! them against a host profile.
//!
//! Pure: bytes in, facts or refusal out. Nothing is compiled or run here, and no file, network or
//! clock is touched; that belongs to `runtime` and `registry`.

mod component_text;
mod contract;
mod declared;
mod derive;
mod extension_points;
mod inspect;
mod kind;
mod magic;
mod pack;
mod package;
mod preflight;
mod printable;
mod profiles;
mod report;
mod report_text;
mod sections;
mod surface;
#[cfg(test)]
pub(crate) mod testing;
mod type_writer;
mod widening;
mod wit_text;

pub use contract::check_profile;
pub use derive::{DeriveError, derive_capabilities};
pub use inspect::inspect;
pub use kind::PackageKind;
pub use pack::{ModuleForm, PackError, PackFiles, componentize, module_form, pack};
pub use package::{IconKind, Package, PackageError, PackageLimits, read_package};
pub use preflight::{Place, PreflightCap, PreflightError, PreflightFacts, PreflightLimits, preflight};
pub use profiles::{built_in_profile, built_in_profiles};
pub use report::{
    CapabilityFinding, ExportFinding, ExtensionPointFinding, Finding, ImportDecision, ImportFinding,
    InspectionReport, NO_POWERS,
};
pub use widening::{WideningChange, widening};
