//! Reading a package: a core module or component whose custom sections carry manifest, texts and icon.
//!
//! Only the top level is walked here, section by section, without looking inside code or nested modules:
//! a section `pluginry:manifest` in a nested module means nothing. Whether the rest is valid
//! WebAssembly is the preflight's to say.

use serde::{Deserialize, Serialize};

use super::PackageKind;
use super::magic;
use super::sections::{Sections, package_kind};
use crate::domain::{Digest, Manifest, ManifestError, Refusal};

/// The namespace of our custom sections.
pub(super) const SECTION_PREFIX: &str = "pluginry:";
pub(super) const MANIFEST: &str = "pluginry:manifest";
pub(super) const README: &str = "pluginry:readme";
pub(super) const CHANGELOG: &str = "pluginry:changelog";
pub(super) const LICENSE: &str = "pluginry:license";
pub(super) const ICON: &str = "pluginry:icon";
const OWN_SECTIONS: [&str; 5] = [MANIFEST, README, CHANGELOG, LICENSE, ICON];

/// How much a package and its parts may weigh, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageLimits {
    /// The whole file.
    pub package_bytes: u64,
    /// Each of readme, changelog and licence text.
    pub text_bytes: u64,
    /// The icon.
    pub icon_bytes: u64,
}

impl Default for PackageLimits {
    fn default() -> Self {
        Self { package_bytes: 64 << 20, text_bytes: 512 << 10, icon_bytes: 256 << 10 }
    }
}

/// The image formats an icon may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IconKind {
    /// PNG.
    Png,
    /// WebP.
    Webp,
}

impl IconKind {
    /// The format these bytes announce, if it is one of ours.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
            return Some(Self::Png);
        }
        let is_webp = bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP");
        is_webp.then_some(Self::Webp)
    }
}

/// A package whose sections were read and checked; it borrows the bytes.
#[derive(Debug, Clone)]
pub struct Package<'a> {
    /// Core module or component.
    pub kind: PackageKind,
    /// What it says about itself.
    pub manifest: Manifest,
    /// SHA-256 of the manifest section's bytes.
    pub manifest_digest: Digest,
    /// Markdown for the plugin's page.
    pub readme: Option<&'a str>,
    /// Markdown, newest first.
    pub changelog: Option<&'a str>,
    /// The licence's full text.
    pub license_text: Option<&'a str>,
    /// PNG or WebP bytes, as uploaded.
    pub icon: Option<&'a [u8]>,
    /// The whole file.
    pub bytes: &'a [u8],
}

/// Why bytes are not a package.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PackageError {
    /// No bytes at all.
    #[error("the file is empty")]
    Empty,
    /// Over the size limit.
    #[error("the package is {size_bytes} bytes; at most {allowed_bytes} are allowed")]
    TooLarge {
        /// Its size.
        size_bytes: u64,
        /// The limit.
        allowed_bytes: u64,
    },
    /// Another kind of file.
    #[error("the file is not WebAssembly: it is {found}")]
    NotWasm {
        /// What it looks like, with its article: `a ZIP archive`.
        found: &'static str,
    },
    /// The right magic with an unknown version or layer.
    #[error("the file is WebAssembly of an unknown version (header bytes {version})")]
    UnknownVersion {
        /// The four bytes behind the magic, in hexadecimal.
        version: String,
    },
    /// The file ends inside a section.
    #[error("the file is cut off: the section at byte {offset} runs {missing_bytes} bytes past the end")]
    Truncated {
        /// Where the section starts.
        offset: usize,
        /// How much is missing.
        missing_bytes: u64,
    },
    /// Something behind the last section is no section.
    #[error("{size_bytes} trailing bytes at byte {offset} are not a WebAssembly section")]
    TrailingBytes {
        /// Where they start.
        offset: usize,
        /// How many there are.
        size_bytes: usize,
    },
    /// No manifest section.
    #[error("the {kind} has no `pluginry:manifest` section")]
    ManifestMissing {
        /// Core module or component.
        kind: PackageKind,
    },
    /// A section of ours occurs twice.
    #[error("the section `{section}` occurs more than once")]
    DuplicateSection {
        /// Its name.
        section: &'static str,
    },
    /// A `pluginry:` section this version does not know.
    #[error("the section `{section}` is not one of the `pluginry:` sections")]
    UnknownSection {
        /// Its name, cut to a bounded length.
        section: String,
    },
    /// The manifest section is refused.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// A text is too long.
    #[error("the section `{section}` is {size_bytes} bytes; at most {allowed_bytes} are allowed")]
    TextTooLarge {
        /// Its name.
        section: &'static str,
        /// Its size.
        size_bytes: u64,
        /// The limit.
        allowed_bytes: u64,
    },
    /// A text is not text.
    #[error("the section `{section}` is not UTF-8 text: {problem}")]
    TextNotUtf8 {
        /// Its name.
        section: &'static str,
        /// What is wrong and where.
        problem: String,
    },
    /// The icon is too large.
    #[error("the icon is {size_bytes} bytes; at most {allowed_bytes} are allowed")]
    IconTooLarge {
        /// Its size.
        size_bytes: u64,
        /// The limit.
        allowed_bytes: u64,
    },
    /// The icon is not PNG or WebP.
    #[error("the icon is neither PNG nor WebP: it is {found}")]
    IconKind {
        /// What it looks like, with its article.
        found: &'static str,
    },
}

impl Refusal for PackageError {
    fn code(&self) -> &'static str {
        match self {
            Self::Empty => "package-empty",
            Self::TooLarge { .. } => "package-too-large",
            Self::NotWasm { .. } => "package-not-wasm",
            Self::UnknownVersion { .. } => "wasm-version-unknown",
            Self::Truncated { .. } => "package-truncated",
            Self::TrailingBytes { .. } => "package-trailing-bytes",
            Self::ManifestMissing { .. } => "manifest-missing",
            Self::DuplicateSection { section: MANIFEST } => "manifest-duplicate",
            Self::DuplicateSection { .. } => "section-duplicate",
            Self::UnknownSection { .. } => "section-unknown",
            Self::Manifest(error) => error.code(),
            Self::TextTooLarge { .. } => "text-too-large",
            Self::TextNotUtf8 { .. } => "text-not-utf8",
            Self::IconTooLarge { .. } => "icon-too-large",
            Self::IconKind { .. } => "icon-kind",
        }
    }

    fn mend(&self) -> Option<String> {
        Some(match self {
            Self::Empty | Self::Truncated { .. } => {
                "Build the .wasm again and send the whole file.".to_owned()
            }
            Self::TooLarge { .. } => {
                "Build for size (opt-level \"s\", strip debug sections) or move data out of the package."
                    .into()
            }
            Self::NotWasm { .. } => {
                "Send the .wasm file itself, made with `pluginry pack`; nothing is unpacked from archives."
                    .into()
            }
            Self::UnknownVersion { .. } => {
                "Build a version 1 core module, or a component with current tools.".into()
            }
            Self::TrailingBytes { offset, .. } => {
                format!("Remove everything from byte {offset} on, or build the .wasm again.")
            }
            Self::ManifestMissing { .. } => {
                "Add the manifest with `pluginry pack FILE.wasm -o OUT.wasm` beside your plugin.toml.".into()
            }
            Self::DuplicateSection { .. } | Self::UnknownSection { .. } => {
                "Pack again with `pluginry pack`, which replaces every `pluginry:` section.".into()
            }
            Self::Manifest(error) => return error.mend(),
            Self::TextTooLarge { .. } => "Shorten the text, or link to the long form.".into(),
            Self::TextNotUtf8 { .. } => "Save the file as UTF-8 and pack again.".into(),
            Self::IconTooLarge { .. } => "Scale the icon down; 256 by 256 pixels is plenty.".into(),
            Self::IconKind { .. } => "Convert the icon to PNG or WebP.".into(),
        })
    }
}

/// Reads a package's sections; the code inside is left to the [`preflight`](super::preflight).
pub fn read_package<'a>(bytes: &'a [u8], limits: &PackageLimits) -> Result<Package<'a>, PackageError> {
    let kind = package_kind(bytes, limits.package_bytes)?;
    let mut own = OwnSections::default();
    for section in Sections::new(bytes, kind) {
        let section = section?;
        if let Some(name) = section.custom_name
            && name.starts_with(SECTION_PREFIX)
        {
            own.add(name, section.data)?;
        }
    }
    own.into_package(kind, bytes, limits)
}

/// Our sections as found, each at most once.
#[derive(Default)]
struct OwnSections<'a> {
    found: [Option<&'a [u8]>; OWN_SECTIONS.len()],
}

impl<'a> OwnSections<'a> {
    fn add(&mut self, name: &str, data: &'a [u8]) -> Result<(), PackageError> {
        let Some(index) = OWN_SECTIONS.iter().position(|own| *own == name) else {
            return Err(PackageError::UnknownSection { section: name.chars().take(80).collect() });
        };
        match self.found[index].replace(data) {
            None => Ok(()),
            Some(_) => Err(PackageError::DuplicateSection { section: OWN_SECTIONS[index] }),
        }
    }

    fn take(&self, section: &'static str) -> Option<&'a [u8]> {
        OWN_SECTIONS.iter().position(|own| *own == section).and_then(|index| self.found[index])
    }

    fn into_package(
        self,
        kind: PackageKind,
        bytes: &'a [u8],
        limits: &PackageLimits,
    ) -> Result<Package<'a>, PackageError> {
        let manifest_bytes = self.take(MANIFEST).ok_or(PackageError::ManifestMissing { kind })?;
        let text =
            |section| self.take(section).map(|data| check_text(section, data, limits.text_bytes)).transpose();
        Ok(Package {
            kind,
            manifest: Manifest::from_canonical_json(manifest_bytes)?,
            manifest_digest: Digest::of(manifest_bytes),
            readme: text(README)?,
            changelog: text(CHANGELOG)?,
            license_text: text(LICENSE)?,
            icon: self.take(ICON).map(|data| check_icon(data, limits.icon_bytes)).transpose()?,
            bytes,
        })
    }
}

fn check_text<'a>(
    section: &'static str,
    data: &'a [u8],
    allowed_bytes: u64,
) -> Result<&'a str, PackageError> {
    let size_bytes = data.len() as u64;
    if size_bytes > allowed_bytes {
        return Err(PackageError::TextTooLarge { section, size_bytes, allowed_bytes });
    }
    let text = std::str::from_utf8(data)
        .map_err(|error| PackageError::TextNotUtf8 { section, problem: error.to_string() })?;
    match text.find('\0') {
        None => Ok(text),
        Some(at) => {
            Err(PackageError::TextNotUtf8 { section, problem: format!("a NUL character at byte {at}") })
        }
    }
}

fn check_icon(data: &[u8], allowed_bytes: u64) -> Result<&[u8], PackageError> {
    let size_bytes = data.len() as u64;
    if size_bytes > allowed_bytes {
        return Err(PackageError::IconTooLarge { size_bytes, allowed_bytes });
    }
    match IconKind::of(data) {
        Some(_) => Ok(data),
        None => Err(PackageError::IconKind { found: magic::image_guess(data) }),
    }
}

#[cfg(test)]
mod tests;
