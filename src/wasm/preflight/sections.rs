//! Counting inside single sections.

use wasmparser::{
    ComponentImportSectionReader, ComponentInstance, ComponentInstanceSectionReader, ComponentType,
    ComponentTypeDeclaration, ComponentTypeRef, ComponentTypeSectionReader, CompositeInnerType, CoreType,
    CoreTypeSectionReader, ImportSectionReader, Instance, InstanceSectionReader, InstanceTypeDeclaration,
    MemoryType, ModuleTypeDeclaration, RecGroup, TypeRef, TypeSectionReader,
};

use super::pass::Stop;
use super::{PreflightCap, PreflightLimits};

/// Bytes of a memory at the start; saturates on nonsense that the validator refuses later.
pub(super) fn minimum_bytes(memory: &MemoryType) -> u64 {
    let page_bytes = 1_u64.checked_shl(memory.page_size_log2.unwrap_or(16)).unwrap_or(u64::MAX);
    memory.initial.saturating_mul(page_bytes)
}

/// An imported memory or table is the host's to provide: each alone must fit.
pub(super) fn import_minimums(
    section: &ImportSectionReader<'_>,
    limits: &PreflightLimits,
) -> Result<(), Stop> {
    for import in section.clone().into_imports_with_offsets() {
        let (offset, import) = import?;
        let (cap, found) = match import.ty {
            TypeRef::Memory(memory) => (PreflightCap::MemoryBytes, minimum_bytes(&memory)),
            TypeRef::Table(table) => (PreflightCap::TableElements, table.initial),
            _ => continue,
        };
        let allowed = limits.of(cap);
        if found > allowed {
            return Err(Stop::cap(cap, found, allowed, offset));
        }
    }
    Ok(())
}

/// How many types a type section defines; each is held to its width.
pub(super) fn core_types(section: &TypeSectionReader<'_>, limits: &PreflightLimits) -> Result<u64, Stop> {
    let mut counted = 0;
    for group in section.clone().into_iter_with_offsets() {
        let (offset, group) = group?;
        counted += group_types(&group, limits, offset)?;
    }
    Ok(counted)
}

fn group_types(group: &RecGroup, limits: &PreflightLimits, offset: usize) -> Result<u64, Stop> {
    for ty in group.types() {
        let (parameters, results) = match &ty.composite_type.inner {
            CompositeInnerType::Func(function) => (function.params().len(), function.results().len()),
            CompositeInnerType::Struct(structure) => (structure.fields.len(), 0),
            CompositeInnerType::Array(_) | CompositeInnerType::Cont(_) => (0, 0),
        };
        for (found, allowed) in
            [(parameters as u64, limits.type_parameters), (results as u64, limits.type_results)]
        {
            if found > allowed {
                return Err(Stop::cap(PreflightCap::TypeWidth, found, allowed, offset));
            }
        }
    }
    Ok(group.types().len() as u64)
}

/// How many core types a component's section defines, inside module types too.
pub(super) fn component_core_types(
    section: &CoreTypeSectionReader<'_>,
    limits: &PreflightLimits,
) -> Result<u64, Stop> {
    let mut counted = 0;
    for ty in section.clone().into_iter_with_offsets() {
        let (offset, ty) = ty?;
        counted += core_type(&ty, limits, offset)?;
    }
    Ok(counted)
}

fn core_type(ty: &CoreType<'_>, limits: &PreflightLimits, offset: usize) -> Result<u64, Stop> {
    match ty {
        CoreType::Rec(group) => group_types(group, limits, offset),
        CoreType::Module(declarations) => {
            let mut counted = 1;
            for declaration in declarations {
                counted += match declaration {
                    ModuleTypeDeclaration::Type(group) => group_types(group, limits, offset)?,
                    _ => 1,
                };
            }
            Ok(counted)
        }
    }
}

/// How many types a component's type section defines, with every declaration inside them.
pub(super) fn component_types(
    section: &ComponentTypeSectionReader<'_>,
    limits: &PreflightLimits,
) -> Result<u64, Stop> {
    let mut counted = 0;
    for ty in section.clone().into_iter_with_offsets() {
        let (offset, ty) = ty?;
        counted += component_type(&ty, limits, offset)?;
    }
    Ok(counted)
}

/// The parser bounds how deep these types nest, so recursion is safe.
fn component_type(ty: &ComponentType<'_>, limits: &PreflightLimits, offset: usize) -> Result<u64, Stop> {
    let mut counted = 1;
    match ty {
        ComponentType::Component(declarations) => {
            for declaration in declarations {
                counted += match declaration {
                    ComponentTypeDeclaration::CoreType(ty) => core_type(ty, limits, offset)?,
                    ComponentTypeDeclaration::Type(ty) => component_type(ty, limits, offset)?,
                    ComponentTypeDeclaration::Alias(_) => 1,
                    ComponentTypeDeclaration::Export { ty, .. } => reference(*ty, offset)?,
                    ComponentTypeDeclaration::Import(import) => reference(import.ty, offset)?,
                };
            }
        }
        ComponentType::Instance(declarations) => {
            for declaration in declarations {
                counted += match declaration {
                    InstanceTypeDeclaration::CoreType(ty) => core_type(ty, limits, offset)?,
                    InstanceTypeDeclaration::Type(ty) => component_type(ty, limits, offset)?,
                    InstanceTypeDeclaration::Alias(_) => 1,
                    InstanceTypeDeclaration::Export { ty, .. } => reference(*ty, offset)?,
                };
            }
        }
        ComponentType::Defined(_) | ComponentType::Func(_) | ComponentType::Resource { .. } => {}
    }
    Ok(counted)
}

/// One declaration, unless it would let a component come in from outside.
fn reference(ty: ComponentTypeRef, offset: usize) -> Result<u64, Stop> {
    match ty {
        ComponentTypeRef::Component(_) => Err(Stop::ImportsComponent { offset }),
        _ => Ok(1),
    }
}

/// Refuses imports of components.
pub(super) fn imports_component(section: &ComponentImportSectionReader<'_>) -> Result<(), Stop> {
    for import in section.clone().into_iter_with_offsets() {
        let (offset, import) = import?;
        reference(import.ty, offset)?;
    }
    Ok(())
}

/// How many core modules a section instantiates.
pub(super) fn core_instances(section: &InstanceSectionReader<'_>) -> Result<u64, Stop> {
    let mut counted = 0;
    for instance in section.clone() {
        counted += u64::from(matches!(instance?, Instance::Instantiate { .. }));
    }
    Ok(counted)
}

/// How many components a section instantiates.
pub(super) fn component_instances(section: &ComponentInstanceSectionReader<'_>) -> Result<u64, Stop> {
    let mut counted = 0;
    for instance in section.clone() {
        counted += u64::from(matches!(instance?, ComponentInstance::Instantiate { .. }));
    }
    Ok(counted)
}
