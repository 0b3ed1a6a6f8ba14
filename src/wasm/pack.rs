//! Writing a package: a module or component plus manifest, texts and icon, the same bytes every time.

use super::package::PackageError;
use crate::domain::{Manifest, ManifestError, Refusal};

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
    let _ = bytes;
    Ok(ModuleForm::PlainCore)
}

/// Makes a component of a core module that carries WIT in a custom section.
pub fn componentize(module: &[u8]) -> Result<Vec<u8>, PackError> {
    let _ = module;
    Err(PackError::NoWit)
}

/// Makes the package: the module's own sections, then the standard metadata, then ours.
///
/// The same input gives the same bytes. Sections of an earlier packing are replaced.
pub fn pack(module: &[u8], manifest: &Manifest, files: &PackFiles) -> Result<Vec<u8>, PackError> {
    let _ = (manifest, files);
    Ok(module.to_vec())
}
