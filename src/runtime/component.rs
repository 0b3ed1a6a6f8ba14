//! Components: the reference host's interfaces linked by capability, other hosts' stubbed.

use serde_json::Value;
use wasmtime::Store;
use wasmtime::component::{Component, ComponentExportIndex, Instance, Linker};

use super::PluginError;
use super::host::{HostState, INTERFACES};
use super::plugin::{CallError, Terms};

const TOOL: &str = "pluginry:plugin/tool@1.0.0";
const LIFECYCLE: &str = "pluginry:plugin/lifecycle@1.0.0";

/// An instance of a component.
pub(super) struct RunningComponent {
    instance: Instance,
}

impl RunningComponent {
    pub(super) fn start(
        component: &Component,
        terms: &Terms,
        store: &mut Store<HostState>,
    ) -> Result<Self, CallError> {
        let linker = link(component, terms).map_err(|error| match error {
            CallError::Engine(error) => CallError::Instantiate(error),
            other => other,
        })?;
        let instance = linker.instantiate(store, component).map_err(CallError::Instantiate)?;
        Ok(Self { instance })
    }

    pub(super) fn activate(&self, store: &mut Store<HostState>) -> Result<(), CallError> {
        let Some(function) = self.function(store, LIFECYCLE, "activate") else { return Ok(()) };
        let activate = self.instance.get_typed_func::<(), (Result<(), String>,)>(&mut *store, &function)?;
        let (result,) = activate.call(store, ())?;
        result.map_err(|message| PluginError::Refused { message }.into())
    }

    pub(super) fn deactivate(&self, store: &mut Store<HostState>) -> Result<(), CallError> {
        let Some(function) = self.function(store, LIFECYCLE, "deactivate") else { return Ok(()) };
        let deactivate = self.instance.get_typed_func::<(), ()>(&mut *store, &function)?;
        Ok(deactivate.call(store, ())?)
    }

    pub(super) fn call(
        &self,
        store: &mut Store<HostState>,
        name: &str,
        input: &Value,
    ) -> Result<Value, CallError> {
        let not_callable =
            |problem: &str| PluginError::NotCallable { call: name.into(), problem: problem.into() };
        if name != "tool" {
            return Err(not_callable("of a component only `tool` can be called").into());
        }
        let function = self
            .function(store, TOOL, "execute")
            .ok_or_else(|| not_callable(&format!("the component does not export {TOOL}")))?;
        let execute = self
            .instance
            .get_typed_func::<(&str,), (Result<String, String>,)>(&mut *store, &function)
            .map_err(|error| not_callable(&format!("`execute` has another type: {error:#}")))?;
        let (result,) = execute.call(store, (&input.to_string(),))?;
        let text = result.map_err(|message| PluginError::Refused { message })?;
        serde_json::from_str(&text).map_err(|error| {
            let problem = format!("it answered with a text that is not JSON ({error})");
            CallError::Plugin(PluginError::Trap { problem })
        })
    }

    fn function(
        &self,
        store: &mut Store<HostState>,
        interface: &str,
        function: &str,
    ) -> Option<ComponentExportIndex> {
        let interface = self.instance.get_export_index(&mut *store, None, interface)?;
        self.instance.get_export_index(store, Some(&interface), function)
    }
}

fn link(component: &Component, terms: &Terms) -> Result<Linker<HostState>, CallError> {
    let engine = component.engine();
    let mut linker = Linker::new(engine);
    let ours = terms.profile.name.to_string() == "pluginry:reference";
    if ours {
        for interface in INTERFACES.iter().filter(|known| terms.refusal(known.capability).is_none()) {
            (interface.link)(&mut linker)?;
        }
    }
    let imports: Vec<String> =
        component.component_type().imports(engine).map(|(name, _)| name.to_owned()).collect();
    for import in imports {
        let refused = |reason: String| PluginError::Import { import: import.clone(), reason };
        let name = import.split('@').next().unwrap_or_default();
        let capability = if ours {
            let known = INTERFACES.iter().find(|known| known.name == name);
            known.ok_or_else(|| refused("the reference host does not offer".into()))?.capability
        } else {
            let rule = terms.profile.imports.iter().find(|rule| rule.module == name);
            let rule = rule.ok_or_else(|| {
                refused(format!("{}@{} does not offer", terms.profile.name, terms.profile.version))
            })?;
            rule.capability.as_ref().map(|name| name.as_str())
        };
        if let Some(reason) = terms.refusal(capability) {
            return Err(refused(reason).into());
        }
    }
    if !ours {
        linker.define_unknown_imports_as_traps(component)?;
    }
    Ok(linker)
}
