//! `pluginry admin`: what an operator does.

use std::path::PathBuf;

use clap::Subcommand;

use super::objections::{LiftArguments, ObjectionsArguments, ReasonArguments, TakedownArguments};
use super::serve::ServeArguments;
use super::settings::RegistryOptions;
use super::{Failure, block_on, terminal};
use crate::domain::{Namespace, Timestamp, TrustLevel};
use crate::registry::{KeyRole, renew_operator_token, rotate_key};

/// What an operator does.
#[derive(Subcommand)]
pub(super) enum AdminCommand {
    /// Register a host profile from its TOML document, with an operator's login.
    RegisterProfile(RegisterProfileArguments),
    /// Hide a release and withhold its package while it is looked at.
    Quarantine(ReasonArguments),
    /// Show a quarantined release and hand it out again.
    Release(LiftArguments),
    /// Delete the package of a release for good; a tombstone stays.
    Takedown(TakedownArguments),
    /// Tell hosts to stop running a release.
    Recall(ReasonArguments),
    /// Tell hosts that they may run a recalled release again.
    Unrecall(LiftArguments),
    /// List the releases that are quarantined, taken down or recalled.
    Objections(ObjectionsArguments),
    /// Say how far the releases of a namespace are trusted.
    Trust(TrustArguments),
    /// Make a new token for the operator account, straight in the database; for a lost one.
    OperatorToken(ServeArguments),
    /// Replace a key of the registry; the server must be stopped.
    RotateKey(RotateKeyArguments),
}

/// Replace a key of the registry. Clients follow: the next trust document is signed by the old key and the new.
#[derive(clap::Args)]
pub(super) struct RotateKeyArguments {
    /// Which key.
    #[arg(value_parser = ["log", "registry"])]
    key: String,
    #[command(flatten)]
    server: ServeArguments,
}

/// Register a host profile.
#[derive(clap::Args)]
pub(super) struct RegisterProfileArguments {
    /// The profile's TOML document.
    file: PathBuf,
    #[command(flatten)]
    registry: RegistryOptions,
}

/// Say how far the releases of a namespace are trusted, those it has and those to come. Policies of hosts go by it.
#[derive(clap::Args)]
pub(super) struct TrustArguments {
    /// The namespace.
    namespace: Namespace,
    /// marketplace: anybody, as every namespace starts; partner: known to you; internal: your own.
    #[arg(value_parser = ["marketplace", "partner", "internal"])]
    level: String,
    #[command(flatten)]
    registry: RegistryOptions,
}

impl AdminCommand {
    pub(super) fn run(self) -> Result<(), Failure> {
        match self {
            Self::RegisterProfile(arguments) => arguments.run(),
            Self::Quarantine(arguments) => arguments.quarantine(),
            Self::Release(arguments) => arguments.release(),
            Self::Takedown(arguments) => arguments.take_down(),
            Self::Recall(arguments) => arguments.recall(),
            Self::Unrecall(arguments) => arguments.unrecall(),
            Self::Objections(arguments) => arguments.list(),
            Self::Trust(arguments) => arguments.run(),
            Self::OperatorToken(arguments) => make_operator_token(&arguments),
            Self::RotateKey(arguments) => arguments.run(),
        }
    }
}

impl RegisterProfileArguments {
    fn run(self) -> Result<(), Failure> {
        let document =
            std::fs::read_to_string(&self.file).map_err(|error| Failure::file("read", &self.file, error))?;
        let client = self.registry.client()?;
        let profile = block_on(client.register_profile(&document))?;
        terminal::say(&format!("Registered the host profile {}@{}.", profile.name, profile.version));
        Ok(())
    }
}

impl TrustArguments {
    fn run(self) -> Result<(), Failure> {
        let level = match self.level.as_str() {
            "internal" => TrustLevel::Internal,
            "partner" => TrustLevel::Partner,
            _ => TrustLevel::Marketplace,
        };
        block_on(self.registry.client()?.set_trust(&self.namespace, level))?;
        terminal::say(&format!("The releases of {} count as {level}; log and index say so.", self.namespace));
        Ok(())
    }
}

impl RotateKeyArguments {
    fn run(self) -> Result<(), Failure> {
        let role = if self.key == "log" { KeyRole::Log } else { KeyRole::Registry };
        let configuration = self.server.configuration()?;
        let rotated = block_on(rotate_key(&configuration, role, Timestamp::now()))?;
        terminal::say(&format!(
            "The {role} key is now {}. The old one, {}, counts up to tree size {} and is kept at {}; version {} of the trust document says so.",
            rotated.new.short(),
            rotated.old.short(),
            rotated.retired_at,
            rotated.kept_at.display(),
            rotated.version,
        ));
        Ok(())
    }
}

fn make_operator_token(arguments: &ServeArguments) -> Result<(), Failure> {
    let configuration = arguments.configuration()?;
    let mut random = [0; 32];
    getrandom::fill(&mut random)
        .map_err(|error| Failure::new("no-randomness", format!("no random bytes: {error}")))?;
    let token = block_on(renew_operator_token(&configuration, random, Timestamp::now()))?;
    terminal::print(&format!("{token}\n"));
    Ok(())
}
