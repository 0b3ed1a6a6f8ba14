//! The integration tests: one binary, one file per concept.
mod architecture;
mod inspection;
#[cfg(all(feature = "server", feature = "runtime", feature = "client"))]
mod verification;
mod wasm_cases;
