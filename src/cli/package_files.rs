//! Reading packages and plugin folders from disk, the same for every command.

use std::path::{Path, PathBuf};

use super::Failure;
use crate::domain::Manifest;
use crate::wasm::{ModuleForm, PackFiles, PackageLimits, componentize, module_form, pack};

/// The name of the manifest in a plugin's folder.
pub(super) const MANIFEST_FILE: &str = "plugin.toml";

/// Reads a file that is at most as large as a package may be.
pub(super) fn read_package_file(path: &Path) -> Result<Vec<u8>, Failure> {
    let limits = PackageLimits::default();
    let size_bytes = std::fs::metadata(path).map_err(|error| Failure::file("read", path, error))?.len();
    if size_bytes > limits.package_bytes {
        let allowed_bytes = limits.package_bytes;
        return Err(crate::wasm::PackageError::TooLarge { size_bytes, allowed_bytes }.into());
    }
    std::fs::read(path).map_err(|error| Failure::file("read", path, error))
}

/// Reads `plugin.toml`.
pub(super) fn read_manifest(path: &Path) -> Result<Manifest, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::file("read", path, error)
            .with_mend("Run the command in a plugin's folder; `pluginry new` makes one.")
    })?;
    Ok(Manifest::from_toml(&text)?)
}

/// Where `pluginry build` leaves the package of the plugin in `folder`.
pub(super) fn built_package_path(folder: &Path, manifest: &Manifest) -> PathBuf {
    let file = format!("{}-{}.wasm", manifest.plugin.name.name(), manifest.plugin.version);
    folder.join("target").join("pluginry").join(file)
}

/// Makes the package of a compiled file: a core module that carries WIT becomes a component first.
pub(super) fn pack_module(module: &[u8], manifest: &Manifest, folder: &Path) -> Result<Vec<u8>, Failure> {
    let files = read_pack_files(folder)?;
    Ok(match module_form(module)? {
        ModuleForm::CoreWithWit => pack(&componentize(module)?, manifest, &files)?,
        ModuleForm::PlainCore | ModuleForm::Component => pack(module, manifest, &files)?,
    })
}

/// Readme, changelog, licence and icon, as they are usually named.
fn read_pack_files(folder: &Path) -> Result<PackFiles, Failure> {
    Ok(PackFiles {
        readme: first_text(folder, &["README.md", "README"])?,
        changelog: first_text(folder, &["CHANGELOG.md", "CHANGELOG"])?,
        license_text: first_text(folder, &["LICENSE", "LICENSE.md", "LICENSE.txt", "LICENSE-MIT"])?,
        icon: first_file(folder, &["icon.png", "icon.webp"])?.map(|(_path, bytes)| bytes),
    })
}

fn first_text(folder: &Path, names: &[&str]) -> Result<Option<String>, Failure> {
    let Some((path, bytes)) = first_file(folder, names)? else { return Ok(None) };
    let text = String::from_utf8(bytes).map_err(|error| {
        Failure::new("text-not-utf8", format!("{} is not UTF-8 text: {error}", path.display()))
            .with_mend("Save the file as UTF-8.")
    })?;
    Ok(Some(text))
}

fn first_file(folder: &Path, names: &[&str]) -> Result<Option<(PathBuf, Vec<u8>)>, Failure> {
    for name in names {
        let path = folder.join(name);
        match std::fs::read(&path) {
            Ok(bytes) => return Ok(Some((path, bytes))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(Failure::file("read", &path, error)),
        }
    }
    Ok(None)
}
