//! The engine: how code is compiled and which ways it has to end early.

use std::time::Duration;

use wasmtime::{Config, Engine};

use super::RuntimeError;

/// How often the clock that ends calls ticks.
const TICK: Duration = Duration::from_millis(5);

/// How a sandbox is set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SandboxSettings {
    /// Stack of a plugin in bytes.
    pub stack_bytes: usize,
    /// Untrusted bytes in a small process: one compiler thread, no memory reserved ahead, no NaN bits
    /// or relaxed instructions by which two machines could differ.
    pub verification: bool,
}

/// An engine with its ticker: compiles plugins and can end any of them.
#[derive(Clone)]
pub struct Sandbox {
    engine: Engine,
}

impl Sandbox {
    /// An engine with a thread beside it that ticks as long as the engine lives.
    pub fn new(settings: SandboxSettings) -> Result<Self, RuntimeError> {
        let engine = Engine::new(&config(settings))
            .map_err(|error| RuntimeError::Engine { problem: format!("{error:#}") })?;
        let weak = engine.weak();
        std::thread::Builder::new()
            .name("plugin-clock".into())
            .stack_size(64 * 1024)
            .spawn(move || {
                while let Some(engine) = weak.upgrade() {
                    engine.increment_epoch();
                    drop(engine);
                    std::thread::sleep(TICK);
                }
            })
            .map_err(|source| RuntimeError::Child { step: "could not start its clock", source })?;
        Ok(Self { engine })
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// How many ticks a call of `wall_ms` may last; one more, because the next may come at once.
    pub(super) fn ticks(wall_ms: u64) -> u64 {
        wall_ms.div_ceil(TICK.as_millis() as u64) + 1
    }
}

fn config(settings: SandboxSettings) -> Config {
    let mut config = Config::new();
    config
        .consume_fuel(true)
        .epoch_interruption(true)
        .max_wasm_stack(settings.stack_bytes)
        .wasm_component_model(true)
        .concurrency_support(false)
        .wasm_backtrace_max_frames(None);
    if settings.verification {
        config
            .parallel_compilation(false)
            .memory_reservation(0)
            .memory_reservation_for_growth(1 << 20)
            .memory_guard_size(64 << 10)
            .memory_init_cow(false)
            .native_unwind_info(false)
            .cranelift_nan_canonicalization(true)
            .relaxed_simd_deterministic(true);
    }
    config
}
