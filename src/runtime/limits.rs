//! Limits of one running plugin and the limiter the engine asks before memory or tables grow.

use wasmtime::ResourceLimiter;

use super::{LimitKind, VerificationLimits};

/// What one plugin may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PluginLimits {
    /// Linear memory over all memories, in bytes.
    pub memory_bytes: u64,
    /// Elements of all tables together.
    pub table_elements: u64,
    /// Fuel for instantiating, and again for each call.
    pub call_fuel: u64,
    /// Wall time of one call in milliseconds.
    pub call_wall_ms: u64,
    /// Calls of host functions in one call.
    pub host_calls: u64,
}

impl From<&VerificationLimits> for PluginLimits {
    fn from(limits: &VerificationLimits) -> Self {
        Self {
            memory_bytes: limits.memory_bytes,
            table_elements: VerificationLimits::TABLE_ELEMENTS,
            call_fuel: limits.call_fuel,
            call_wall_ms: limits.call_wall_ms,
            host_calls: limits.host_calls,
        }
    }
}

/// A component is several core instances: the module, its adapters, the shims between them.
const INSTANCES: usize = 64;
const TABLES: usize = 64;
const MEMORIES: usize = 16;

/// Counts memory and tables of one store and remembers what it had to refuse.
#[derive(Debug)]
pub(super) struct Limiter {
    limits: PluginLimits,
    memory_bytes: u64,
    peak_memory_bytes: u64,
    table_elements: u64,
    last_growth_bytes: u64,
    refused: Option<(LimitKind, String)>,
}

impl Limiter {
    pub(super) fn new(limits: PluginLimits) -> Self {
        Self {
            limits,
            memory_bytes: 0,
            peak_memory_bytes: 0,
            table_elements: 0,
            last_growth_bytes: 0,
            refused: None,
        }
    }

    /// The most linear memory held so far.
    pub(super) fn peak_memory_bytes(&self) -> u64 {
        self.peak_memory_bytes
    }

    /// The last growth that was refused, if one was.
    pub(super) fn refused(&self) -> Option<&(LimitKind, String)> {
        self.refused.as_ref()
    }

    /// Forgets refusals, so that the next call is judged by its own.
    pub(super) fn forget_refusals(&mut self) {
        self.refused = None;
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let growth = (desired as u64).saturating_sub(current as u64);
        let total = self.memory_bytes.saturating_add(growth);
        if total > self.limits.memory_bytes {
            let message =
                format!("it asked for {total} bytes of memory; {} are allowed", self.limits.memory_bytes);
            self.refused = Some((LimitKind::Memory, message));
            return Ok(false);
        }
        self.memory_bytes = total;
        self.last_growth_bytes = growth;
        self.peak_memory_bytes = self.peak_memory_bytes.max(total);
        Ok(true)
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.memory_bytes = self.memory_bytes.saturating_sub(std::mem::take(&mut self.last_growth_bytes));
        Ok(())
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let total = self.table_elements.saturating_add((desired as u64).saturating_sub(current as u64));
        if total > self.limits.table_elements {
            let message =
                format!("it asked for {total} table elements; {} are allowed", self.limits.table_elements);
            self.refused = Some((LimitKind::Tables, message));
            return Ok(false);
        }
        self.table_elements = total;
        Ok(true)
    }

    fn instances(&self) -> usize {
        INSTANCES
    }

    fn tables(&self) -> usize {
        TABLES
    }

    fn memories(&self) -> usize {
        MEMORIES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_counted_over_all_memories_together() {
        let limits = PluginLimits {
            memory_bytes: 100,
            table_elements: 10,
            call_fuel: 1,
            call_wall_ms: 1,
            host_calls: 1,
        };
        let mut limiter = Limiter::new(limits);

        assert!(limiter.memory_growing(0, 60, None).unwrap());
        assert!(!limiter.memory_growing(0, 60, None).unwrap());
        assert!(limiter.memory_growing(60, 100, None).unwrap());

        assert_eq!(limiter.peak_memory_bytes(), 100);
        assert_eq!(limiter.refused().unwrap().0, LimitKind::Memory);
    }
}
