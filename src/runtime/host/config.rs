//! `pluginry:plugin/config`: the operator's settings.

use super::HostState;
use super::bindings::pluginry::plugin::config;

impl config::Host for HostState {
    fn get(&mut self, key: String) -> wasmtime::Result<Option<String>> {
        self.count("config.get")?;
        Ok(self.services.config.get(&key).cloned())
    }

    fn keys(&mut self) -> wasmtime::Result<Vec<String>> {
        self.count("config.keys")?;
        Ok(self.services.config.keys().cloned().collect())
    }
}
