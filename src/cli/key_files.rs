//! Signing keys on disk: `<configuration>/keys/<name>.key`, one secret key each, mode 0600.

use std::path::PathBuf;

use zeroize::Zeroizing;

use super::{Failure, settings};
use crate::signing::{PublicKey, SecretKey};

/// The key used when no `--key` names another.
pub(super) const DEFAULT_KEY: &str = "default";

/// A key file's name: a plain word that cannot leave the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KeyName(String);

impl std::str::FromStr for KeyName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if text.is_empty() || text.len() > 64 || !text.chars().all(plain) {
            return Err("a key's name is 1 to 64 letters, digits, hyphens and underscores".into());
        }
        Ok(Self(text.to_owned()))
    }
}

impl std::fmt::Display for KeyName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A key file that can be read, for lists.
pub(super) struct ListedKey {
    pub(super) name: String,
    pub(super) key: Result<PublicKey, Failure>,
}

fn directory() -> Result<PathBuf, Failure> {
    Ok(settings::configuration_directory()?.join("keys"))
}

/// Where the key of that name is kept.
pub(super) fn path_of(name: &KeyName) -> Result<PathBuf, Failure> {
    Ok(directory()?.join(format!("{name}.key")))
}

/// Draws a new key and writes it; refuses to replace one.
pub(super) fn create(name: &KeyName) -> Result<(SecretKey, PathBuf), Failure> {
    let path = path_of(name)?;
    if path.exists() {
        return Err(Failure::new("key-exists", format!("there is a key {name} already: {}", path.display()))
            .with_mend("Give the new key another name, or move the old file away first."));
    }
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(seed.as_mut_slice())
        .map_err(|error| Failure::new("no-randomness", format!("the system gives no randomness: {error}")))?;
    let key = SecretKey::from_seed(&seed);
    settings::create_private_file(&path, key.to_text().as_bytes())?;
    Ok((key, path))
}

/// Reads a key; `None` when there is no file of that name.
pub(super) fn read(name: &KeyName) -> Result<Option<SecretKey>, Failure> {
    let Some(text) = settings::read_private_file(&path_of(name)?)?.map(Zeroizing::new) else {
        return Ok(None);
    };
    Ok(Some(text.parse()?))
}

/// There is no key of that name.
pub(super) fn missing(name: &KeyName) -> Failure {
    Failure::new("key-missing", format!("there is no key {name} on this machine")).with_mend(format!(
        "Make it with `pluginry key new {name}`; `pluginry key list` shows what there is."
    ))
}

/// Every key file, by name.
pub(super) fn list() -> Result<Vec<ListedKey>, Failure> {
    let directory = directory()?;
    let entries = match std::fs::read_dir(&directory) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Failure::file("read", &directory, error)),
        Ok(entries) => entries,
    };
    let mut names: Vec<String> = entries
        .filter_map(|entry| {
            entry.ok()?.file_name().into_string().ok()?.strip_suffix(".key").map(str::to_owned)
        })
        .collect();
    names.sort();
    let read_public = |name: &str| -> Result<PublicKey, Failure> {
        let name: KeyName = name.parse().map_err(Failure::usage)?;
        let key = read(&name)?.ok_or_else(|| missing(&name))?;
        Ok(key.public_key())
    };
    Ok(names.into_iter().map(|name| ListedKey { key: read_public(&name), name }).collect())
}
