//! `pluginry publish`: sign a package and publish it.

use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::key::state_of;
use super::key_files::{self, DEFAULT_KEY, KeyName};
use super::package_files::{MANIFEST_FILE, built_package_path, read_manifest, read_package_file};
use super::settings::RegistryOptions;
use super::{Failure, block_on, terminal};
use crate::client::{Client, Publication};
use crate::domain::api::{KeyState, PublishAnswer};
use crate::domain::{Digest, Namespace};
use crate::signing::{ReleaseStatement, SecretKey, sign_release};
use crate::wasm::{PackageLimits, read_package};

/// Sign a package and publish it as a release.
///
/// The first publish also makes the namespace and enrols the key.
#[derive(clap::Args)]
pub(super) struct PublishArguments {
    /// The package [default: what `pluginry build` made in this folder].
    file: Option<PathBuf>,
    /// The key to sign with.
    #[arg(long, value_name = "NAME", default_value = DEFAULT_KEY)]
    key: KeyName,
    /// Accept that it needs more powers than the release before it.
    #[arg(long)]
    accept_widening: bool,
    /// Print the registry's answer as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    registry: RegistryOptions,
}

impl PublishArguments {
    pub(super) fn run(self) -> Result<(), Failure> {
        let path = match &self.file {
            Some(path) => path.clone(),
            None => built_package()?,
        };
        let package = Bytes::from(read_package_file(&path)?);
        let statement = statement_about(&package)?;
        let client = self.registry.client_with_token()?;
        let key = signing_key(&self.key)?;
        let answer = block_on(async {
            prepare_namespace(&client, statement.release.plugin.namespace(), &key, &self.key).await?;
            let publication = Publication {
                release: &statement.release,
                package,
                attestation: &sign_release(&statement, &key),
                accept_widening: self.accept_widening,
            };
            client.publish(&publication).await.map_err(Failure::from)
        })?;
        self.print(&client, &statement, &answer);
        Ok(())
    }

    fn print(&self, client: &Client, statement: &ReleaseStatement, answer: &PublishAnswer) {
        if self.json {
            terminal::print_json(answer);
            return;
        }
        for warning in &answer.warnings {
            terminal::say(&format!("warning: {}", terminal::one_line(warning)));
        }
        let release = &statement.release;
        terminal::say(&format!("Published {release}, {}.", statement.digest));
        terminal::print(&format!(
            "{}plugins/{}/{}",
            client.registry(),
            release.plugin.path(),
            release.version
        ));
    }
}

/// The key named; the default key is made when there is none yet.
pub(super) fn signing_key(name: &KeyName) -> Result<SecretKey, Failure> {
    if let Some(key) = key_files::read(name)? {
        return Ok(key);
    }
    if name.to_string() != DEFAULT_KEY {
        return Err(key_files::missing(name));
    }
    let (key, path) = key_files::create(name)?;
    terminal::say(&format!(
        "Made your first signing key: {}. Back it up; nobody can restore it.",
        path.display()
    ));
    Ok(key)
}

/// What `pluginry build` made in this folder.
pub(super) fn built_package() -> Result<PathBuf, Failure> {
    let manifest = read_manifest(Path::new(MANIFEST_FILE))?;
    let path = built_package_path(Path::new(""), &manifest);
    if path.exists() {
        return Ok(path);
    }
    Err(Failure::new("not-built", format!("{} is not there", path.display()))
        .with_mend("Run `pluginry build` first, or name the package: `pluginry publish FILE`."))
}

/// What the author signs about a package.
pub(super) fn statement_about(package: &[u8]) -> Result<ReleaseStatement, Failure> {
    let read = read_package(package, &PackageLimits::default())?;
    Ok(ReleaseStatement {
        release: read.manifest.release_id(),
        digest: Digest::of(package),
        manifest_digest: read.manifest_digest,
        capabilities: read.manifest.capabilities,
    })
}

/// Makes the namespace if nobody has it, and enrols the key if it is new there.
pub(super) async fn prepare_namespace(
    client: &Client,
    namespace: &Namespace,
    key: &SecretKey,
    label: &KeyName,
) -> Result<(), Failure> {
    let key = key.public_key();
    let enrolled = match client.list_keys(namespace).await {
        Ok(list) => list.keys,
        Err(error) if error.status() == Some(404) => {
            client.create_namespace(namespace).await?;
            terminal::say(&format!("Made the namespace {namespace}; it belongs to your account."));
            Vec::new()
        }
        // A token that may only publish may not be allowed to look; the publish itself decides.
        Err(error) if error.status() == Some(403) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    if enrolled.iter().any(|known| known.key_id == key.id().to_hex()) {
        return Ok(());
    }
    let known = client.enroll_key(namespace, &key, &label.to_string(), None).await?;
    let id = key.id();
    match known.state {
        KeyState::Counts => {
            terminal::say(&format!("Enrolled key {label} ({}) for {namespace}.", id.short()));
            Ok(())
        }
        KeyState::NeedsApproval => {
            let message =
                format!("no key of {namespace} counts any more; key {label} was asked for in its place");
            Err(Failure::new("key-needs-approval", message).with_mend(format!(
                "Ask another owner or an operator for `pluginry key approve {id} --namespace {namespace}`."
            )))
        }
        _ => {
            let message = format!("key {label} is new in {namespace}: {}", state_of(&known));
            Err(Failure::new("key-waiting", message).with_mend(format!(
                "Publish then; or let a key that counts sign it in, on the machine that has both: `pluginry key \
                 enroll {label} --namespace {namespace} --endorse-with OLD`."
            )))
        }
    }
}
