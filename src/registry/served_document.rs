//! A document that is the same for everybody, kept as the bytes that are served, with its entity tag.

use bytes::Bytes;

use crate::domain::Digest;

/// Bytes to be served and the entity tag of their content.
#[derive(Debug, Clone)]
pub struct ServedDocument {
    /// The body.
    pub bytes: Bytes,
    /// Strong entity tag, quotes included.
    pub etag: Bytes,
}

impl ServedDocument {
    /// The document with these bytes.
    pub fn new(bytes: Vec<u8>) -> Self {
        let digest = Digest::of(&bytes).to_hex();
        Self { etag: Bytes::from(format!("\"{}\"", &digest[..32])), bytes: bytes.into() }
    }
}
