//! Bundles of entries: each entry after its length as a big-endian 16-bit number (c2sp.org/tlog-tiles).

use crate::domain::Refusal;

/// The most bytes an entry has: what its length prefix can say.
pub const ENTRY_MAX_BYTES: usize = u16::MAX as usize;

/// Why bytes are not the bundle they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EntryBundleError {
    /// It ends within an entry, or before the last one.
    #[error("the entry bundle ends after {whole} of {expected} entries")]
    Ends {
        /// How many entries are whole.
        whole: u16,
        /// How many there should be.
        expected: u16,
    },
    /// There is more after the last entry.
    #[error("the entry bundle has {extra_bytes} more bytes after its {expected} entries")]
    GoesOn {
        /// How many bytes are left over.
        extra_bytes: usize,
        /// How many entries there should be.
        expected: u16,
    },
}

impl Refusal for EntryBundleError {
    fn code(&self) -> &'static str {
        match self {
            Self::Ends { .. } => "entry-bundle-ends",
            Self::GoesOn { .. } => "entry-bundle-goes-on",
        }
    }

    fn mend(&self) -> Option<String> {
        Some("Fetch the bundle again; if it stays so, the log's storage is damaged: restore it from the database's entries.".into())
    }
}

/// The entries of a bundle of exactly `width` entries.
pub fn read_entry_bundle(bytes: &[u8], width: u16) -> Result<Vec<&[u8]>, EntryBundleError> {
    let (entries, rest) = take_entries(bytes, width)?;
    if rest.is_empty() {
        Ok(entries)
    } else {
        Err(EntryBundleError::GoesOn { extra_bytes: rest.len(), expected: width })
    }
}

/// The bytes of the first `width` entries of a bundle: the narrower bundle of the same place.
pub fn cut_entry_bundle(bytes: &[u8], width: u16) -> Result<&[u8], EntryBundleError> {
    let (_, rest) = take_entries(bytes, width)?;
    Ok(&bytes[..bytes.len() - rest.len()])
}

/// The bundle of these entries; none where one is larger than [`ENTRY_MAX_BYTES`].
pub fn write_entry_bundle<'a>(entries: impl IntoIterator<Item = &'a [u8]>) -> Option<Vec<u8>> {
    let mut bundle = Vec::new();
    for entry in entries {
        push_entry(&mut bundle, entry)?;
    }
    Some(bundle)
}

/// Appends an entry; does nothing where it is too large.
pub(super) fn push_entry(bundle: &mut Vec<u8>, entry: &[u8]) -> Option<()> {
    let length = u16::try_from(entry.len()).ok()?;
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend_from_slice(entry);
    Some(())
}

fn take_entries(bytes: &[u8], width: u16) -> Result<(Vec<&[u8]>, &[u8]), EntryBundleError> {
    let mut entries = Vec::with_capacity(usize::from(width).min(bytes.len() / 2));
    let mut rest = bytes;
    for whole in 0..width {
        let (entry, after) = split_entry(rest).ok_or(EntryBundleError::Ends { whole, expected: width })?;
        entries.push(entry);
        rest = after;
    }
    Ok((entries, rest))
}

fn split_entry(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}
