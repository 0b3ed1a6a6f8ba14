//! Types of a component as text, written exactly as `wit_text` writes the types of a WIT document.
//!
//! Types are structural: a record is its fields, wherever it was defined. Resources go by their name.

use std::collections::{BTreeMap, HashMap};

use wasmparser::component_types::{
    ComponentAnyTypeId, ComponentDefinedType, ComponentEntityType, ComponentFuncTypeId, ComponentItem,
    ComponentValType, ResourceId,
};
use wasmparser::types::TypesRef;

use super::PackageKind;
use super::surface::Shape;
use super::type_writer::TypeWriter;

/// Prints the types of one component.
pub(super) struct ComponentText<'a> {
    types: TypesRef<'a>,
    resources: HashMap<ResourceId, String>,
}

impl<'a> ComponentText<'a> {
    pub(super) fn new(types: TypesRef<'a>) -> Self {
        Self { types, resources: HashMap::new() }
    }

    /// Remembers under which name an item's resources are known; the first name stands.
    pub(super) fn name_resources(&mut self, name: &str, item: Option<&ComponentItem>) {
        match item.map(|item| item.ty) {
            Some(ComponentEntityType::Type { created: ComponentAnyTypeId::Resource(id), .. }) => {
                self.resources.entry(id.resource()).or_insert_with(|| name.to_owned());
            }
            Some(ComponentEntityType::Instance(id)) => {
                for (name, item) in &self.types[id].exports {
                    if let ComponentEntityType::Type { created: ComponentAnyTypeId::Resource(id), .. } =
                        item.ty
                    {
                        self.resources.entry(id.resource()).or_insert_with(|| name.clone());
                    }
                }
            }
            _ => {}
        }
    }

    /// What an import or export is.
    pub(super) fn shape(&self, item: Option<&ComponentItem>) -> Shape {
        match item.map(|item| item.ty) {
            Some(ComponentEntityType::Func(id)) => Shape::Function(self.function(id)),
            Some(ComponentEntityType::Instance(id)) => {
                let functions: BTreeMap<String, String> = self.types[id]
                    .exports
                    .iter()
                    .filter_map(|(name, item)| match item.ty {
                        ComponentEntityType::Func(id) => Some((name.clone(), self.function(id))),
                        ComponentEntityType::Type { .. } => None,
                        // An interface holds functions and types; anything else makes it another thing.
                        ComponentEntityType::Module(_) => Some((name.clone(), "core module".to_owned())),
                        ComponentEntityType::Value(_) => Some((name.clone(), "value".to_owned())),
                        ComponentEntityType::Instance(_) => Some((name.clone(), "instance".to_owned())),
                        ComponentEntityType::Component(_) => {
                            Some((name.clone(), PackageKind::Component.to_string()))
                        }
                    })
                    .collect();
                Shape::Interface(functions)
            }
            Some(ComponentEntityType::Module(_)) => Shape::Other("core module"),
            Some(ComponentEntityType::Component(_)) => Shape::Other("component"),
            Some(ComponentEntityType::Value(_)) => Shape::Other("value"),
            Some(ComponentEntityType::Type { .. }) => Shape::Other("type"),
            None => Shape::Other("unknown item"),
        }
    }

    fn function(&self, id: ComponentFuncTypeId) -> String {
        let function = &self.types[id];
        let mut out = TypeWriter::new();
        out.word(if function.async_ { "async func(" } else { "func(" });
        for (index, (name, ty)) in function.params.iter().enumerate() {
            out.separator(index);
            out.word(name.as_str());
            out.word(": ");
            self.value(&mut out, *ty);
        }
        out.word(")");
        if let Some(result) = function.result {
            out.word(" -> ");
            self.value(&mut out, result);
        }
        out.finish()
    }

    fn value(&self, out: &mut TypeWriter, ty: ComponentValType) {
        match ty {
            ComponentValType::Primitive(primitive) => out.word(&primitive.to_string()),
            ComponentValType::Type(id) => {
                if out.enter() {
                    self.defined(out, &self.types[id]);
                    out.leave();
                }
            }
        }
    }

    fn defined(&self, out: &mut TypeWriter, ty: &ComponentDefinedType) {
        match ty {
            ComponentDefinedType::Primitive(primitive) => out.word(&primitive.to_string()),
            ComponentDefinedType::Record(record) => {
                out.word("record { ");
                for (index, (name, ty)) in record.fields.iter().enumerate() {
                    out.separator(index);
                    out.word(name.as_str());
                    out.word(": ");
                    self.value(out, *ty);
                }
                out.word(" }");
            }
            ComponentDefinedType::Variant(variant) => {
                out.word("variant { ");
                for (index, (name, case)) in variant.cases.iter().enumerate() {
                    out.separator(index);
                    out.word(name.as_str());
                    if let Some(ty) = case.ty {
                        out.word("(");
                        self.value(out, ty);
                        out.word(")");
                    }
                }
                out.word(" }");
            }
            ComponentDefinedType::Flags(names) => out.names("flags", names.iter().map(|name| name.as_str())),
            ComponentDefinedType::Enum(names) => out.names("enum", names.iter().map(|name| name.as_str())),
            ComponentDefinedType::List { element, .. } => self.wrap(out, "list", &[Some(*element)]),
            ComponentDefinedType::Map { key, value, .. } => {
                self.wrap(out, "map", &[Some(*key), Some(*value)]);
            }
            ComponentDefinedType::FixedLengthList { element, length, .. } => {
                out.word("list<");
                self.value(out, *element);
                out.word(&format!(", {length}>"));
            }
            ComponentDefinedType::Tuple(tuple) => {
                self.wrap(out, "tuple", &tuple.types.iter().copied().map(Some).collect::<Vec<_>>());
            }
            ComponentDefinedType::Option { ty, .. } => self.wrap(out, "option", &[Some(*ty)]),
            ComponentDefinedType::Result { ok, err, .. } => self.wrap(out, "result", &[*ok, *err]),
            ComponentDefinedType::Future { ty, .. } => self.wrap(out, "future", &[*ty]),
            ComponentDefinedType::Stream { ty, .. } => self.wrap(out, "stream", &[*ty]),
            ComponentDefinedType::Own(id) => self.handle(out, "own", id.resource()),
            ComponentDefinedType::Borrow(id) => self.handle(out, "borrow", id.resource()),
        }
    }

    fn wrap(&self, out: &mut TypeWriter, name: &str, inner: &[Option<ComponentValType>]) {
        out.word(name);
        out.word("<");
        for (index, ty) in inner.iter().enumerate() {
            out.separator(index);
            match ty {
                Some(ty) => self.value(out, *ty),
                None => out.word("_"),
            }
        }
        out.word(">");
    }

    fn handle(&self, out: &mut TypeWriter, kind: &str, id: ResourceId) {
        out.word(kind);
        out.word("<");
        out.word(self.resources.get(&id).map_or("unnamed resource", String::as_str));
        out.word(">");
    }
}
