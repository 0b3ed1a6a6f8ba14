//! Running plugins: the engine, the sandbox, the host interfaces and the verification child.
//!
//! Deciding whether a plugin *may* run is not done here: `wasm` inspects, `client` compares grants. A server without
//! the feature `runtime` runs nothing and still shows the reports of those that do: [`VerificationReport`] is always here.

#[cfg(feature = "runtime")]
mod child;
#[cfg(feature = "runtime")]
mod component;
#[cfg(feature = "runtime")]
mod core;
#[cfg(feature = "runtime")]
mod error;
#[cfg(feature = "runtime")]
mod host;
#[cfg(feature = "runtime")]
mod isolation;
#[cfg(feature = "runtime")]
mod limits;
#[cfg(feature = "runtime")]
mod plugin;
mod policy;
mod report;
#[cfg(feature = "runtime")]
mod sandbox;
#[cfg(feature = "runtime")]
mod verify;
#[cfg(feature = "runtime")]
mod worker;

#[cfg(feature = "runtime")]
pub use child::verify_in_child;
#[cfg(feature = "runtime")]
pub use error::{PluginError, RuntimeError};
#[cfg(feature = "runtime")]
pub use host::{ClockSource, HostServices, KeyValueStore, LogBook, LogLevel, LogLine, RandomSource};
#[cfg(feature = "runtime")]
pub use limits::PluginLimits;
#[cfg(feature = "runtime")]
pub use plugin::{Plugin, RunningPlugin, Terms};
pub use policy::verification_policy;
pub use report::{
    CASE_OUTPUT_MAX_BYTES, CaseReport, Isolation, LimitKind, Stage, VerificationLimits, VerificationOutcome,
    VerificationReport, VerificationRequest,
};
#[cfg(feature = "runtime")]
pub use sandbox::{Sandbox, SandboxSettings};
#[cfg(feature = "runtime")]
pub use worker::run_worker;

/// The engine and its version, as verification reports name it.
pub const RUNTIME_VERSION: &str = "wasmtime 48.0.8";

/// `text` cut to at most `bytes` at a character's border, with a mark where it was cut.
#[cfg(feature = "runtime")]
fn cut(mut text: String, bytes: usize) -> String {
    if text.len() > bytes {
        text.truncate(text.floor_char_boundary(bytes));
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_runtime_version_is_the_one_built_in() {
        let version = super::RUNTIME_VERSION.strip_prefix("wasmtime ").unwrap();
        let dependency = format!("wasmtime = {{ version = \"={version}\"");

        assert!(include_str!("../../Cargo.toml").contains(&dependency));
    }
}
