//! Core modules: the profile's imports stubbed, exports called with numbers.
//!
//! The hosts these modules are made for are not here, so a host function traps with its name when it
//! is called; memories, globals and tables are given as empty ones of the right type.

use serde_json::{Number, Value};
use wasmtime::{
    ExternType, Func, FuncType, Global, ImportType, Instance, Linker, Memory, Module, Ref, Store, Table, Val,
    ValType,
};

use super::PluginError;
use super::host::HostState;
use super::plugin::{CallError, Terms};

/// An instance of a core module.
pub(super) struct RunningModule {
    instance: Instance,
}

/// A function of a host that is not here was called.
#[derive(Debug, thiserror::Error)]
#[error("it called the host function `{module}` `{name}`, which is a stub here")]
struct StubCalled {
    module: String,
    name: String,
}

impl RunningModule {
    pub(super) fn start(
        module: &Module,
        terms: &Terms,
        store: &mut Store<HostState>,
    ) -> Result<Self, CallError> {
        let mut linker = Linker::new(module.engine());
        linker.allow_shadowing(true);
        for import in module.imports() {
            check_import(&import, terms)?;
            define_stub(&import, &mut linker, store).map_err(CallError::Instantiate)?;
        }
        let instance = linker.instantiate(store, module).map_err(CallError::Instantiate)?;
        Ok(Self { instance })
    }

    /// Reactor modules set themselves up in `_initialize`.
    pub(super) fn activate(&self, store: &mut Store<HostState>) -> Result<(), CallError> {
        match self.instance.get_typed_func::<(), ()>(&mut *store, "_initialize") {
            Ok(initialize) => Ok(initialize.call(store, ())?),
            Err(_) => Ok(()),
        }
    }

    pub(super) fn call(
        &self,
        store: &mut Store<HostState>,
        name: &str,
        input: &Value,
    ) -> Result<Value, CallError> {
        let not_callable = |problem: String| PluginError::NotCallable { call: name.into(), problem };
        let function = self
            .instance
            .get_func(&mut *store, name)
            .ok_or_else(|| not_callable("the module exports no such function".into()))?;
        let ty = function.ty(&*store);
        let arguments = arguments_from_json(&ty, input).map_err(not_callable)?;
        let mut results = vec![Val::I32(0); ty.results().len()];
        function.call(store, &arguments, &mut results)?;
        let results: Result<Vec<Value>, String> = results.iter().map(to_json).collect();
        Ok(Value::Array(results.map_err(not_callable)?))
    }
}

fn check_import(import: &ImportType<'_>, terms: &Terms) -> Result<(), PluginError> {
    let refused =
        |reason| PluginError::Import { import: format!("`{}` `{}`", import.module(), import.name()), reason };
    let rule = terms.profile.imports.iter().find(|rule| {
        rule.module == import.module() && rule.name.as_deref().is_none_or(|name| name == import.name())
    });
    let rule = rule
        .ok_or_else(|| refused(format!("{}@{} does not offer", terms.profile.name, terms.profile.version)))?;
    match terms.refusal(rule.capability.as_ref().map(|name| name.as_str())) {
        Some(reason) => Err(refused(reason)),
        None => Ok(()),
    }
}

fn define_stub(
    import: &ImportType<'_>,
    linker: &mut Linker<HostState>,
    store: &mut Store<HostState>,
) -> wasmtime::Result<()> {
    let (module, name) = (import.module(), import.name());
    match import.ty() {
        ExternType::Func(ty) => {
            let stub = StubCalled { module: module.to_owned(), name: name.to_owned() };
            let function = stub_function(store, ty, stub);
            linker.define(&*store, module, name, function)?;
        }
        ExternType::Memory(ty) => {
            let memory = Memory::new(&mut *store, ty)?;
            linker.define(&*store, module, name, memory)?;
        }
        ExternType::Global(ty) => {
            let zero = Val::default_for_ty(ty.content())
                .ok_or_else(|| wasmtime::format_err!("global `{module}` `{name}` has no zero value"))?;
            let global = Global::new(&mut *store, ty, zero)?;
            linker.define(&*store, module, name, global)?;
        }
        ExternType::Table(ty) => {
            let null = Ref::null(ty.element().heap_type());
            let table = Table::new(&mut *store, ty, null)?;
            linker.define(&*store, module, name, table)?;
        }
        ExternType::Tag(_) => {
            wasmtime::bail!("import `{module}` `{name}` is a tag, which no host here offers")
        }
    }
    Ok(())
}

fn stub_function(store: &mut Store<HostState>, ty: FuncType, stub: StubCalled) -> Func {
    Func::new(store, ty, move |_caller, _arguments, _results| {
        Err(StubCalled { module: stub.module.clone(), name: stub.name.clone() }.into())
    })
}

fn arguments_from_json(ty: &FuncType, input: &Value) -> Result<Vec<Val>, String> {
    let none = Vec::new();
    let given = match input {
        Value::Null => &none,
        Value::Array(values) => values,
        other => return Err(format!("the input must be an array of numbers, not {other}")),
    };
    if given.len() != ty.params().len() {
        return Err(format!("it takes {} numbers, not {}", ty.params().len(), given.len()));
    }
    ty.params().zip(given).enumerate().map(|(index, (ty, value))| argument(index + 1, &ty, value)).collect()
}

/// Integers may be given signed or unsigned; the bits are what counts.
fn argument(place: usize, ty: &ValType, value: &Value) -> Result<Val, String> {
    let wrong = || format!("argument {place} must be {ty}, not {value}");
    Ok(match ty {
        ValType::I32 => {
            let signed = value.as_i64().ok_or_else(wrong)?;
            let bits = i32::try_from(signed).or_else(|_| u32::try_from(signed).map(u32::cast_signed));
            Val::I32(bits.map_err(|_| wrong())?)
        }
        ValType::I64 => {
            let bits = value.as_i64().or_else(|| value.as_u64().map(u64::cast_signed));
            Val::I64(bits.ok_or_else(wrong)?)
        }
        #[expect(clippy::cast_possible_truncation, reason = "a JSON number becomes the nearest f32")]
        ValType::F32 => Val::F32((value.as_f64().ok_or_else(wrong)? as f32).to_bits()),
        ValType::F64 => Val::F64(value.as_f64().ok_or_else(wrong)?.to_bits()),
        _ => return Err(format!("argument {place} is of type {ty}; only numbers can be given")),
    })
}

/// Numbers JSON cannot hold come as the texts `NaN`, `inf` and `-inf`.
fn to_json(value: &Val) -> Result<Value, String> {
    let float =
        |number: f64| Number::from_f64(number).map_or(Value::String(number.to_string()), Value::Number);
    Ok(match value {
        Val::I32(number) => (*number).into(),
        Val::I64(number) => (*number).into(),
        Val::F32(bits) => float(f64::from(f32::from_bits(*bits))),
        Val::F64(bits) => float(f64::from_bits(*bits)),
        _ => return Err("it gives something other than numbers".into()),
    })
}
