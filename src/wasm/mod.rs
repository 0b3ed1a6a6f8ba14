//! Reading WebAssembly packages: sections, preflight bounds, inspection against a host profile.
//!
//! Pure: bytes in, facts or refusal out. Nothing is compiled or run here, and no file, network or
//! clock is touched; that belongs to `runtime` and `registry`.

mod kind;
mod report;
mod widening;

pub use kind::PackageKind;
pub use report::{
    CapabilityFinding, ExportFinding, ExtensionPointFinding, Finding, ImportDecision, ImportFinding,
    InspectionReport, NO_POWERS,
};
pub use widening::{WideningChange, widening};
