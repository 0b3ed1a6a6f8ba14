//! The one pass over the whole file, nested modules and components included.

use wasmparser::{
    Encoding, FuncToValidate, FuncValidatorAllocations, FunctionBody, Parser, Payload, SectionLimited,
    ValidPayload, Validator, ValidatorResources, WasmFeatures,
};

use super::function::{FunctionCaps, check_body, count_locals};
use super::sections::{component_instances, component_types, core_instances, core_types, imports_component};
use super::{Place, PreflightCap, PreflightError, PreflightFacts, PreflightLimits};

/// What wasmtime 48 enables by default, without the garbage-collection proposal: no engine of ours is built
/// with it, and its instructions pop thousands of operands per byte, which no cap here would bound.
pub(in crate::wasm) const FEATURES: WasmFeatures = WasmFeatures::WASM3
    .union(WasmFeatures::COMPONENT_MODEL)
    .union(WasmFeatures::CM_ASYNC)
    .difference(WasmFeatures::GC);

/// Why the pass stops; the place is added where it is known.
#[derive(Debug)]
pub(super) enum Stop {
    Cap { cap: PreflightCap, found: u64, allowed: u64, offset: usize },
    Invalid { problem: String, offset: usize },
    ImportsComponent { offset: usize },
}

impl Stop {
    pub(super) fn cap(cap: PreflightCap, found: u64, allowed: u64, offset: usize) -> Self {
        Self::Cap { cap, found, allowed, offset }
    }

    fn at(self, module: String, function: Option<u32>) -> PreflightError {
        let place = |offset| Place { module, function, offset };
        match self {
            Self::Cap { cap, found, allowed, offset } => {
                PreflightError::OverCap { cap, found, allowed, place: place(offset) }
            }
            Self::Invalid { problem, offset } => PreflightError::Invalid { problem, place: place(offset) },
            Self::ImportsComponent { offset } => PreflightError::ImportsComponent { place: place(offset) },
        }
    }
}

impl From<wasmparser::Error> for Stop {
    fn from(error: wasmparser::Error) -> Self {
        Self::Invalid { problem: error.message().to_owned(), offset: error.offset() }
    }
}

pub(super) fn run(bytes: &[u8], limits: &PreflightLimits) -> Result<PreflightFacts, PreflightError> {
    let mut pass = Pass::new(limits);
    let mut parser = Parser::new(0);
    parser.set_features(FEATURES);
    for payload in parser.parse_all(bytes) {
        let step = payload.map_err(Stop::from).and_then(|payload| pass.step(&payload));
        if let Err(stop) = step {
            return Err(stop.at(pass.module_path(), pass.function));
        }
    }
    Ok(pass.facts)
}

/// A module or component that is being read.
struct Level {
    encoding: Encoding,
    /// Its index among its kind in the parent.
    index: u64,
    modules: u64,
    components: u64,
    /// Instantiations it leads to.
    instances: u64,
}

struct Pass<'l> {
    limits: &'l PreflightLimits,
    facts: PreflightFacts,
    validator: Validator,
    allocations: FuncValidatorAllocations,
    levels: Vec<Level>,
    /// The most instantiations any finished component leads to. Whatever is instantiated was finished
    /// before, as components are not imported.
    heaviest: u64,
    function: Option<u32>,
}

impl<'l> Pass<'l> {
    fn new(limits: &'l PreflightLimits) -> Self {
        Self {
            limits,
            facts: PreflightFacts::default(),
            validator: Validator::new_with_features(FEATURES),
            allocations: FuncValidatorAllocations::default(),
            levels: Vec::new(),
            heaviest: 0,
            function: None,
        }
    }

    fn module_path(&self) -> String {
        let mut path = String::new();
        for (depth, level) in self.levels.iter().enumerate() {
            let noun = match level.encoding {
                Encoding::Module => "module",
                Encoding::Component => "component",
            };
            path += if depth == 0 { "" } else { ", " };
            path += noun;
            if depth > 0 {
                path += &format!(" {}", level.index);
            }
        }
        if path.is_empty() { "file".to_owned() } else { path }
    }

    /// Bounds one part, then lets the validator see it.
    fn step(&mut self, payload: &Payload<'_>) -> Result<(), Stop> {
        self.bound(payload)?;
        match self.validator.payload(payload)? {
            ValidPayload::Func(function, body) => self.check_function(function, &body),
            _ => Ok(()),
        }
    }

    fn bound(&mut self, payload: &Payload<'_>) -> Result<(), Stop> {
        match payload {
            Payload::Version { encoding, range, .. } => self.enter(*encoding, range.start),
            Payload::End(_) => {
                self.leave();
                Ok(())
            }
            Payload::TypeSection(section) => {
                self.guard_count(section)?;
                self.add_types(section.count().into(), section.range().start)?;
                let counted = core_types(section, self.limits)?;
                self.add_types(counted.saturating_sub(section.count().into()), section.range().start)
            }
            Payload::ImportSection(section) => {
                self.add_items(section)?;
                super::sections::import_minimums(section, self.limits)
            }
            Payload::FunctionSection(section) => {
                self.guard_count(section)?;
                self.facts.functions += u64::from(section.count());
                self.check(PreflightCap::Functions, self.facts.functions, section.range().start)
            }
            Payload::TableSection(section) => {
                self.add_items(section)?;
                for table in section.clone() {
                    let elements = self.facts.table_min_elements.saturating_add(table?.ty.initial);
                    self.facts.table_min_elements = elements;
                    self.check(PreflightCap::TableElements, elements, section.range().start)?;
                }
                Ok(())
            }
            Payload::MemorySection(section) => {
                self.add_items(section)?;
                for memory in section.clone() {
                    let bytes = super::sections::minimum_bytes(&memory?);
                    self.facts.memory_min_bytes = self.facts.memory_min_bytes.saturating_add(bytes);
                    self.check(
                        PreflightCap::MemoryBytes,
                        self.facts.memory_min_bytes,
                        section.range().start,
                    )?;
                }
                Ok(())
            }
            Payload::TagSection(section) => self.add_items(section),
            Payload::GlobalSection(section) => self.add_items(section),
            Payload::ExportSection(section) => self.add_items(section),
            Payload::ElementSection(section) => self.add_items(section),
            Payload::DataCountSection { count, range } => {
                let segments = self.facts.data_segments + u64::from(*count);
                self.check(PreflightCap::DataSegments, segments, range.start)
            }
            Payload::DataSection(section) => {
                self.guard_count(section)?;
                self.facts.data_segments += u64::from(section.count());
                self.check(PreflightCap::DataSegments, self.facts.data_segments, section.range().start)
            }
            other => self.bound_component(other),
        }
    }

    fn bound_component(&mut self, payload: &Payload<'_>) -> Result<(), Stop> {
        match payload {
            Payload::CoreTypeSection(section) => {
                self.guard_count(section)?;
                let counted = super::sections::component_core_types(section, self.limits)?;
                self.add_types(counted, section.range().start)
            }
            Payload::ComponentTypeSection(section) => {
                self.guard_count(section)?;
                let counted = component_types(section, self.limits)?;
                self.add_types(counted, section.range().start)
            }
            Payload::ComponentImportSection(section) => {
                self.add_items(section)?;
                imports_component(section)
            }
            Payload::InstanceSection(section) => {
                self.add_items(section)?;
                self.add_instances(core_instances(section)?, section.range().start)
            }
            Payload::ComponentInstanceSection(section) => {
                self.add_items(section)?;
                let each = self.heaviest.saturating_add(1);
                let instances = component_instances(section)?.saturating_mul(each);
                self.add_instances(instances, section.range().start)
            }
            Payload::ComponentAliasSection(section) => self.add_items(section),
            Payload::ComponentCanonicalSection(section) => self.add_items(section),
            Payload::ComponentExportSection(section) => self.add_items(section),
            _ => Ok(()),
        }
    }

    fn enter(&mut self, encoding: Encoding, offset: usize) -> Result<(), Stop> {
        let index = match (self.levels.last_mut(), encoding) {
            (None, _) => 0,
            (Some(parent), Encoding::Module) => {
                parent.modules += 1;
                parent.modules - 1
            }
            (Some(parent), Encoding::Component) => {
                parent.components += 1;
                parent.components - 1
            }
        };
        match encoding {
            Encoding::Module => self.facts.modules += 1,
            Encoding::Component => self.facts.components += 1,
        }
        self.levels.push(Level { encoding, index, modules: 0, components: 0, instances: 0 });
        let depth = self.levels.len() as u64;
        self.facts.component_depth = self.facts.component_depth.max(depth);
        self.check(PreflightCap::Modules, self.facts.modules + self.facts.components, offset)?;
        self.check(PreflightCap::ComponentDepth, depth, offset)
    }

    fn leave(&mut self) {
        self.function = None;
        let Some(level) = self.levels.pop() else { return };
        if level.encoding == Encoding::Component {
            self.heaviest = self.heaviest.max(level.instances);
        }
        if self.levels.is_empty() {
            self.facts.instances = level.instances;
        }
    }

    fn check_function(
        &mut self,
        function: FuncToValidate<ValidatorResources>,
        body: &FunctionBody<'_>,
    ) -> Result<(), Stop> {
        self.function = Some(function.index);
        let offset = body.range().start;
        let size_bytes = body.range().len() as u64;
        self.check(PreflightCap::BodyBytes, size_bytes, offset)?;
        let locals = count_locals(body)?;
        self.check(PreflightCap::FunctionLocals, locals, offset)?;
        self.facts.locals += locals;
        self.check(PreflightCap::Locals, self.facts.locals, offset)?;
        let caps = FunctionCaps {
            nesting: self.limits.nesting,
            locals_by_loop_depth: self.limits.locals_by_loop_depth,
            operand_stack: self.limits.operand_stack,
        };
        let body_facts = check_body(function, body, &caps, &mut self.allocations)?;
        self.function = None;

        let facts = &mut self.facts;
        facts.most_locals = facts.most_locals.max(locals);
        facts.code_bytes += size_bytes;
        facts.largest_body_bytes = facts.largest_body_bytes.max(size_bytes);
        facts.deepest_nesting = facts.deepest_nesting.max(body_facts.nesting);
        facts.most_locals_by_loop_depth =
            facts.most_locals_by_loop_depth.max(body_facts.locals_by_loop_depth);
        Ok(())
    }

    fn add_types(&mut self, count: u64, offset: usize) -> Result<(), Stop> {
        self.facts.types = self.facts.types.saturating_add(count);
        self.check(PreflightCap::Types, self.facts.types, offset)
    }

    fn add_items<T>(&mut self, section: &SectionLimited<'_, T>) -> Result<(), Stop> {
        self.guard_count(section)?;
        self.facts.items += u64::from(section.count());
        self.check(PreflightCap::Items, self.facts.items, section.range().start)
    }

    fn add_instances(&mut self, count: u64, offset: usize) -> Result<(), Stop> {
        let Some(level) = self.levels.last_mut() else { return Ok(()) };
        level.instances = level.instances.saturating_add(count);
        let instances = level.instances;
        self.check(PreflightCap::Instances, instances, offset)
    }

    /// Every item takes at least a byte, so a larger count is a lie that only costs memory.
    fn guard_count<T>(&self, section: &SectionLimited<'_, T>) -> Result<(), Stop> {
        let range = section.range();
        if section.count() as usize <= range.len() {
            return Ok(());
        }
        let problem = format!("a section of {} bytes declares {} items", range.len(), section.count());
        Err(Stop::Invalid { problem, offset: range.start })
    }

    fn check(&self, cap: PreflightCap, found: u64, offset: usize) -> Result<(), Stop> {
        let allowed = self.limits.of(cap);
        if found > allowed { Err(Stop::cap(cap, found, allowed, offset)) } else { Ok(()) }
    }
}
