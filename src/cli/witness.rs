//! `pluginry witness`: cosign what other logs show, so that they cannot show two people two histories.

use std::path::PathBuf;

use super::serve::told_to_stop;
use super::{Failure, terminal};
use crate::config::{Configuration, LogFormat};
use crate::http::WitnessApplication;
use crate::log::NoteVerifier;
use crate::registry::{OpenWitnessError, Witness, key_in};
use crate::telemetry;

/// Watch the logs of registries.
#[derive(clap::Subcommand)]
pub(super) enum WitnessCommand {
    /// Run a witness; a registry with `witness.logs` is one too, below /witness.
    Serve(ServeWitnessArguments),
    /// Print the key that those who rely on this witness need; the first call makes it.
    Key(WitnessIdentity),
}

/// Who the witness is.
#[derive(clap::Args)]
pub(super) struct WitnessIdentity {
    /// Folder of the key and of what was cosigned.
    #[arg(long, value_name = "DIRECTORY", default_value = "data")]
    data: PathBuf,
    /// The name to cosign with, such as witness.example.org.
    #[arg(long, value_name = "NAME")]
    name: String,
}

#[derive(clap::Args)]
pub(super) struct ServeWitnessArguments {
    /// Address and port to listen on; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8081")]
    listen: String,
    /// The key of a log to witness, `origin+hash+base64`; once for each log.
    #[arg(long = "log", value_name = "VKEY", required = true)]
    logs: Vec<String>,
    #[command(flatten)]
    identity: WitnessIdentity,
}

impl WitnessCommand {
    pub(super) fn run(self) -> Result<(), Failure> {
        match self {
            Self::Serve(command) => command.run(),
            Self::Key(identity) => {
                let key = key_in(&identity.data)?;
                let verifier = NoteVerifier::of_witness(&identity.name, key.public_key())
                    .map_err(OpenWitnessError::Name)?;
                terminal::print(&verifier.to_string());
                Ok(())
            }
        }
    }
}

impl ServeWitnessArguments {
    fn run(self) -> Result<(), Failure> {
        telemetry::start_logs(LogFormat::Text, &Configuration::default().log_filter);
        let WitnessIdentity { data, name } = self.identity;
        let witness = Witness::open(&name, key_in(&data)?, &self.logs, &data.join("witness"))?;
        let verifier = witness.verifier().to_string();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::new("runtime", format!("threads cannot be started: {error}")))?;
        runtime.block_on(async {
            let application = WitnessApplication::build(&self.listen, witness).map_err(|error| {
                Failure::new("cannot-serve", format!("cannot listen on {}: {error}", self.listen))
                    .with_mend("Stop what listens there, or choose another address with --listen.")
            })?;
            terminal::say(&format!("This witness is {verifier}, at http://{}", application.address()));
            application
                .run_until(told_to_stop())
                .await
                .map_err(|error| Failure::new("cannot-serve", format!("the server stopped: {error}")))
        })
    }
}
