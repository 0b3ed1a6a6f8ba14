//! Bounding the work a module would make, then validating it, in one pass and before any compiler sees it.
//!
//! A valid module of 190 KB can hold a compiler for 40 seconds and 6 GB, so fuel and memory limits at
//! run time come too late. Caps are applied inside each module and to the sums over all of them.

mod cap;
mod function;
mod pass;
mod sections;

use std::fmt;

pub(super) use pass::FEATURES;
use serde::{Deserialize, Serialize};

pub use self::cap::PreflightCap;
use crate::domain::Refusal;

/// The caps of a preflight.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PreflightLimits {
    /// Functions with a body, over all modules.
    pub functions: u64,
    /// Parameters of one function type, or fields of one structure.
    pub type_parameters: u64,
    /// Results of one function type.
    pub type_results: u64,
    /// Locals of one function, parameters counted.
    pub locals_per_function: u64,
    /// Locals over all functions.
    pub locals: u64,
    /// How deep blocks may nest.
    pub nesting: u64,
    /// Locals times the deepest loop nesting, of one function.
    pub locals_by_loop_depth: u64,
    /// Values on the operand stack of one function.
    pub operand_stack: u64,
    /// Bytes of one function body.
    pub body_bytes: u64,
    /// Data segments over all modules.
    pub data_segments: u64,
    /// Types, core and component, over all modules and components.
    pub types: u64,
    /// Imports, exports, globals, tables, memories, tags and element segments, over all.
    pub items: u64,
    /// The sum of the memories' minimum sizes.
    pub memory_bytes: u64,
    /// The sum of the tables' minimum sizes.
    pub table_elements: u64,
    /// Modules and components, the outermost and nested ones.
    pub modules: u64,
    /// How deep components and modules may nest.
    pub component_depth: u64,
    /// Instantiations a component leads to, counted through nested components.
    pub instances: u64,
}

impl Default for PreflightLimits {
    fn default() -> Self {
        Self {
            functions: 50_000,
            type_parameters: 255,
            type_results: 64,
            locals_per_function: 2_000,
            locals: 500_000,
            nesting: 1_000,
            locals_by_loop_depth: 200_000,
            operand_stack: 10_000,
            body_bytes: 1 << 20,
            data_segments: 20_000,
            types: 50_000,
            items: 100_000,
            memory_bytes: 16 << 20,
            table_elements: 100_000,
            modules: 1_000,
            component_depth: 16,
            instances: 1_000,
        }
    }
}

impl PreflightLimits {
    /// The default caps under a run limit on memory.
    pub fn with_memory_mib(memory_mib: u32) -> Self {
        Self { memory_bytes: u64::from(memory_mib) << 20, ..Self::default() }
    }

    /// The number a cap stands at; a type's width is checked where both of its numbers are known.
    fn of(&self, cap: PreflightCap) -> u64 {
        match cap {
            PreflightCap::Functions => self.functions,
            PreflightCap::TypeWidth => self.type_parameters,
            PreflightCap::FunctionLocals => self.locals_per_function,
            PreflightCap::Locals => self.locals,
            PreflightCap::Nesting => self.nesting,
            PreflightCap::LocalsByLoopDepth => self.locals_by_loop_depth,
            PreflightCap::OperandStack => self.operand_stack,
            PreflightCap::BodyBytes => self.body_bytes,
            PreflightCap::DataSegments => self.data_segments,
            PreflightCap::Types => self.types,
            PreflightCap::Items => self.items,
            PreflightCap::MemoryBytes => self.memory_bytes,
            PreflightCap::TableElements => self.table_elements,
            PreflightCap::Modules => self.modules,
            PreflightCap::ComponentDepth => self.component_depth,
            PreflightCap::Instances => self.instances,
        }
    }
}

/// What the preflight counted; sums are over all nested modules.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreflightFacts {
    /// Core modules, the outermost included.
    pub modules: u64,
    /// Components, the outermost included.
    pub components: u64,
    /// Deepest nesting of components and modules; 1: only the outermost.
    pub component_depth: u64,
    /// Instantiations, counted through nested components.
    pub instances: u64,
    /// Functions with a body.
    pub functions: u64,
    /// Locals of all functions.
    pub locals: u64,
    /// Most locals in one function.
    pub most_locals: u64,
    /// Deepest nesting of blocks.
    pub deepest_nesting: u64,
    /// Most locals times loop depth in one function.
    pub most_locals_by_loop_depth: u64,
    /// Bytes of all function bodies.
    pub code_bytes: u64,
    /// Bytes of the largest function body.
    pub largest_body_bytes: u64,
    /// Data segments.
    pub data_segments: u64,
    /// Types, core and component.
    pub types: u64,
    /// Imports, exports, globals, tables, memories, tags and element segments.
    pub items: u64,
    /// Sum of the memories' minimum sizes.
    pub memory_min_bytes: u64,
    /// Sum of the tables' minimum sizes.
    pub table_min_elements: u64,
}

/// Where in the package: `component, module 2, function 17`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// The way from the outermost to the module: `component, module 2`.
    pub module: String,
    /// The function's index in its module, imports counted.
    pub function: Option<u32>,
    /// The byte in the file.
    pub offset: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.module)?;
        if let Some(function) = self.function {
            write!(f, ", function {function}")?;
        }
        write!(f, " (byte {})", self.offset)
    }
}

/// Why a module may not be compiled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PreflightError {
    /// A cap is exceeded.
    #[error("{place}: {found} {}; at most {allowed} are allowed", .cap.noun())]
    OverCap {
        /// Which cap.
        cap: PreflightCap,
        /// How many there are, or at least are.
        found: u64,
        /// The cap.
        allowed: u64,
        /// Where.
        place: Place,
    },
    /// Not valid WebAssembly.
    #[error("{place}: not valid WebAssembly: {problem}")]
    Invalid {
        /// What the validator says.
        problem: String,
        /// Where.
        place: Place,
    },
    /// A component imports a component, so what it leads to cannot be bounded.
    #[error("{place}: it imports a component, so what it instantiates cannot be bounded")]
    ImportsComponent {
        /// Where.
        place: Place,
    },
}

impl Refusal for PreflightError {
    fn code(&self) -> &'static str {
        match self {
            Self::OverCap { cap, .. } => cap.code(),
            Self::Invalid { .. } => "wasm-invalid",
            Self::ImportsComponent { .. } => "component-imports-component",
        }
    }

    fn mend(&self) -> Option<String> {
        Some(match self {
            Self::OverCap { cap, .. } => cap.mend().to_owned(),
            Self::Invalid { .. } => {
                "Build the .wasm again with a current toolchain; `wasm-tools validate` shows the same."
                    .to_owned()
            }
            Self::ImportsComponent { .. } => {
                "Compose the component so that it contains what it instantiates (`wac plug`).".to_owned()
            }
        })
    }
}

/// Bounds and validates a module or component.
///
/// The caps are checked before the validator sees the part they bound, so that neither it nor a compiler
/// after it does work out of proportion to the file. Nothing is allocated by declared counts alone.
pub fn preflight(bytes: &[u8], limits: &PreflightLimits) -> Result<PreflightFacts, PreflightError> {
    pass::run(bytes, limits)
}

#[cfg(test)]
mod tests;
