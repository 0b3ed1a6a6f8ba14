//! What a package shows to the outside: the imports and exports of its outermost module or component.
//!
//! Types are read with the validator's own tables, without looking into function bodies. What nested
//! modules import from each other is the package's own affair and is not listed.

use std::collections::BTreeMap;

use wasmparser::types::{EntityType, TypesRef};
use wasmparser::{Parser, Payload, ValidPayload, Validator};

use super::PackageKind;
use super::component_text::ComponentText;
use super::preflight::FEATURES;
use super::printable::printable_message;
use crate::domain::Version;

/// More imports or exports than this are not listed.
pub(super) const ITEMS_MAX: usize = 2_000;

/// The outside of a package.
pub(super) struct Surface {
    pub(super) kind: PackageKind,
    pub(super) imports: Vec<Import>,
    pub(super) exports: Vec<Export>,
}

/// One import.
pub(super) struct Import {
    /// Core: the module. Component: interface without version, or the whole name where it is no interface.
    pub(super) module: String,
    /// Core: the name.
    pub(super) name: Option<String>,
    pub(super) version: Option<Version>,
    pub(super) shape: Shape,
}

/// One export.
pub(super) struct Export {
    /// Core: the name. Component: interface without version, or the name of a function.
    pub(super) name: String,
    pub(super) version: Option<Version>,
    pub(super) shape: Shape,
}

/// What an import or export is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shape {
    /// Core item: its type as text.
    Core(String),
    /// Instance of a component: the types of its functions, as text.
    Interface(BTreeMap<String, String>),
    /// Function of a component's world: its type as text.
    Function(String),
    /// Anything else a component can import or export: `core module`, `component`, `value`, `type`.
    Other(&'static str),
}

/// Why the outside of a package cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum SurfaceError {
    #[error("not valid WebAssembly at byte {offset}: {problem}")]
    Invalid { problem: String, offset: usize },
    #[error("the package has more than {ITEMS_MAX} {what}")]
    TooMany { what: &'static str },
}

/// Reads imports and exports with their types.
pub(super) fn read_surface(bytes: &[u8]) -> Result<Surface, SurfaceError> {
    let mut validator = Validator::new_with_features(FEATURES);
    let mut parser = Parser::new(0);
    parser.set_features(FEATURES);
    let mut names = ComponentNames::default();
    let mut outermost = None;
    let kind = if Parser::is_component(bytes) { PackageKind::Component } else { PackageKind::Core };
    let mut depth = 0_u32;
    for payload in parser.parse_all(bytes) {
        let payload = payload.map_err(invalid)?;
        let is_end = matches!(payload, Payload::End(_));
        if depth == 0 {
            names.note(&payload)?;
        }
        if matches!(payload, Payload::ModuleSection { .. } | Payload::ComponentSection { .. }) {
            depth += 1;
        }
        let outcome = validator.payload(&payload).map_err(invalid)?;
        if is_end {
            if let (ValidPayload::End(types), 0) = (outcome, depth) {
                outermost = Some(types);
            }
            depth = depth.saturating_sub(1);
        }
    }
    let types = outermost
        .ok_or_else(|| SurfaceError::Invalid { problem: "unexpected end".into(), offset: bytes.len() })?;
    match kind {
        PackageKind::Core => core_surface(types.as_ref()),
        PackageKind::Component => Ok(component_surface(types.as_ref(), &names)),
    }
}

fn invalid(error: wasmparser::BinaryReaderError) -> SurfaceError {
    SurfaceError::Invalid { problem: printable_message(error.message()), offset: error.offset() }
}

/// The names a component imports and exports, in the order of the bytes.
#[derive(Default)]
struct ComponentNames {
    imports: Vec<String>,
    exports: Vec<String>,
}

impl ComponentNames {
    fn note(&mut self, payload: &Payload<'_>) -> Result<(), SurfaceError> {
        match payload {
            Payload::ComponentImportSection(section) => {
                for import in section.clone() {
                    push(&mut self.imports, import.map_err(invalid)?.name.name, "imports")?;
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section.clone() {
                    push(&mut self.exports, export.map_err(invalid)?.name.name, "exports")?;
                }
            }
            _ => {}
        }
        Ok(())
    }
}

fn push(names: &mut Vec<String>, name: &str, what: &'static str) -> Result<(), SurfaceError> {
    if names.len() == ITEMS_MAX {
        return Err(SurfaceError::TooMany { what });
    }
    names.push(name.to_owned());
    Ok(())
}

fn core_surface(types: TypesRef<'_>) -> Result<Surface, SurfaceError> {
    let imports: Vec<Import> = types
        .core_imports()
        .into_iter()
        .flatten()
        .take(ITEMS_MAX + 1)
        .map(|(module, name, ty)| Import {
            module: module.to_owned(),
            name: Some(name.to_owned()),
            version: None,
            shape: Shape::Core(core_text(types, ty)),
        })
        .collect();
    let exports: Vec<Export> = types
        .core_exports()
        .into_iter()
        .flatten()
        .take(ITEMS_MAX + 1)
        .map(|(name, ty)| Export {
            name: name.to_owned(),
            version: None,
            shape: Shape::Core(core_text(types, ty)),
        })
        .collect();
    for (length, what) in [(imports.len(), "imports"), (exports.len(), "exports")] {
        if length > ITEMS_MAX {
            return Err(SurfaceError::TooMany { what });
        }
    }
    Ok(Surface { kind: PackageKind::Core, imports, exports })
}

/// A core type in the words of `domain::CoreType`; what profiles cannot write gets words of its own.
fn core_text(types: TypesRef<'_>, ty: EntityType) -> String {
    match ty {
        EntityType::Func(id) | EntityType::FuncExact(id) => match &types[id].composite_type.inner {
            wasmparser::CompositeInnerType::Func(function) => {
                let list = |values: &[wasmparser::ValType]| {
                    values.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
                };
                match function.results() {
                    [] => format!("({})", list(function.params())),
                    [one] => format!("({}) -> {one}", list(function.params())),
                    many => format!("({}) -> ({})", list(function.params()), list(many)),
                }
            }
            _ => "unknown".to_owned(),
        },
        EntityType::Memory(memory) => {
            let mut text = String::from("memory");
            for (is_so, word) in [
                (memory.memory64, " 64-bit"),
                (memory.shared, " shared"),
                (memory.page_size_log2.is_some_and(|log2| log2 != 16), " custom-page-size"),
            ] {
                if is_so {
                    text.push_str(word);
                }
            }
            text
        }
        EntityType::Global(global) => {
            let shared = if global.shared { "shared " } else { "" };
            let mutable = if global.mutable { "mut " } else { "" };
            format!("global {shared}{mutable}{}", global.content_type)
        }
        EntityType::Table(table) => {
            let width = if table.table64 { "64-bit " } else { "" };
            format!("table {width}{}", wasmparser::ValType::Ref(table.element_type))
        }
        EntityType::Tag(_) => "tag".to_owned(),
    }
}

fn component_surface(types: TypesRef<'_>, names: &ComponentNames) -> Surface {
    let mut text = ComponentText::new(types);
    let import_items: Vec<_> =
        names.imports.iter().map(|name| (name, types.component_item_for_import(name))).collect();
    let export_items: Vec<_> =
        names.exports.iter().map(|name| (name, types.component_item_for_export(name))).collect();
    // Resources get their names before anything that mentions them is printed.
    for (name, item) in import_items.iter().chain(&export_items) {
        text.name_resources(name, *item);
    }
    let imports = import_items
        .into_iter()
        .map(|(name, item)| {
            let (module, version) = split_name(name, item);
            Import { module, name: None, version, shape: text.shape(item) }
        })
        .collect();
    let exports = export_items
        .into_iter()
        .map(|(name, item)| {
            let (name, version) = split_name(name, item);
            Export { name, version, shape: text.shape(item) }
        })
        .collect();
    Surface { kind: PackageKind::Component, imports, exports }
}

/// `wasi:http/types@0.2.3` as interface and version; every name that is not plainly one stays whole, so
/// that no rule of a profile fits it by accident.
fn split_name(
    name: &str,
    item: Option<&wasmparser::component_types::ComponentItem>,
) -> (String, Option<Version>) {
    let is_plain = item.is_some_and(|item| item.implements.is_none() && item.version_suffix.is_none());
    let is_interface = wasmparser::names::ComponentName::new_with_features(name, 0, FEATURES)
        .is_ok_and(|name| matches!(name.kind(), wasmparser::names::ComponentNameKind::Interface(_)));
    if is_plain
        && is_interface
        && let Some((interface, version)) = name.split_once('@')
        && let Ok(version) = version.parse()
    {
        return (interface.to_owned(), Some(version));
    }
    (name.to_owned(), None)
}
