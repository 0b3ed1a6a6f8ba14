//! Where a command finds its registry, its token and its files.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Failure;
use crate::client::Client;

/// The registry when neither flag, environment nor login names one: `pluginry serve` on this machine.
const DEFAULT_REGISTRY: &str = "http://127.0.0.1:8080";

/// Which registry to talk to.
#[derive(clap::Args)]
pub(super) struct RegistryOptions {
    /// The registry's address [default: the one last logged in to, or http://127.0.0.1:8080].
    #[arg(long, env = "PLUGINRY_REGISTRY", value_name = "URL")]
    registry: Option<String>,
}

/// The login file: tokens by registry address.
#[derive(Default, Serialize, Deserialize)]
struct LoginFile {
    /// The registry last logged in to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    current: Option<String>,
    #[serde(default)]
    registries: BTreeMap<String, Login>,
}

#[derive(Serialize, Deserialize)]
struct Login {
    token: String,
}

impl RegistryOptions {
    /// The registry's address without a trailing slash.
    pub(super) fn url(&self) -> Result<String, Failure> {
        let named = match &self.registry {
            Some(url) => Some(url.clone()),
            None => read_login_file()?.current,
        };
        Ok(named.unwrap_or_else(|| DEFAULT_REGISTRY.to_owned()).trim_end_matches('/').to_owned())
    }

    /// A client of that registry, with the token if there is one.
    pub(super) fn client(&self) -> Result<Client, Failure> {
        self.client_or(None)
    }

    /// Like [`Self::client`]; without a flag or variable, `otherwise` comes before the last login.
    pub(super) fn client_or(&self, otherwise: Option<&str>) -> Result<Client, Failure> {
        let url = self.url()?;
        let otherwise = otherwise.map(|otherwise| otherwise.trim_end_matches('/'));
        match otherwise.filter(|otherwise| self.registry.is_none() && *otherwise != url) {
            // A lock from a stranger may name any registry: it gets no token but its own.
            Some(otherwise) => Ok(Client::new(otherwise)?.with_token(stored_token(otherwise)?)),
            None => Ok(Client::new(&url)?.with_token(token_for(&url)?)),
        }
    }

    /// Like [`Self::client`] for what cannot work without a token.
    pub(super) fn client_with_token(&self) -> Result<Client, Failure> {
        let url = self.url()?;
        let token = token_for(&url)?.ok_or_else(|| {
            Failure::new("not-logged-in", format!("there is no token for {url}"))
                .with_mend("Run `pluginry login`, or set PLUGINRY_TOKEN.")
        })?;
        Ok(Client::new(&url)?.with_token(Some(token)))
    }
}

/// The token for a registry, from `PLUGINRY_TOKEN` or the login file.
fn token_for(url: &str) -> Result<Option<String>, Failure> {
    if let Some(token) = std::env::var_os("PLUGINRY_TOKEN").filter(|token| !token.is_empty()) {
        let token = token.into_string().map_err(|_| Failure::usage("PLUGINRY_TOKEN is not UTF-8 text"))?;
        return Ok(Some(token));
    }
    stored_token(url)
}

fn stored_token(url: &str) -> Result<Option<String>, Failure> {
    Ok(read_login_file()?.registries.remove(url).map(|login| login.token))
}

/// Keeps `token` for the registry at `url` and makes that registry the current one.
pub(super) fn store_login(url: &str, token: &str) -> Result<PathBuf, Failure> {
    let mut file = read_login_file()?;
    file.current = Some(url.to_owned());
    file.registries.insert(url.to_owned(), Login { token: token.to_owned() });
    let path = login_path()?;
    let text = toml::to_string(&file).expect("a login file holds texts alone");
    replace_private_file(&path, text.as_bytes())?;
    Ok(path)
}

fn login_path() -> Result<PathBuf, Failure> {
    Ok(configuration_directory()?.join("login.toml"))
}

fn read_login_file() -> Result<LoginFile, Failure> {
    let path = login_path()?;
    let Some(text) = read_private_file(&path)? else { return Ok(LoginFile::default()) };
    toml::from_str(&text).map_err(|_| {
        Failure::new("login-file-unreadable", format!("{} is not a login file", path.display()))
            .with_mend("Delete it and run `pluginry login` again.")
    })
}

/// `$XDG_CONFIG_HOME/pluginry`, or `~/.config/pluginry`.
pub(super) fn configuration_directory() -> Result<PathBuf, Failure> {
    directory_in("XDG_CONFIG_HOME", ".config", "your settings are")
}

/// `$XDG_STATE_HOME/pluginry`, or `~/.local/state/pluginry`: what is remembered of registries.
pub(super) fn state_directory() -> Result<PathBuf, Failure> {
    directory_in("XDG_STATE_HOME", ".local/state", "what is known of registries is remembered")
}

fn directory_in(variable: &str, in_home: &str, what: &str) -> Result<PathBuf, Failure> {
    let from_environment =
        |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    from_environment(variable)
        .filter(|path| path.is_absolute())
        .or_else(|| from_environment("HOME").map(|home| home.join(in_home)))
        .map(|base| base.join("pluginry"))
        .ok_or_else(|| {
            Failure::new("no-home", format!("neither {variable} nor HOME says where {what}"))
                .with_mend(format!("Set HOME, or {variable} to an absolute path."))
        })
}

/// Reads a file that holds a secret; refuses one that others on this machine may read.
pub(super) fn read_private_file(path: &Path) -> Result<Option<String>, Failure> {
    let metadata = match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Failure::file("read", path, error)),
        Ok(metadata) => metadata,
    };
    refuse_if_shared(path, &metadata)?;
    std::fs::read_to_string(path).map(Some).map_err(|error| Failure::file("read", path, error))
}

#[cfg(unix)]
fn refuse_if_shared(path: &Path, metadata: &std::fs::Metadata) -> Result<(), Failure> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    let message = format!("{} may be read by others on this machine (mode {mode:03o})", path.display());
    Err(Failure::new("secret-file-shared", message).with_mend(format!(
        "Run `chmod 600 {}`; if others used this machine meanwhile, make a new secret.",
        path.display()
    )))
}

#[cfg(not(unix))]
fn refuse_if_shared(_path: &Path, _metadata: &std::fs::Metadata) -> Result<(), Failure> {
    Ok(())
}

/// Writes a secret: readable by its owner alone from the first byte, replaced in one step.
pub(super) fn replace_private_file(path: &Path, content: &[u8]) -> Result<(), Failure> {
    private_temporary_file(path, content)?
        .persist(path)
        .map_err(|error| Failure::file("write", path, error.error))?;
    Ok(())
}

/// Like [`replace_private_file`], but never over an existing file.
pub(super) fn create_private_file(path: &Path, content: &[u8]) -> Result<(), Failure> {
    private_temporary_file(path, content)?
        .persist_noclobber(path)
        .map_err(|error| Failure::file("write", path, error.error))?;
    Ok(())
}

/// `tempfile` creates with mode 0600 on Unix.
fn private_temporary_file(path: &Path, content: &[u8]) -> Result<tempfile::NamedTempFile, Failure> {
    let directory = path.parent().unwrap_or(Path::new("."));
    let failed = |error: std::io::Error| Failure::file("write", path, error);
    create_private_directory(directory).map_err(failed)?;
    let mut file = tempfile::NamedTempFile::new_in(directory).map_err(failed)?;
    file.write_all(content).and_then(|()| file.as_file().sync_all()).map_err(failed)?;
    Ok(file)
}

fn create_private_directory(path: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_secret_others_may_read_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("nested/secret");
        create_private_file(&path, b"x").unwrap();
        assert_eq!(read_private_file(&path).unwrap().as_deref(), Some("x"));

        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let failure = read_private_file(&path).unwrap_err();

        assert_eq!(failure.code(), "secret-file-shared");
        assert!(create_private_file(&path, b"y").is_err(), "an existing file was replaced");
    }
}
