//! The client itself: one registry, maybe a token.

use std::sync::Arc;

use super::error::ClientError;
use super::memory::Memory;
use super::transport::Transport;
use crate::trust::TrustChain;

/// A registry to talk to. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct Client {
    pub(super) transport: Transport,
    pub(super) memory: Memory,
    /// The registry's keys as the host was given them.
    pub(super) pin: Option<Arc<TrustChain>>,
}

impl Client {
    /// A client of the registry at `address` (http or https), without a token, that remembers what it saw as long
    /// as it lives.
    ///
    /// Installs rustls' ring provider for the process unless the process has chosen one already.
    pub fn new(address: &str) -> Result<Self, ClientError> {
        Ok(Self { transport: Transport::new(address)?, memory: Memory::default(), pin: None })
    }

    /// The same client with a token for what needs one. It is sent to the registry alone, never to
    /// another host a download may lead to.
    #[must_use]
    pub fn with_token(self, token: Option<String>) -> Self {
        Self { transport: self.transport.with_token(token), ..self }
    }

    /// The same client with a memory that outlives it.
    #[must_use]
    pub fn with_memory(self, memory: Memory) -> Self {
        Self { memory, ..self }
    }

    /// The same client, which believes the keys of the registry only if they follow from these.
    #[must_use]
    pub fn with_pin(self, chain: Option<TrustChain>) -> Self {
        Self { pin: chain.map(Arc::new), ..self }
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
