//! `pluginry login`: keep a token for a registry.

use std::io::{IsTerminal as _, Read as _};

use super::settings::{self, RegistryOptions};
use super::{Failure, block_on, terminal};
use crate::client::Client;
use crate::domain::api::{LoginRequest, RegisterRequest};

/// A password or token is one short line.
const SECRET_MAX_BYTES: u64 = 4096;

/// Log in to a registry and keep the token for later commands.
///
/// With `--token` (or `--token -` to read it from standard input), keeps that token. Otherwise asks for
/// the account's name and password and trades them for one.
#[derive(clap::Args)]
pub(super) struct LoginArguments {
    #[command(flatten)]
    registry: RegistryOptions,
    /// A token made elsewhere; `-` reads it from standard input.
    #[arg(long, value_name = "TOKEN", conflicts_with_all = ["name", "register"])]
    token: Option<String>,
    /// The account's name; asked for when absent.
    #[arg(long, value_name = "ACCOUNT")]
    name: Option<String>,
    /// Make the account first.
    #[arg(long)]
    register: bool,
    /// The address for notices of a new account; asked for when absent.
    #[arg(long, requires = "register")]
    email: Option<String>,
}

impl LoginArguments {
    pub(super) fn run(self) -> Result<(), Failure> {
        let url = self.registry.url()?;
        let client = Client::new(&url)?;
        let token = match &self.token {
            Some(token) => given_token(token, client)?,
            None => self.token_for_password(&client)?,
        };
        let path = settings::store_login(&url, &token)?;
        terminal::say(&format!("Logged in to {url}; the token is kept in {}.", path.display()));
        Ok(())
    }

    fn token_for_password(self, client: &Client) -> Result<String, Failure> {
        let name = match self.name {
            Some(name) => name,
            None => ask("Account")?,
        };
        let email = match self.email {
            None if self.register => Some(ask("E-mail")?),
            given => given,
        };
        let password = ask_secret("Password")?;
        block_on(async {
            if let Some(email) = email {
                let (name, password) = (name.clone(), password.clone());
                let made = client.register(&RegisterRequest { name, email, password }).await?;
                terminal::say(&format!("Made the account {}.", terminal::one_line(&made.account)));
            }
            Ok(client.login(&LoginRequest { name, password }).await?.token)
        })
    }
}

/// Asks the registry whether the token works, so that a typing error shows now.
fn given_token(token: &str, client: Client) -> Result<String, Failure> {
    let token = if token == "-" { read_secret_from_stdin()? } else { token.to_owned() };
    let client = client.with_token(Some(token.clone()));
    match block_on(client.list_tokens()) {
        Ok(_) => Ok(token),
        // A token that may only publish may not list tokens; that the registry knows it is enough.
        Err(error) if error.status() == Some(403) => Ok(token),
        Err(error) => Err(error.into()),
    }
}

fn ask(what: &str) -> Result<String, Failure> {
    let terminal = interactive(what)?;
    let _ = terminal.write_str(&format!("{what}: "));
    terminal.read_line().map_err(|error| Failure::new("no-input", format!("cannot read {what}: {error}")))
}

fn ask_secret(what: &str) -> Result<String, Failure> {
    if !std::io::stdin().is_terminal() {
        return read_secret_from_stdin();
    }
    let terminal = interactive(what)?;
    let _ = terminal.write_str(&format!("{what}: "));
    terminal
        .read_secure_line()
        .map_err(|error| Failure::new("no-input", format!("cannot read {what}: {error}")))
}

fn interactive(what: &str) -> Result<console::Term, Failure> {
    if std::io::stdin().is_terminal() {
        return Ok(console::Term::stderr());
    }
    Err(Failure::usage(format!("there is no terminal to ask for {} on", what.to_lowercase())).with_mend(
        "Give --name (with --register also --email) and the password on standard input, or --token.",
    ))
}

fn read_secret_from_stdin() -> Result<String, Failure> {
    let mut text = String::new();
    std::io::stdin()
        .take(SECRET_MAX_BYTES)
        .read_to_string(&mut text)
        .map_err(|error| Failure::new("no-input", format!("cannot read standard input: {error}")))?;
    let first = text.lines().next().unwrap_or_default().to_owned();
    if first.is_empty() {
        return Err(Failure::usage("standard input holds no password or token"));
    }
    Ok(first)
}
