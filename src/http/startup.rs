//! Binding, serving and stopping: tests and `pluginry serve` start this same program.

use std::future::Future;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::{App, HttpServer, web};

use crate::config::Configuration;
use crate::http::rate_limit::RateLimits;
use crate::http::routes;
use crate::registry::{OpenError, OpenWitnessError, Registry, Witness};
use crate::storage::Storage;
use crate::telemetry;

/// Why the server could not start or stopped badly.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be listened on.
    #[error("cannot listen on {listen}: {source}")]
    Bind {
        /// The address as configured.
        listen: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// The registry behind it cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// What it shall witness is not clear.
    #[error(transparent)]
    Witness(#[from] OpenWitnessError),
    /// A worker failed.
    #[error("the server stopped: {0}")]
    Serve(#[from] std::io::Error),
}

/// A registry bound to an address, not yet answering.
pub struct Application {
    server: Server,
    address: SocketAddr,
    registry: Registry,
}

impl Application {
    /// Opens the registry and binds its address; port 0 takes a free port.
    pub async fn build(configuration: Configuration) -> Result<Self, StartError> {
        Self::build_on(configuration, None).await
    }

    /// The same with a store that is open already.
    pub async fn build_on(
        configuration: Configuration,
        storage: Option<Storage>,
    ) -> Result<Self, StartError> {
        telemetry::metrics_handle();
        let bind = |source| StartError::Bind { listen: configuration.listen.clone(), source };
        let listener = TcpListener::bind(&configuration.listen).map_err(bind)?;
        let address = listener.local_addr().map_err(bind)?;

        let registry = match storage {
            Some(storage) => Registry::open_on(configuration, storage).await?,
            None => Registry::open(configuration).await?,
        };
        let witness = Witness::of_configuration(registry.configuration())?;
        registry.set_listening_url(format!("http://{address}"));
        #[cfg(feature = "runtime")]
        crate::jobs::start(&registry);
        let server = serve(listener, registry.clone(), witness)?;
        Ok(Self { server, address, registry })
    }

    /// The address it is bound to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The registry it serves.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Answers until `shutdown` is ready, then finishes what is in flight.
    pub async fn run_until(self, shutdown: impl Future<Output = ()>) -> Result<(), StartError> {
        let handle = self.server.handle();
        let mut serving = std::pin::pin!(self.server);
        tokio::select! {
            ended = &mut serving => return Ok(ended?),
            () = shutdown => {}
        }
        let (ended, ()) = tokio::join!(serving, handle.stop(true));
        self.registry.close().await;
        Ok(ended?)
    }
}

fn serve(listener: TcpListener, registry: Registry, witness: Option<Witness>) -> Result<Server, StartError> {
    let configuration = registry.configuration().clone();
    let data = web::Data::new(registry);
    let rate_limits = web::Data::new(RateLimits::new(&configuration));
    let witness = witness.map(web::Data::new);
    let server = HttpServer::new(move || {
        let app = App::new().app_data(data.clone()).app_data(rate_limits.clone());
        let witness = witness.clone();
        app.configure(|service| routes::configure(service, witness))
    });
    let limits = &configuration.limits;
    let server = server
        .disable_signals()
        .client_request_timeout(Duration::from_millis(limits.head_timeout_ms))
        .shutdown_timeout(limits.shutdown_seconds)
        // A client that closes its end is gone: what it asked is not worked on any further.
        .h1_allow_half_closed(false)
        .workers(worker_count(configuration.workers))
        .listen(listener)?;
    Ok(server.run())
}

fn worker_count(configured: usize) -> usize {
    match configured {
        0 => std::thread::available_parallelism().map_or(2, std::num::NonZero::get),
        count => count,
    }
}
