//! The interfaces of a profile's WIT document, their function types as text.

use std::collections::BTreeMap;

use wit_parser::{
    Function, FunctionKind, Handle, InterfaceId, PackageId, Resolve, Type, TypeDefKind, TypeId, WorldItem,
    WorldKey,
};

use super::type_writer::TypeWriter;
use crate::domain::Version;

/// What a profile's WIT document says.
#[derive(Debug, Clone, Default)]
pub(super) struct WitContract {
    /// By interface without version.
    pub(super) interfaces: BTreeMap<String, WitInterface>,
    /// Functions that worlds export directly.
    pub(super) world_exports: BTreeMap<String, String>,
    /// Functions that worlds import directly.
    pub(super) world_imports: BTreeMap<String, String>,
}

/// One interface.
#[derive(Debug, Clone)]
pub(super) struct WitInterface {
    /// Version of its package.
    pub(super) version: Option<Version>,
    /// Function types by name.
    pub(super) functions: BTreeMap<String, String>,
}

impl WitContract {
    /// Reads a WIT document; further packages may be nested in it.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let mut resolve = Resolve::new();
        resolve.push_source("profile.wit", text).map_err(|error| resolve.render_error(&error))?;
        let mut contract = Self::default();
        for (id, interface) in resolve.interfaces.iter() {
            if let (Some(name), Some(package)) = (&interface.name, interface.package) {
                let version = version_of(&resolve, package);
                let functions = functions_of(&resolve, id);
                let package = &resolve.packages[package].name;
                let full_name = format!("{}:{}/{name}", package.namespace, package.name);
                if contract
                    .interfaces
                    .insert(full_name.clone(), WitInterface { version, functions })
                    .is_some()
                {
                    return Err(format!("the interface {full_name} stands there in two versions"));
                }
            }
        }
        for (_, world) in resolve.worlds.iter() {
            for (items, functions) in
                [(&world.imports, &mut contract.world_imports), (&world.exports, &mut contract.world_exports)]
            {
                for (key, item) in items {
                    if let (WorldKey::Name(name), WorldItem::Function(function)) = (key, item) {
                        functions.insert(name.clone(), function_text(&resolve, function));
                    }
                }
            }
        }
        Ok(contract)
    }
}

fn version_of(resolve: &Resolve, package: PackageId) -> Option<Version> {
    resolve.packages[package].name.version.as_ref().and_then(|version| version.to_string().parse().ok())
}

fn functions_of(resolve: &Resolve, interface: InterfaceId) -> BTreeMap<String, String> {
    resolve.interfaces[interface]
        .functions
        .iter()
        .map(|(name, function)| (name.clone(), function_text(resolve, function)))
        .collect()
}

fn function_text(resolve: &Resolve, function: &Function) -> String {
    let mut out = TypeWriter::new();
    let is_async = matches!(
        function.kind,
        FunctionKind::AsyncFreestanding | FunctionKind::AsyncMethod(_) | FunctionKind::AsyncStatic(_)
    );
    out.word(if is_async { "async func(" } else { "func(" });
    for (index, param) in function.params.iter().enumerate() {
        out.separator(index);
        out.word(&param.name);
        out.word(": ");
        value(resolve, &mut out, &param.ty);
    }
    out.word(")");
    if let Some(result) = &function.result {
        out.word(" -> ");
        value(resolve, &mut out, result);
    }
    out.finish()
}

fn value(resolve: &Resolve, out: &mut TypeWriter, ty: &Type) {
    let word = match ty {
        Type::Bool => "bool",
        Type::U8 => "u8",
        Type::U16 => "u16",
        Type::U32 => "u32",
        Type::U64 => "u64",
        Type::S8 => "s8",
        Type::S16 => "s16",
        Type::S32 => "s32",
        Type::S64 => "s64",
        Type::F32 => "f32",
        Type::F64 => "f64",
        Type::Char => "char",
        Type::String => "string",
        Type::ErrorContext => "error-context",
        Type::Id(id) => {
            if out.enter() {
                defined(resolve, out, *id);
                out.leave();
            }
            return;
        }
    };
    out.word(word);
}

fn defined(resolve: &Resolve, out: &mut TypeWriter, id: TypeId) {
    match &resolve.types[id].kind {
        TypeDefKind::Type(ty) => value(resolve, out, ty),
        TypeDefKind::Record(record) => {
            out.word("record { ");
            for (index, field) in record.fields.iter().enumerate() {
                out.separator(index);
                out.word(&field.name);
                out.word(": ");
                value(resolve, out, &field.ty);
            }
            out.word(" }");
        }
        TypeDefKind::Variant(variant) => {
            out.word("variant { ");
            for (index, case) in variant.cases.iter().enumerate() {
                out.separator(index);
                out.word(&case.name);
                if let Some(ty) = &case.ty {
                    out.word("(");
                    value(resolve, out, ty);
                    out.word(")");
                }
            }
            out.word(" }");
        }
        TypeDefKind::Flags(flags) => out.names("flags", flags.flags.iter().map(|flag| flag.name.as_str())),
        TypeDefKind::Enum(cases) => out.names("enum", cases.cases.iter().map(|case| case.name.as_str())),
        TypeDefKind::List(element) => wrap(resolve, out, "list", &[Some(*element)]),
        TypeDefKind::Map(key, element) => wrap(resolve, out, "map", &[Some(*key), Some(*element)]),
        TypeDefKind::FixedLengthList(element, length) => {
            out.word("list<");
            value(resolve, out, element);
            out.word(&format!(", {length}>"));
        }
        TypeDefKind::Tuple(tuple) => {
            wrap(resolve, out, "tuple", &tuple.types.iter().copied().map(Some).collect::<Vec<_>>());
        }
        TypeDefKind::Option(ty) => wrap(resolve, out, "option", &[Some(*ty)]),
        TypeDefKind::Result(result) => wrap(resolve, out, "result", &[result.ok, result.err]),
        TypeDefKind::Future(ty) => wrap(resolve, out, "future", &[*ty]),
        TypeDefKind::Stream(ty) => wrap(resolve, out, "stream", &[*ty]),
        TypeDefKind::Handle(Handle::Own(id)) => handle(resolve, out, "own", *id),
        TypeDefKind::Handle(Handle::Borrow(id)) => handle(resolve, out, "borrow", *id),
        // A resource stands only behind a handle, and a resolved document has no unknown types.
        TypeDefKind::Resource | TypeDefKind::Unknown => out.word("resource"),
    }
}

fn wrap(resolve: &Resolve, out: &mut TypeWriter, name: &str, inner: &[Option<Type>]) {
    out.word(name);
    out.word("<");
    for (index, ty) in inner.iter().enumerate() {
        out.separator(index);
        match ty {
            Some(ty) => value(resolve, out, ty),
            None => out.word("_"),
        }
    }
    out.word(">");
}

/// `own<descriptor>`, by the name at the resource's origin, whatever `use … as` calls it here.
fn handle(resolve: &Resolve, out: &mut TypeWriter, kind: &str, mut id: TypeId) {
    while let TypeDefKind::Type(Type::Id(origin)) = resolve.types[id].kind {
        id = origin;
    }
    out.word(kind);
    out.word("<");
    out.word(resolve.types[id].name.as_deref().unwrap_or("unnamed resource"));
    out.word(">");
}
