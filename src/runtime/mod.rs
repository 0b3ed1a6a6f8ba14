//! Running plugins: the engine, the sandbox, the host interfaces and the verification child.
//!
//! Deciding whether a plugin *may* run is not done here: `wasm` inspects, `client` compares grants.

mod child;
mod component;
mod core;
mod error;
mod host;
mod isolation;
mod limits;
mod plugin;
mod report;
mod sandbox;
mod verify;
mod worker;

pub use child::verify_in_child;
pub use error::{PluginError, RuntimeError};
pub use host::{ClockSource, HostServices, KeyValueStore, LogBook, LogLevel, LogLine, RandomSource};
pub use limits::PluginLimits;
pub use plugin::{Plugin, RunningPlugin, Terms};
pub use report::{
    CASE_OUTPUT_MAX_BYTES, CaseReport, Isolation, LimitKind, Stage, VerificationLimits, VerificationOutcome,
    VerificationReport, VerificationRequest,
};
pub use sandbox::{Sandbox, SandboxSettings};
pub use worker::run_worker;

/// The engine and its version, as verification reports name it.
pub const RUNTIME_VERSION: &str = "wasmtime 48.0.8";

/// `text` cut to at most `bytes` at a character's border, with a mark where it was cut.
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
