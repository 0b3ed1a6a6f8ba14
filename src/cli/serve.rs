//! `pluginry serve`: the registry itself.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::{Failure, demo, terminal};
use crate::config::Configuration;
use crate::domain::Refusal as _;
use crate::http::{Application, StartError};
use crate::registry::OpenError;
use crate::telemetry;

/// Run the registry.
#[derive(clap::Args)]
pub(super) struct ServeArguments {
    /// Publish the example plugins into the registry if they are not there.
    #[arg(long)]
    demo: bool,
    /// Address and port to listen on; port 0 takes a free one [default: 127.0.0.1:8080].
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Directory of the embedded database and the packages [default: data].
    #[arg(long, value_name = "DIRECTORY")]
    data: Option<String>,
    /// The configuration file; it need not be there.
    #[arg(long, value_name = "FILE", default_value = "pluginry.toml", env = "PLUGINRY_CONFIG")]
    config: PathBuf,
    /// Any other setting, such as limits.package_bytes=1000000.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,
    /// Print every setting with its value and stop.
    #[arg(long)]
    print_config: bool,
}

impl ServeArguments {
    pub(super) fn run(self) -> Result<(), Failure> {
        let configuration = self.configuration()?;
        if self.print_config {
            terminal::print(&configuration.to_printable_toml());
            return Ok(());
        }
        telemetry::start_logs(configuration.log_format, self.log_filter(&configuration));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::new("runtime", format!("threads cannot be started: {error}")))?;
        runtime.block_on(serve(configuration, self.demo))
    }

    /// A demo shows its own progress; request lines would bury it unless they were asked for.
    fn log_filter<'a>(&self, configuration: &'a Configuration) -> &'a str {
        let is_default = configuration.log_filter == Configuration::default().log_filter;
        if self.demo && is_default { "warn" } else { &configuration.log_filter }
    }

    pub(super) fn configuration(&self) -> Result<Configuration, Failure> {
        let mut flags = BTreeMap::new();
        for setting in &self.settings {
            let (key, value) = setting
                .split_once('=')
                .ok_or_else(|| Failure::usage(format!("--set {setting}: write KEY=VALUE")))?;
            flags.insert(key.to_owned(), value.to_owned());
        }
        for (key, value) in [("listen", &self.listen), ("data", &self.data)] {
            if let Some(value) = value {
                flags.insert(key.to_owned(), value.clone());
            }
        }
        Ok(Configuration::load(&self.config, std::env::vars(), &flags)?)
    }
}

async fn serve(configuration: Configuration, with_demo: bool) -> Result<(), Failure> {
    let application = Application::build(configuration).await.map_err(failure_of)?;
    let url = application.registry().public_url();
    let token = application.registry().take_first_operator_token();
    let operator = application.registry().configuration().operator.clone();
    terminal::say(&format!("The catalog is at {url}/"));
    if let Some(token) = &token {
        terminal::say(&format!(
            "This is the first start. The account {operator:?} operates the registry; its token, shown this once:\n{token}"
        ));
    }
    if with_demo {
        let reached = format!("http://{}", reachable(application.address()));
        let data = application.registry().configuration().data.clone();
        tokio::spawn(async move {
            match demo::publish_examples(&reached, token.as_deref(), &data).await {
                Ok(()) => terminal::say(&format!("The example plugins are at {url}/")),
                Err(failure) => failure.print(),
            }
        });
    }
    application.run_until(told_to_stop()).await.map_err(failure_of)?;
    terminal::say("Stopped; everything is written.");
    Ok(())
}

/// An address that listens everywhere is reached through loopback.
fn reachable(mut address: std::net::SocketAddr) -> std::net::SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            std::net::SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            std::net::SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

fn failure_of(error: StartError) -> Failure {
    let failure = Failure::new("cannot-serve", error.to_string());
    match error {
        StartError::Bind { .. } => {
            failure.with_mend("Stop what listens there, or choose another address with --listen.")
        }
        StartError::Open(OpenError::InUse(_)) => {
            failure.with_mend("Stop that process, or choose another directory with --data.")
        }
        StartError::Open(OpenError::Keys(error)) => match error.mend() {
            Some(mend) => failure.with_mend(mend),
            None => failure,
        },
        _ => failure,
    }
}

/// Ctrl-C, or SIGTERM from whoever supervises the process.
pub(super) async fn told_to_stop() {
    let interrupt = tokio::signal::ctrl_c();
    match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = interrupt => {}
                _ = terminate.recv() => {}
            }
        }
        Err(_) => drop(interrupt.await),
    }
    terminal::say("Stopping: finishing what is in flight.");
}
