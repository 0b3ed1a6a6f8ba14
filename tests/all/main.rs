//! The integration tests: one binary, one file per concept.
mod architecture;
mod verification;
