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

mod failure;
mod key;
mod key_files;
mod settings;
mod terminal;
mod verification_worker;

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
    /// Make, list, enrol and revoke signing keys.
    #[command(subcommand)]
    Key(key::KeyCommand),
    /// Verify one package in a locked-down process; the server starts this.
    #[command(hide = true)]
    VerificationWorker(verification_worker::VerificationWorkerCommand),
}

impl Command {
    fn run(self) -> Result<(), Failure> {
        match self {
            Self::Key(command) => command.run(),
            Self::VerificationWorker(command) => command.run(),
        }
    }
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
