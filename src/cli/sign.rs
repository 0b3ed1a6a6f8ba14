//! `pluginry sign`: the attestation of a package, for publishing it with another program than this one.

use std::path::PathBuf;

use super::key_files::{DEFAULT_KEY, KeyName};
use super::pack::replace_file;
use super::package_files::read_package_file;
use super::publish::{built_package, signing_key, statement_about};
use super::{Failure, terminal};
use crate::signing::sign_release;

/// Sign a package and write the attestation beside it, to publish both with curl or another program.
///
/// `pluginry publish` signs by itself; it needs no attestation file.
#[derive(clap::Args)]
pub(super) struct SignArguments {
    /// The package [default: what `pluginry build` made in this folder].
    file: Option<PathBuf>,
    /// The key to sign with.
    #[arg(long, value_name = "NAME", default_value = DEFAULT_KEY)]
    key: KeyName,
    /// Where the attestation is written [default: the package's name with .attestation.json].
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl SignArguments {
    pub(super) fn run(self) -> Result<(), Failure> {
        let package_path = match self.file {
            Some(path) => path,
            None => built_package()?,
        };
        let statement = statement_about(&read_package_file(&package_path)?)?;
        let key = signing_key(&self.key)?;
        let path = self.output.unwrap_or_else(|| package_path.with_extension("attestation.json"));
        replace_file(&path, &sign_release(&statement, &key).to_json())?;
        let signer = key.public_key().id();
        terminal::say(&format!("Signed {} with key {} ({}).", statement.release, self.key, signer.short()));
        terminal::print(&path.display().to_string());
        Ok(())
    }
}
