//! Writing a package: a module or component plus manifest, texts and icon, the same bytes every time.

use std::borrow::Cow;

use wasm_encoder::{CustomSection, Encode};
use wasm_metadata::{ComponentNames, ModuleNames};
use wit_component::ComponentEncoder;

use super::PackageKind;
use super::package::{
    CHANGELOG, ICON, LICENSE, MANIFEST, PackageError, PackageLimits, README, SECTION_PREFIX, read_package,
};
use super::sections::{CUSTOM_SECTION, HEADER_BYTES, Sections, package_kind};
use crate::domain::{Manifest, ManifestError, PluginSection, Refusal};

/// How wit-bindgen names the custom sections that carry a module's world.
const WIT_SECTION_PREFIX: &str = "component-type";
const STANDARD_SECTIONS: [&str; 6] = ["authors", "description", "licenses", "source", "homepage", "version"];

/// The files that ride along in a package.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PackFiles {
    /// Markdown for the plugin's page.
    pub readme: Option<String>,
    /// Markdown, newest first.
    pub changelog: Option<String>,
    /// The licence's full text.
    pub license_text: Option<String>,
    /// PNG or WebP bytes.
    pub icon: Option<Vec<u8>>,
}

/// What a compiled file is, before packing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModuleForm {
    /// A core module without WIT: packed as it is, for core-ABI profiles.
    PlainCore,
    /// A core module that carries WIT: [`componentize`] makes a component of it.
    CoreWithWit,
    /// A component: packed as it is.
    Component,
}

/// Why a package cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PackError {
    /// The manifest is refused.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The input, or the package it would become, is refused.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// The core module carries no WIT, so no component can be made of it.
    #[error("the core module carries no WIT, so it cannot become a component")]
    NoWit,
    /// The file is a component already.
    #[error("the file is a component already")]
    AlreadyComponent,
    /// The component encoder refused the module.
    #[error("the module cannot be encoded as a component: {problem}")]
    NotEncodable {
        /// What the encoder says.
        problem: String,
    },
    /// The input's standard metadata sections cannot be rewritten.
    #[error("the standard metadata sections cannot be written: {problem}")]
    Metadata {
        /// What is wrong.
        problem: String,
    },
}

impl Refusal for PackError {
    fn code(&self) -> &'static str {
        match self {
            Self::Manifest(error) => error.code(),
            Self::Package(error) => error.code(),
            Self::NoWit => "module-without-wit",
            Self::AlreadyComponent => "already-component",
            Self::NotEncodable { .. } => "component-not-encodable",
            Self::Metadata { .. } => "metadata-not-writable",
        }
    }

    fn mend(&self) -> Option<String> {
        Some(match self {
            Self::Manifest(error) => return error.mend(),
            Self::Package(error) => return error.mend(),
            Self::NoWit => {
                "Build with wit-bindgen so that the module carries its world, or choose a core-ABI host profile.".to_owned()
            }
            Self::AlreadyComponent => "Pack it as it is.".into(),
            Self::NotEncodable { .. } => {
                "Build again with a wit-bindgen that matches the WIT; imports outside the world need their WIT too.".into()
            }
            Self::Metadata { .. } => "Build the .wasm again, or strip its `name` section.".into(),
        })
    }
}

/// Tells what a compiled file is, refusing what is not WebAssembly.
pub fn module_form(bytes: &[u8]) -> Result<ModuleForm, PackError> {
    let kind = package_kind(bytes, u64::MAX)?;
    if kind == PackageKind::Component {
        return Ok(ModuleForm::Component);
    }
    for section in Sections::new(bytes, kind) {
        if section?.custom_name.is_some_and(|name| name.starts_with(WIT_SECTION_PREFIX)) {
            return Ok(ModuleForm::CoreWithWit);
        }
    }
    Ok(ModuleForm::PlainCore)
}

/// Makes a validated component of a core module that carries WIT in a custom section.
///
/// A module without WIT and a component are told apart by [`PackError::NoWit`] and
/// [`PackError::AlreadyComponent`]; both can be packed as they are. Ask [`module_form`] first.
pub fn componentize(module: &[u8]) -> Result<Vec<u8>, PackError> {
    match module_form(module)? {
        ModuleForm::PlainCore => return Err(PackError::NoWit),
        ModuleForm::Component => return Err(PackError::AlreadyComponent),
        ModuleForm::CoreWithWit => {}
    }
    let encoded =
        ComponentEncoder::default().validate(true).module(module).and_then(|mut encoder| encoder.encode());
    encoded.map_err(|error| PackError::NotEncodable { problem: format!("{error:#}") })
}

/// Makes the package: the module's own sections, then the standard metadata, then ours.
///
/// The same input gives the same bytes. Sections of an earlier packing are replaced, and what
/// [`read_package`] would refuse is refused.
pub fn pack(module: &[u8], manifest: &Manifest, files: &PackFiles) -> Result<Vec<u8>, PackError> {
    manifest.check()?;
    let kind = package_kind(module, u64::MAX)?;
    let mut names = None;
    let mut package = module[..HEADER_BYTES].to_vec();
    for section in Sections::new(module, kind) {
        let section = section?;
        match section.custom_name {
            Some(name) if is_replaced(name) => {}
            Some(name) if name == names_section(kind) => names = Some(section.data),
            _ => package.extend_from_slice(section.whole),
        }
    }
    append_names(&mut package, kind, names, &manifest.plugin)?;
    append_standard_metadata(&mut package, &manifest.plugin);
    append_own(&mut package, manifest, files);
    read_package(&package, &PackageLimits::default())?;
    Ok(package)
}

fn is_replaced(custom_name: &str) -> bool {
    custom_name.starts_with(SECTION_PREFIX) || STANDARD_SECTIONS.contains(&custom_name)
}

fn names_section(kind: PackageKind) -> &'static str {
    match kind {
        PackageKind::Core => "name",
        PackageKind::Component => "component-name",
    }
}

/// The debug names as they were, with the plugin's name on the module. Names nobody can read are dropped.
fn append_names(
    package: &mut Vec<u8>,
    kind: PackageKind,
    names: Option<&[u8]>,
    plugin: &PluginSection,
) -> Result<(), PackError> {
    let name = plugin.name.to_string();
    let data = names.unwrap_or_default();
    let section = match kind {
        PackageKind::Core => {
            let mut names = ModuleNames::from_bytes(data, 0).unwrap_or_else(|_| ModuleNames::empty());
            names.set_name(&name);
            names.raw_custom_section()
        }
        PackageKind::Component => {
            let mut names = ComponentNames::from_bytes(data, 0).unwrap_or_else(|_| ComponentNames::empty());
            names.set_name(&name);
            names.raw_custom_section()
        }
    };
    let section = section.map_err(|error| PackError::Metadata { problem: format!("{error:#}") })?;
    package.push(CUSTOM_SECTION);
    package.extend(section);
    Ok(())
}

/// The sections `wasm-tools metadata` reads: plain text under names that follow the OCI annotations.
fn append_standard_metadata(package: &mut Vec<u8>, plugin: &PluginSection) {
    let authors = plugin.authors.join(", ");
    let version = plugin.version.to_string();
    let values = [
        Some(authors.as_str()).filter(|authors| !authors.is_empty()),
        Some(plugin.description.as_str()),
        Some(plugin.license.as_str()),
        plugin.repository.as_deref(),
        plugin.homepage.as_deref(),
        Some(version.as_str()),
    ];
    for (name, value) in STANDARD_SECTIONS.into_iter().zip(values) {
        if let Some(value) = value {
            append_custom(package, name, value.as_bytes());
        }
    }
}

fn append_own(package: &mut Vec<u8>, manifest: &Manifest, files: &PackFiles) {
    append_custom(package, MANIFEST, &manifest.to_canonical_json());
    let texts = [(README, &files.readme), (CHANGELOG, &files.changelog), (LICENSE, &files.license_text)];
    for (name, text) in texts {
        if let Some(text) = text {
            append_custom(package, name, text.as_bytes());
        }
    }
    if let Some(icon) = &files.icon {
        append_custom(package, ICON, icon);
    }
}

fn append_custom(package: &mut Vec<u8>, name: &str, data: &[u8]) {
    let section = CustomSection { name: Cow::Borrowed(name), data: Cow::Borrowed(data) };
    package.push(CUSTOM_SECTION);
    section.encode(package);
}

#[cfg(test)]
mod tests;
