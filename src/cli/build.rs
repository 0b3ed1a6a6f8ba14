//! `pluginry build`: from a plugin's Rust project to a package that was inspected and verified here.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::pack::replace_file;
use super::package_files::{MANIFEST_FILE, built_package_path, pack_module, read_manifest};
use super::{Failure, local_verification, profiles, terminal};
use crate::domain::{Digest, Manifest};
use crate::wasm::{ModuleForm, PackageLimits, componentize, inspect, module_form, read_package};

const TARGET: &str = "wasm32-unknown-unknown";

/// Compile a plugin's Rust project, package it, inspect it and run its verify cases.
///
/// Runs `cargo build --release --target wasm32-unknown-unknown`; CARGO, RUSTC, RUSTFLAGS and the like are
/// honoured, and PLUGINRY_CARGO_FLAGS holds more flags for cargo.
#[derive(clap::Args)]
pub(super) struct BuildArguments {
    /// The plugin's folder, with plugin.toml and Cargo.toml.
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// Where the package is written [default: target/pluginry/NAME-VERSION.wasm in the folder].
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write the component without manifest and texts here as well.
    #[arg(long, value_name = "FILE")]
    component: Option<PathBuf>,
    /// Do not run the verify cases.
    #[arg(long)]
    no_verify: bool,
    /// A host profile document, when the plugin is made for a profile that is not built in.
    #[arg(long, value_name = "FILE")]
    profile_file: Option<PathBuf>,
}

impl BuildArguments {
    pub(super) fn run(self) -> Result<(), Failure> {
        let manifest = read_manifest(&self.folder.join(MANIFEST_FILE))?;
        let module_path = compile(&self.folder)?;
        let mut module =
            std::fs::read(&module_path).map_err(|error| Failure::file("read", &module_path, error))?;
        if module_form(&module)? == ModuleForm::CoreWithWit {
            module = componentize(&module)?;
        }
        if let Some(path) = &self.component {
            replace_file(path, &module)?;
        }
        let package = pack_module(&module, &manifest, &self.folder)?;
        let path = self.output.clone().unwrap_or_else(|| built_package_path(&self.folder, &manifest));
        replace_file(&path, &package)?;
        self.check(&package, &path, &manifest)?;
        let digest = Digest::of(&package);
        terminal::say(&format!("Built {} ({} bytes, {digest}).", manifest.release_id(), package.len()));
        terminal::print(&path.display().to_string());
        Ok(())
    }

    /// What the registry will say, said before publishing.
    fn check(&self, package: &[u8], path: &Path, manifest: &Manifest) -> Result<(), Failure> {
        let from_file = self.profile_file.as_deref().map(profiles::read_profile).transpose()?;
        let profile = match &from_file {
            Some(profile) => profile,
            None => profiles::built_in(&manifest.host.profile, &manifest.host.version)?,
        };
        let report = inspect(&read_package(package, &PackageLimits::default())?, profile);
        terminal::say(report.to_string().trim_end());
        if !report.is_accepted() {
            let message = format!("{} would be refused for the reasons above", manifest.release_id());
            return Err(Failure::new("inspection-refused", message));
        }
        if self.no_verify {
            return Ok(());
        }
        local_verification::verify(path, manifest, profile).map(|report| {
            terminal::say(&local_verification::summary(&report));
        })
    }
}

/// Compiles the project and gives the path of its module.
fn compile(folder: &Path) -> Result<PathBuf, Failure> {
    let extra = environment("PLUGINRY_CARGO_FLAGS").unwrap_or_default();
    if !extra.contains("build-std") {
        check_target(folder)?;
    }
    let cargo = environment("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(&cargo)
        .args(["build", "--release", "--target", TARGET, "--message-format=json-render-diagnostics"])
        .args(extra.split_whitespace())
        .current_dir(folder)
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| cannot_start(&cargo, &error))?;
    if !output.status.success() {
        let message = format!("cargo could not build the plugin in {}", folder.display());
        return Err(Failure::new("build-failed", message).with_mend("Correct what cargo names above."));
    }
    let manifest_path = std::path::absolute(folder.join("Cargo.toml"))
        .and_then(|path| path.canonicalize())
        .map_err(|error| Failure::file("find", &folder.join("Cargo.toml"), error))?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().find_map(|line| module_of(line, &manifest_path)).ok_or_else(|| {
        Failure::new(
            "no-module-built",
            format!("cargo built no .wasm library from {}", manifest_path.display()),
        )
        .with_mend("Cargo.toml needs [lib] with crate-type = [\"cdylib\"].")
    })
}

/// The `.wasm` that one of cargo's messages says it made from the project's own manifest.
fn module_of(message: &str, manifest_path: &Path) -> Option<PathBuf> {
    let message: serde_json::Value = serde_json::from_str(message).ok()?;
    let is_ours = message["reason"] == "compiler-artifact"
        && Path::new(message["manifest_path"].as_str()?) == manifest_path;
    let files = message["filenames"].as_array().filter(|_| is_ours)?;
    files.iter().filter_map(|file| file.as_str()).find(|file| file.ends_with(".wasm")).map(PathBuf::from)
}

/// Asks the compiler where the target's standard library lies, and explains how to get it if it is not there.
fn check_target(folder: &Path) -> Result<(), Failure> {
    let rustc = environment("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(&rustc)
        .args(["--print", "target-libdir", "--target", TARGET])
        .current_dir(folder)
        .output()
        .map_err(|error| cannot_start(&rustc, &error))?;
    let library = String::from_utf8_lossy(&output.stdout);
    if output.status.success() && Path::new(library.trim()).is_dir() {
        return Ok(());
    }
    Err(Failure::new("wasm-target-missing", format!("{rustc} has no standard library for {TARGET}"))
        .with_mend(format!("Run `rustup target add {TARGET}`, then build again.")))
}

fn cannot_start(program: &str, error: &std::io::Error) -> Failure {
    Failure::new("program-missing", format!("cannot start {program}: {error}"))
        .with_mend("Install Rust from https://rustup.rs, then build again.")
}

#[expect(clippy::disallowed_methods, reason = "the command line is where the environment is read")]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_module_is_found_among_cargos_messages() {
        let message = |path: &str| {
            format!(
                r#"{{"reason":"compiler-artifact","manifest_path":"{path}","filenames":["/t/a.rlib","/t/a.wasm"]}}"#
            )
        };
        let manifest = Path::new("/p/Cargo.toml");

        assert_eq!(module_of(&message("/p/Cargo.toml"), manifest), Some("/t/a.wasm".into()));
        assert_eq!(module_of(&message("/registry/serde/Cargo.toml"), manifest), None);
        assert_eq!(module_of(r#"{"reason":"build-finished","success":true}"#, manifest), None);
    }
}
