//! Object keys. Made of digests and checked names alone.

use object_store::path::Path as Key;

use crate::domain::{Digest, PluginName};

/// The folder of all packages.
pub(super) const BLOBS: &str = "sha256";

/// `sha256/ab/<64 hex digits>`: 256 folders, which a directory store makes once, so that no publish makes any.
pub(super) fn blob(digest: Digest) -> Key {
    let hex = digest.to_hex();
    Key::from_iter([BLOBS, &hex[..2], &hex])
}

/// `verification-policies/<64 hex digits>.json`.
pub(super) fn policy(digest: Digest) -> Key {
    Key::from(format!("verification-policies/{}.json", digest.to_hex()))
}

/// `index/{namespace}/{name}.json`.
pub(super) fn index(plugin: &PluginName) -> Key {
    Key::from(format!("index/{}.json", plugin.path()))
}

/// `log/{path}`, with the path as C2SP tlog-tiles has it: `log/tile/0/x001/067.p/5`.
pub(super) fn log(path: &str) -> Key {
    Key::from(format!("log/{path}"))
}
