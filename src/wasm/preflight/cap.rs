//! What the preflight counts, and the words for each count.

/// What a cap counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PreflightCap {
    /// Functions with a body, over all modules.
    Functions,
    /// Parameters, results or fields of one type.
    TypeWidth,
    /// Locals of one function, parameters counted.
    FunctionLocals,
    /// Locals over all functions.
    Locals,
    /// Nesting of blocks.
    Nesting,
    /// Locals times the loop depth, of one function.
    LocalsByLoopDepth,
    /// Values on the operand stack of one function.
    OperandStack,
    /// Bytes of one function body.
    BodyBytes,
    /// Data segments over all modules.
    DataSegments,
    /// Types, core and component, over all.
    Types,
    /// Imports, exports, globals and other small items, over all.
    Items,
    /// The memories' minimum sizes together.
    MemoryBytes,
    /// The tables' minimum sizes together.
    TableElements,
    /// Modules and components, nested ones counted.
    Modules,
    /// Nesting of components and modules.
    ComponentDepth,
    /// Instantiations, counted through nested components.
    Instances,
}

const SMALLER: &str = "Build for size and let the linker drop what is not used.";
const SIMPLER: &str =
    "Build with optimisation and less inlining, or split the function; generated code often needs it.";
const FEWER: &str = "Compose fewer components into one.";

impl PreflightCap {
    /// What is counted, as a plural.
    pub(super) fn noun(self) -> &'static str {
        self.words().0
    }

    /// The refusal's stable code.
    pub(super) fn code(self) -> &'static str {
        self.words().1
    }

    /// What the author can do.
    pub(super) fn mend(self) -> &'static str {
        self.words().2
    }

    fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Functions => ("functions", "too-many-functions", SMALLER),
            Self::TypeWidth => (
                "parameters, results or fields in one type",
                "type-too-wide",
                "Pass large values through memory instead of as many parameters or results.",
            ),
            Self::FunctionLocals => ("locals in one function", "too-many-locals-in-function", SIMPLER),
            Self::Locals => ("locals in all functions together", "too-many-locals", SIMPLER),
            Self::Nesting => ("levels of nested blocks", "nesting-too-deep", SIMPLER),
            Self::LocalsByLoopDepth => ("locals times loop depth", "loops-over-too-many-locals", SIMPLER),
            Self::OperandStack => ("values on the operand stack", "operand-stack-too-deep", SIMPLER),
            Self::BodyBytes => ("bytes in one function body", "function-too-large", SIMPLER),
            Self::DataSegments => (
                "data segments",
                "too-many-data-segments",
                "Merge data segments (wasm-opt does), or load the data at run time.",
            ),
            Self::Types => ("types", "too-many-types", SMALLER),
            Self::Items => ("imports, exports, globals and other items", "too-many-items", SMALLER),
            Self::MemoryBytes => (
                "bytes of memory at the start",
                "memory-over-limit",
                "Link with a smaller initial memory and stack, or ask for more in `[limits] memory-mib`.",
            ),
            Self::TableElements => {
                ("table elements at the start", "table-over-limit", "Link with a smaller function table.")
            }
            Self::Modules => ("modules and components", "too-many-modules", FEWER),
            Self::ComponentDepth => ("levels of nested components", "components-too-deep", FEWER),
            Self::Instances => ("instantiations", "too-many-instances", FEWER),
        }
    }
}
