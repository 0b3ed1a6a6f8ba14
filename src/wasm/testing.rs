//! Packages for unit tests, built from text.

use crate::domain::Manifest;

use super::{PackFiles, pack};

/// A manifest that says the least.
pub(crate) const MANIFEST_TOML: &str = r#"
[plugin]
name = "acme:sample"
version = "1.0.0"
description = "A sample"
license = "MIT"

[host]
profile = "pluginry:reference"
version = "^1.0"
"#;

/// The smallest manifest as a value.
pub(crate) fn manifest() -> Manifest {
    Manifest::from_toml(MANIFEST_TOML).unwrap()
}

/// Bytes of a module or component in text form.
pub(crate) fn wasm(wat: &str) -> Vec<u8> {
    wat::parse_str(wat).unwrap()
}

/// A package of a module in text form with the smallest manifest.
pub(crate) fn package(wat: &str) -> Vec<u8> {
    pack(&wasm(wat), &manifest(), &PackFiles::default()).unwrap()
}

/// `bytes` with one more custom section at the end.
pub(crate) fn with_section(bytes: &[u8], name: &str, data: &[u8]) -> Vec<u8> {
    use wasm_encoder::Encode;
    let mut bytes = bytes.to_vec();
    bytes.push(0);
    wasm_encoder::CustomSection { name: name.into(), data: data.into() }.encode(&mut bytes);
    bytes
}
