//! `pluginry pack`: make a package of a compiled file and its manifest.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::package_files::{MANIFEST_FILE, pack_module, read_manifest, read_package_file};
use super::{Failure, terminal};
use crate::domain::Digest;

/// Make a package of a compiled .wasm file and a manifest.
///
/// README.md, CHANGELOG.md, LICENSE and icon.png or icon.webp beside the manifest go into it. A core
/// module that carries WIT becomes a component.
#[derive(clap::Args)]
pub(super) struct PackArguments {
    /// The compiled .wasm file.
    file: PathBuf,
    /// Where the package is written.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// The manifest.
    #[arg(long, value_name = "FILE", default_value = MANIFEST_FILE)]
    manifest: PathBuf,
}

impl PackArguments {
    pub(super) fn run(self) -> Result<(), Failure> {
        let manifest = read_manifest(&self.manifest)?;
        let module = read_package_file(&self.file)?;
        let folder = self.manifest.parent().unwrap_or(Path::new(""));
        let package = pack_module(&module, &manifest, folder)?;
        replace_file(&self.output, &package)?;
        let (id, digest) = (manifest.release_id(), Digest::of(&package));
        terminal::say(&format!("Packed {id} into {} ({} bytes).", self.output.display(), package.len()));
        terminal::print(&digest.to_string());
        Ok(())
    }
}

/// Writes a file in one step, so that a reader never sees half of it.
pub(super) fn replace_file(path: &Path, content: &[u8]) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::file("write", path, error);
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(failed)?;
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644));
    let mut file = builder.tempfile_in(folder).map_err(failed)?;
    file.write_all(content).map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}
