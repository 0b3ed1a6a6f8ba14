//! One function body: bounded and validated operator by operator.

use wasmparser::{
    BinaryReader, FrameKind, FuncToValidate, FuncValidator, FuncValidatorAllocations, FunctionBody,
    ValidatorResources,
};

use super::PreflightCap;
use super::pass::{FEATURES, Stop};

/// What one body counted.
pub(super) struct FunctionFacts {
    /// Deepest nesting of blocks, the body itself not counted.
    pub(super) nesting: u64,
    /// Locals times the deepest loop nesting.
    pub(super) locals_by_loop_depth: u64,
}

/// The caps a body is held to while it is validated.
pub(super) struct FunctionCaps {
    pub(super) nesting: u64,
    pub(super) locals_by_loop_depth: u64,
    pub(super) operand_stack: u64,
}

/// The declared locals, without parameters; no larger than the declarations say, never allocated.
pub(super) fn count_locals(body: &FunctionBody<'_>) -> wasmparser::Result<u64> {
    let mut total = 0_u64;
    for group in body.get_locals_reader()? {
        total += u64::from(group?.0);
    }
    Ok(total)
}

/// Validates a body, stopping at the first operator that breaks a cap.
pub(super) fn check_body(
    function: FuncToValidate<ValidatorResources>,
    body: &FunctionBody<'_>,
    caps: &FunctionCaps,
    allocations: &mut FuncValidatorAllocations,
) -> Result<FunctionFacts, Stop> {
    let mut validator = function.into_validator(std::mem::take(allocations));
    let mut reader = body.get_binary_reader();
    validator.read_locals(&mut reader)?;
    reader.set_features(FEATURES);
    let facts = check_operators(&mut validator, reader, caps)?;
    *allocations = validator.into_allocations();
    Ok(facts)
}

fn check_operators(
    validator: &mut FuncValidator<ValidatorResources>,
    mut reader: BinaryReader<'_>,
    caps: &FunctionCaps,
) -> Result<FunctionFacts, Stop> {
    let locals = u64::from(validator.len_locals());
    let mut loops = LoopDepth::default();
    let mut facts = FunctionFacts { nesting: 0, locals_by_loop_depth: 0 };
    let mut height = validator.control_stack_height();
    while !reader.eof() {
        let offset = reader.original_position();
        reader.visit_operator(&mut validator.visitor(offset))??;
        let operands = u64::from(validator.operand_stack_height());
        if operands > caps.operand_stack {
            return Err(Stop::cap(PreflightCap::OperandStack, operands, caps.operand_stack, offset));
        }
        let height_now = validator.control_stack_height();
        if height_now == height {
            continue;
        }
        let is_loop =
            height_now > height && validator.get_control_frame(0).is_some_and(|f| f.kind == FrameKind::Loop);
        loops.change(height_now, is_loop);
        height = height_now;
        facts.nesting = facts.nesting.max(u64::from(height).saturating_sub(1));
        if facts.nesting > caps.nesting {
            return Err(Stop::cap(PreflightCap::Nesting, facts.nesting, caps.nesting, offset));
        }
        let weight = locals.saturating_mul(loops.depth());
        facts.locals_by_loop_depth = facts.locals_by_loop_depth.max(weight);
        if weight > caps.locals_by_loop_depth {
            let allowed = caps.locals_by_loop_depth;
            return Err(Stop::cap(PreflightCap::LocalsByLoopDepth, weight, allowed, offset));
        }
    }
    reader.finish_expression(&validator.visitor(reader.original_position()))?;
    Ok(facts)
}

/// The control stack heights at which the open loops stand.
#[derive(Default)]
struct LoopDepth {
    heights: Vec<u32>,
}

impl LoopDepth {
    fn change(&mut self, height: u32, pushed_loop: bool) {
        while self.heights.last().is_some_and(|open| *open > height) {
            self.heights.pop();
        }
        if pushed_loop {
            self.heights.push(height);
        }
    }

    fn depth(&self) -> u64 {
        self.heights.len() as u64
    }
}
