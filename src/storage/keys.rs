//! Object keys. Made of digests and checked names alone.

use object_store::path::Path as Key;

use crate::domain::{Digest, PluginName};

/// The folder of all packages.
pub(super) const BLOBS: &str = "sha256";

/// `sha256/ab/cd/<64 hex digits>`.
pub(super) fn blob(digest: Digest) -> Key {
    let hex = digest.to_hex();
    Key::from_iter([BLOBS, &hex[..2], &hex[2..4], &hex])
}

/// `index/{namespace}/{name}.json`.
pub(super) fn index(plugin: &PluginName) -> Key {
    Key::from(format!("index/{}.json", plugin.path()))
}
