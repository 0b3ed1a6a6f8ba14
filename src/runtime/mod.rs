//! Running plugins: the engine, the sandbox, the host interfaces and the verification child.
//!
//! Deciding whether a plugin *may* run is not done here: `wasm` inspects, `client` compares grants.

mod report;

pub use report::{
    CASE_OUTPUT_MAX_BYTES, CaseReport, Isolation, LimitKind, Stage, VerificationLimits, VerificationOutcome,
    VerificationReport, VerificationRequest,
};

/// The engine and its version, as verification reports name it.
pub const RUNTIME_VERSION: &str = "wasmtime 48.0.8";
