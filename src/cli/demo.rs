//! `pluginry serve --demo`: the example plugins, published through the real path over HTTP.
//!
//! The demo's signing key and its token, which works in the namespace `demo` alone, lie in the data
//! directory, so that a start that was interrupted is finished by the next.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use zeroize::Zeroizing;

use super::key_files::KeyName;
use super::publish::{prepare_namespace, statement_about};
use super::{Failure, settings, terminal};
use crate::client::{Client, Publication};
use crate::domain::api::{NewTokenRequest, TokenScope};
use crate::domain::{IndexRelease, Manifest, Namespace, ReleaseId, VerificationState};
use crate::signing::{SecretKey, sign_release};
use crate::wasm::{PackFiles, pack};

/// How often the state of a verification run is asked for, and how often at most.
const POLL_EVERY: Duration = Duration::from_millis(250);
const POLLS_MAX: u32 = 480;

/// An example plugin as this program carries it.
struct Example {
    manifest: &'static str,
    readme: &'static str,
    component: &'static [u8],
}

/// A plugin comes after those it depends on.
const EXAMPLES: [Example; 3] = [
    Example {
        manifest: include_str!("../../plugins/text-tools/plugin.toml"),
        readme: include_str!("../../plugins/text-tools/README.md"),
        component: include_bytes!("../../plugins/built/text-tools.wasm"),
    },
    Example {
        manifest: include_str!("../../plugins/calculator/plugin.toml"),
        readme: include_str!("../../plugins/calculator/README.md"),
        component: include_bytes!("../../plugins/built/calculator.wasm"),
    },
    Example {
        manifest: include_str!("../../plugins/notes/plugin.toml"),
        readme: include_str!("../../plugins/notes/README.md"),
        component: include_bytes!("../../plugins/built/notes.wasm"),
    },
];

/// Publishes the example plugins that the registry at `url` does not have and waits until they are verified.
///
/// `operator_token` is there on a registry's first start alone; later starts use what the first one left in
/// `data`. When nothing is missing, nothing is sent.
pub(super) async fn publish_examples(
    url: &str,
    operator_token: Option<&str>,
    data: &Path,
) -> Result<(), Failure> {
    let client = Client::new(url)?;
    let mut missing = Vec::new();
    for example in &EXAMPLES {
        let manifest = Manifest::from_toml(example.manifest)?;
        if published(&client, &manifest.release_id()).await?.is_none() {
            missing.push((example, manifest));
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let namespace: Namespace = "demo".parse()?;
    let key = signing_key(data)?;
    let client = client_that_publishes(client, operator_token, &namespace, data).await?;
    let label: KeyName = "demo".parse().map_err(Failure::usage)?;
    prepare_namespace(&client, &namespace, &key, &label).await?;
    for (place, (example, manifest)) in missing.iter().enumerate() {
        let place = format!("{}/{}", place + 1, missing.len());
        publish(&client, example, manifest, &key, &place).await?;
    }
    for (_, manifest) in &missing {
        wait_until_verified(&client, &manifest.release_id()).await?;
    }
    Ok(())
}

async fn publish(
    client: &Client,
    example: &Example,
    manifest: &Manifest,
    key: &SecretKey,
    place: &str,
) -> Result<(), Failure> {
    let files = PackFiles { readme: Some(example.readme.to_owned()), ..PackFiles::default() };
    let package = Bytes::from(pack(example.component, manifest, &files)?);
    let statement = statement_about(&package)?;
    let size_bytes = package.len();
    let attestation = sign_release(&statement, key);
    let release = &statement.release;
    let publication = Publication { release, package, attestation: &attestation, accept_widening: false };
    let answer = client.publish(&publication).await?;
    terminal::say(&format!(
        "[{place}] Published {release}, {size_bytes} bytes, number {} in the log.",
        answer.sequence
    ));
    Ok(())
}

async fn published(client: &Client, release: &ReleaseId) -> Result<Option<IndexRelease>, Failure> {
    let releases = client.releases(&release.plugin).await?;
    Ok(releases.into_iter().find(|line| line.version == release.version))
}

async fn wait_until_verified(client: &Client, release: &ReleaseId) -> Result<(), Failure> {
    for _ in 0..POLLS_MAX {
        match published(client, release).await?.map(|line| line.verification) {
            Some(VerificationState::Passed) => {
                terminal::say(&format!("      {release} is verified."));
                return Ok(());
            }
            Some(VerificationState::Failed) => {
                let message = format!("the registry's verification run of {release} did not pass");
                return Err(Failure::new("verification-failed", message)
                    .with_mend("The release's page says which case, and why."));
            }
            Some(VerificationState::Pending) | None => tokio::time::sleep(POLL_EVERY).await,
        }
    }
    terminal::say(&format!("      {release} still waits for its verification run."));
    Ok(())
}

/// The demo's key, drawn at its first use.
fn signing_key(data: &Path) -> Result<SecretKey, Failure> {
    let path = data.join("demo").join("signing.key");
    if let Some(text) = settings::read_private_file(&path)?.map(Zeroizing::new) {
        return Ok(text.parse()?);
    }
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(seed.as_mut_slice())
        .map_err(|error| Failure::new("no-randomness", format!("the system gives no randomness: {error}")))?;
    let key = SecretKey::from_seed(&seed);
    settings::create_private_file(&path, key.to_text().as_bytes())?;
    Ok(key)
}

/// A client with a token for the namespace: the one kept, or a new one by the operator's.
async fn client_that_publishes(
    client: Client,
    operator_token: Option<&str>,
    namespace: &Namespace,
    data: &Path,
) -> Result<Client, Failure> {
    let path = data.join("demo").join("token");
    if let Some(token) = settings::read_private_file(&path)?.map(Zeroizing::new) {
        return Ok(client.with_token(Some(token.trim().to_owned())));
    }
    let Some(operator_token) = operator_token else {
        let message = "the example plugins are missing and this is not the registry's first start";
        return Err(Failure::new("no-demo-token", message).with_mend(
            "Start with --demo on an empty data directory, or publish them with `pluginry publish`.",
        ));
    };
    let operator = client.with_token(Some(operator_token.to_owned()));
    // The namespace must be there before a token can be bound to it.
    if operator.list_keys(namespace).await.is_err() {
        operator.create_namespace(namespace).await?;
    }
    let request = NewTokenRequest {
        label: "serve --demo".into(),
        scopes: vec![TokenScope::Publish, TokenScope::Keys],
        namespaces: Some(vec![namespace.clone()]),
        expires_in_days: None,
    };
    let token = operator.create_token(&request).await?.token;
    settings::create_private_file(&path, token.as_bytes())?;
    Ok(operator.with_token(Some(token)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_packs_and_comes_after_what_it_depends_on() {
        let mut before = Vec::new();
        for example in &EXAMPLES {
            let manifest = Manifest::from_toml(example.manifest).unwrap();
            pack(example.component, &manifest, &PackFiles::default()).unwrap();

            for dependency in manifest.dependencies.keys() {
                assert!(before.contains(dependency), "{dependency} comes after {}", manifest.plugin.name);
            }
            before.push(manifest.plugin.name);
        }
    }
}
