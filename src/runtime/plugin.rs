//! One plugin: compiled once, started as often as wanted, called within its limits.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use wasmtime::component::Component;
use wasmtime::{Module, Store, Trap};

use super::component::RunningComponent;
use super::core::RunningModule;
use super::host::{self, HostServices, HostState, LogBook};
use super::limits::PluginLimits;
use super::{LimitKind, PluginError, Sandbox};
use crate::domain::{CapabilityName, HostProfile};

/// Under which terms a plugin runs.
#[derive(Debug, Clone)]
pub struct Terms {
    /// The profile it is made for.
    pub profile: HostProfile,
    /// The capabilities it is given; imports that need another are not linked.
    pub granted: BTreeSet<CapabilityName>,
    /// What it may use.
    pub limits: PluginLimits,
}

impl Terms {
    /// Why an import that needs `capability` is not given, if it is not.
    pub(super) fn refusal(&self, capability: Option<&str>) -> Option<String> {
        let capability = capability?;
        let granted = self.granted.iter().any(|granted| granted.as_str() == capability);
        (!granted).then(|| format!("needs the capability `{capability}`, which it was not given"))
    }
}

/// Compiled code of a plugin.
pub struct Plugin {
    sandbox: Sandbox,
    code: Code,
}

enum Code {
    Module(Module),
    Component(Component),
}

impl Plugin {
    /// Compiles the bytes. What this may cost is bounded by preflight and by the process it runs in.
    pub fn compile(sandbox: &Sandbox, bytes: &[u8]) -> Result<Self, PluginError> {
        let engine = sandbox.engine();
        let code = if wasmparser::Parser::is_component(bytes) {
            Component::new(engine, bytes).map(Code::Component)
        } else {
            Module::new(engine, bytes).map(Code::Module)
        };
        let code = code.map_err(|error| PluginError::Compile { problem: format!("{error:#}") })?;
        Ok(Self { sandbox: sandbox.clone(), code })
    }

    /// Links what the terms allow and instantiates; start functions run within the limits of a call.
    pub fn start(&self, terms: &Terms, services: HostServices) -> Result<RunningPlugin, PluginError> {
        let mut store = Store::new(self.sandbox.engine(), HostState::new(terms.limits, services));
        store.limiter(|state| &mut state.limiter);
        let meter = Meter { limits: terms.limits };
        let (body, start_fuel) = meter.measure(&mut store, |store| match &self.code {
            Code::Module(module) => RunningModule::start(module, terms, store).map(Body::Module),
            Code::Component(component) => {
                RunningComponent::start(component, terms, store).map(Body::Component)
            }
        });
        body.map(|body| RunningPlugin { store, body, meter, start_fuel })
    }
}

/// An instance of a plugin. After a trap it must not be called again.
pub struct RunningPlugin {
    store: Store<HostState>,
    body: Body,
    meter: Meter,
    start_fuel: u64,
}

enum Body {
    Module(RunningModule),
    Component(RunningComponent),
}

impl RunningPlugin {
    /// Tells it to begin: `lifecycle.activate`, or `_initialize` of a core module. Gives the fuel used.
    pub fn activate(&mut self) -> Result<u64, PluginError> {
        let (result, fuel) = self.meter.measure(&mut self.store, |store| match &self.body {
            Body::Module(module) => module.activate(store),
            Body::Component(component) => component.activate(store),
        });
        result.map(|()| fuel)
    }

    /// Calls an extension point (`tool`) or, of a core module, an export with numbers.
    ///
    /// The fuel is given in either case: an answer with an error costs as well.
    pub fn call(&mut self, name: &str, input: &Value) -> (Result<Value, PluginError>, u64) {
        self.meter.measure(&mut self.store, |store| match &self.body {
            Body::Module(module) => module.call(store, name, input),
            Body::Component(component) => component.call(store, name, input),
        })
    }

    /// Tells it to end: `lifecycle.deactivate`. Gives the fuel used.
    pub fn deactivate(&mut self) -> Result<u64, PluginError> {
        let (result, fuel) = self.meter.measure(&mut self.store, |store| match &self.body {
            Body::Module(_) => Ok(()),
            Body::Component(component) => component.deactivate(store),
        });
        result.map(|()| fuel)
    }

    /// Fuel that instantiating it used.
    pub fn start_fuel(&self) -> u64 {
        self.start_fuel
    }

    /// The most linear memory it held.
    pub fn peak_memory_bytes(&self) -> u64 {
        self.store.data().limiter.peak_memory_bytes()
    }

    /// Calls of host functions so far, by name.
    pub fn host_calls(&self) -> BTreeMap<String, u64> {
        self.store.data().host_calls()
    }

    /// What it logged.
    pub fn log(&self) -> &LogBook {
        &self.store.data().services.log
    }

    /// Ends it and gives back what stands behind its host interfaces.
    pub fn into_services(self) -> HostServices {
        self.store.into_data().services
    }
}

/// Sets fuel and time before plugin code runs and reads the fuel after it.
struct Meter {
    limits: PluginLimits,
}

impl Meter {
    fn measure<T>(
        &self,
        store: &mut Store<HostState>,
        work: impl FnOnce(&mut Store<HostState>) -> Result<T, CallError>,
    ) -> (Result<T, PluginError>, u64) {
        store.data_mut().begin_call();
        store.set_fuel(self.limits.call_fuel).expect("the engine counts fuel");
        store.set_epoch_deadline(Sandbox::ticks(self.limits.call_wall_ms));
        let result = work(store);
        let left = store.get_fuel().expect("the engine counts fuel");
        let fuel = self.limits.call_fuel.saturating_sub(left);
        (result.map_err(|error| self.explain(error, store)), fuel)
    }

    fn explain(&self, error: CallError, store: &Store<HostState>) -> PluginError {
        let (error, instantiating) = match error {
            CallError::Plugin(error) => return error,
            CallError::Instantiate(error) => (error, true),
            CallError::Engine(error) => (error, false),
        };
        if let Some((which, problem)) = self.limit_of(&error, store) {
            return PluginError::OverLimit { which, problem };
        }
        let problem = error.root_cause().to_string();
        if error.downcast_ref::<Trap>().is_some() || !instantiating {
            PluginError::Trap { problem }
        } else {
            PluginError::Instantiate { problem }
        }
    }

    fn limit_of(&self, error: &wasmtime::Error, store: &Store<HostState>) -> Option<(LimitKind, String)> {
        let limits = &self.limits;
        match error.downcast_ref::<Trap>() {
            Some(Trap::OutOfFuel) => {
                Some((LimitKind::Fuel, format!("it used up the {} fuel of a call", limits.call_fuel)))
            }
            Some(Trap::Interrupt) => {
                Some((LimitKind::Time, format!("it ran for more than {} ms", limits.call_wall_ms)))
            }
            Some(Trap::StackOverflow) => Some((LimitKind::Stack, "its calls nest too deep".into())),
            _ => host::limit_of(error).or_else(|| store.data().limiter.refused().cloned()),
        }
    }
}

/// How a step of a plugin fails before it is known whether a limit was behind it.
pub(super) enum CallError {
    /// Already explained.
    Plugin(PluginError),
    /// The engine's word while linking or instantiating.
    Instantiate(wasmtime::Error),
    /// The engine's word while plugin code ran.
    Engine(wasmtime::Error),
}

impl From<PluginError> for CallError {
    fn from(error: PluginError) -> Self {
        Self::Plugin(error)
    }
}

impl From<wasmtime::Error> for CallError {
    fn from(error: wasmtime::Error) -> Self {
        Self::Engine(error)
    }
}
