//! The command line: one file per command.
//!
//! A command reads its arguments, calls one use case or the client library, and prints. Rules of the
//! registry, HTTP and SQL do not belong here.
//!
//! Manners: exit 0 done, 1 refused or failed (reason and mend on stderr), 2 wrong usage. Results go to
//! stdout, everything a person is told on the way to stderr. Nothing from outside reaches the terminal
//! with its control characters intact.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod admin;
mod build;
mod contact;
mod demo;
mod deprecate;
mod failure;
mod fetch;
mod grants;
mod graph;
mod inspect;
mod key;
mod key_files;
mod layout;
mod local_verification;
mod log;
mod login;
mod new;
mod objections;
mod outdated;
mod pack;
mod package_files;
mod plan_text;
mod profiles;
mod publish;
mod question;
mod release_argument;
mod resolve;
mod run;
mod search;
mod serve;
mod settings;
mod sign;
mod terminal;
mod tree;
mod trust;
mod trust_options;
mod upgrade_plan;
mod verification_worker;
mod verify;
mod why;
mod witness;
mod yank;

pub use failure::Failure;

/// A self-hosted registry and marketplace for signed WebAssembly plugins.
#[derive(Parser)]
#[command(name = "pluginry", version, about, max_term_width = 100, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Serve(serve::ServeArguments),
    /// Make, list, enrol and revoke signing keys.
    #[command(subcommand)]
    Key(key::KeyCommand),
    Login(login::LoginArguments),
    New(new::NewArguments),
    Build(build::BuildArguments),
    Pack(pack::PackArguments),
    Inspect(inspect::InspectArguments),
    Sign(sign::SignArguments),
    Publish(publish::PublishArguments),
    Yank(yank::YankArguments),
    Deprecate(deprecate::DeprecateArguments),
    Search(search::SearchArguments),
    Resolve(resolve::ResolveArguments),
    Tree(tree::TreeArguments),
    Why(why::WhyArguments),
    Outdated(outdated::OutdatedArguments),
    UpgradePlan(upgrade_plan::UpgradePlanArguments),
    Fetch(fetch::FetchArguments),
    Graph(graph::GraphArguments),
    Verify(verify::VerifyArguments),
    /// See and change what is pinned of registries.
    #[command(subcommand)]
    Trust(trust::TrustCommand),
    Run(run::RunArguments),
    /// Check what a registry says against its log.
    #[command(subcommand)]
    Log(log::LogCommand),
    /// Watch the logs of other registries.
    #[command(subcommand)]
    Witness(witness::WitnessCommand),
    /// What an operator does.
    #[command(subcommand)]
    Admin(admin::AdminCommand),
    /// Verify one package in a locked-down process; the server starts this.
    #[command(hide = true)]
    VerificationWorker(verification_worker::VerificationWorkerCommand),
}

impl Command {
    fn run(self) -> Result<(), Failure> {
        match self {
            Self::Serve(command) => command.run(),
            Self::Key(command) => command.run(),
            Self::Login(command) => command.run(),
            Self::New(command) => command.run(),
            Self::Build(command) => command.run(),
            Self::Pack(command) => command.run(),
            Self::Inspect(command) => command.run(),
            Self::Sign(command) => command.run(),
            Self::Publish(command) => command.run(),
            Self::Yank(command) => command.run(),
            Self::Deprecate(command) => command.run(),
            Self::Search(command) => command.run(),
            Self::Resolve(command) => command.run(),
            Self::Tree(command) => command.run(),
            Self::Why(command) => command.run(),
            Self::Outdated(command) => command.run(),
            Self::UpgradePlan(command) => command.run(),
            Self::Fetch(command) => command.run(),
            Self::Graph(command) => command.run(),
            Self::Verify(command) => command.run(),
            Self::Trust(command) => command.run(),
            Self::Run(command) => command.run(),
            Self::Log(command) => command.run(),
            Self::Witness(command) => command.run(),
            Self::Admin(command) => command.run(),
            Self::VerificationWorker(command) => command.run(),
        }
    }
}

/// Waits for what a command does over the network, on this thread.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("the system lets a process wait for its files and sockets")
        .block_on(future)
}

/// Reads the arguments of the process, runs the command and says how it went.
pub fn main() -> ExitCode {
    match Arguments::parse().command.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.print();
            ExitCode::from(failure.exit_code())
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_arguments_of_every_command_are_consistent() {
        Arguments::command().debug_assert();
    }
}
