//! Walking the top-level sections of a module or component without looking inside them.

use wasmparser::{BinaryReader, Parser};

use super::PackageKind;
use super::magic;
use super::package::PackageError;

/// The preamble of every binary: magic, version, layer.
pub(super) const HEADER_BYTES: usize = 8;
/// The id of custom sections, in modules and components alike.
pub(super) const CUSTOM_SECTION: u8 = 0;
/// The highest section ids of the core and component binary formats (tag section; export section).
const LAST_CORE_SECTION: u8 = 13;
const LAST_COMPONENT_SECTION: u8 = 11;

/// Core module or component, by the first eight bytes; refuses everything else by name.
pub(super) fn package_kind(bytes: &[u8], allowed_bytes: u64) -> Result<PackageKind, PackageError> {
    let size_bytes = bytes.len() as u64;
    if bytes.is_empty() {
        return Err(PackageError::Empty);
    }
    if size_bytes > allowed_bytes {
        return Err(PackageError::TooLarge { size_bytes, allowed_bytes });
    }
    if Parser::is_core_wasm(bytes) {
        return Ok(PackageKind::Core);
    }
    if Parser::is_component(bytes) {
        return Ok(PackageKind::Component);
    }
    match bytes.strip_prefix(b"\0asm") {
        None => Err(PackageError::NotWasm { found: magic::file_guess(bytes) }),
        Some(rest) if rest.len() < 4 => {
            Err(PackageError::Truncated { offset: 0, missing_bytes: 4 - rest.len() as u64 })
        }
        Some(rest) => Err(PackageError::UnknownVersion { version: hex::encode(&rest[..4]) }),
    }
}

/// One top-level section.
pub(super) struct RawSection<'a> {
    /// Its name, for a custom section.
    pub(super) custom_name: Option<&'a str>,
    /// Its content; for a custom section what follows the name.
    pub(super) data: &'a [u8],
    /// The whole section with id and size, as it stands in the file.
    pub(super) whole: &'a [u8],
}

/// The top-level sections in order; ends after the first error.
pub(super) struct Sections<'a> {
    bytes: &'a [u8],
    offset: usize,
    last_id: u8,
}

impl<'a> Sections<'a> {
    /// The sections of `bytes`, whose header was checked by [`package_kind`].
    pub(super) fn new(bytes: &'a [u8], kind: PackageKind) -> Self {
        let last_id = match kind {
            PackageKind::Core => LAST_CORE_SECTION,
            PackageKind::Component => LAST_COMPONENT_SECTION,
        };
        Self { bytes, offset: HEADER_BYTES, last_id }
    }

    fn read(&mut self) -> Result<RawSection<'a>, PackageError> {
        let offset = self.offset;
        let rest = &self.bytes[offset..];
        let trailing = || PackageError::TrailingBytes { offset, size_bytes: rest.len() };

        let mut reader = BinaryReader::new(rest, offset);
        let id = reader.read_u8().map_err(|_| trailing())?;
        if id > self.last_id {
            return Err(trailing());
        }
        let size = reader.read_var_u32().map_err(|_| trailing())? as usize;
        let start = reader.current_position();
        let Some(content) = rest.get(start..start.saturating_add(size)) else {
            let missing_bytes = (size - (rest.len() - start)) as u64;
            return Err(PackageError::Truncated { offset, missing_bytes });
        };
        self.offset += start + size;
        let whole = &rest[..start + size];
        if id != CUSTOM_SECTION {
            return Ok(RawSection { custom_name: None, data: content, whole });
        }
        let mut reader = BinaryReader::new(content, offset + start);
        let name = reader.read_string().map_err(|_| trailing())?;
        Ok(RawSection { custom_name: Some(name), data: &content[reader.current_position()..], whole })
    }
}

impl<'a> Iterator for Sections<'a> {
    type Item = Result<RawSection<'a>, PackageError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.offset >= self.bytes.len() {
            return None;
        }
        let section = self.read();
        if section.is_err() {
            self.offset = self.bytes.len();
        }
        Some(section)
    }
}
