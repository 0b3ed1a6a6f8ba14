//! The client itself: one registry, maybe a token.

use super::error::ClientError;
use super::transport::Transport;

/// A registry to talk to. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct Client {
    pub(super) transport: Transport,
}

impl Client {
    /// A client of the registry at `address` (http or https), without a token.
    ///
    /// Installs rustls' ring provider for the process unless the process has chosen one already.
    pub fn new(address: &str) -> Result<Self, ClientError> {
        Ok(Self { transport: Transport::new(address)? })
    }

    /// The same client with a token for what needs one. It is sent to the registry alone, never to
    /// another host a download may lead to.
    #[must_use]
    pub fn with_token(self, token: Option<String>) -> Self {
        Self { transport: self.transport.with_token(token) }
    }

    /// The registry's address, with a slash at its end.
    pub fn registry(&self) -> &url::Url {
        self.transport.base()
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("registry", &self.registry().as_str()).finish_non_exhaustive()
    }
}
