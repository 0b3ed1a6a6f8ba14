//! A module made up for measuring.

use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, DataSection, Function, FunctionSection, InstructionSink, MemArg,
    MemorySection, MemoryType, Module, TypeSection, ValType,
};

/// Functions of mixed arithmetic, memory access, loops and calls: what compilers emit, in other numbers.
pub(crate) fn module(functions: u32) -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([ValType::I32, ValType::I64], [ValType::I32]);
    let mut memories = MemorySection::new();
    memories.memory(MemoryType {
        minimum: 16,
        maximum: None,
        memory64: false,
        shared: false,
        page_size_log2: None,
    });
    let mut declared = FunctionSection::new();
    let mut bodies = CodeSection::new();
    let mut random = 0x9e37_79b9_u32;
    for _ in 0..functions {
        declared.function(0);
        let mut body = Function::new([(6, ValType::I32), (3, ValType::F64)]);
        let mut code = body.instructions();
        for _ in 0..40 {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            emit(&mut code, random >> 8, functions);
        }
        code.local_get(2).end();
        bodies.function(&body);
    }
    let mut data = DataSection::new();
    for index in 0..2_000 {
        data.active(
            0,
            &ConstExpr::i32_const(index * 64),
            *b"sixty-four bytes of data, or so, in each of many segments.......",
        );
    }
    let mut module = Module::new();
    module.section(&types).section(&declared).section(&memories).section(&bodies).section(&data);
    module.finish()
}

fn emit(code: &mut InstructionSink<'_>, random: u32, functions: u32) {
    let place = MemArg { offset: u64::from(random % 4_096), align: 2, memory_index: 0 };
    let local = 2 + random % 6;
    match random % 5 {
        0 => code.local_get(0).i32_load(place).local_get(local).i32_add().local_set(local),
        1 => code.local_get(local).i32_const(random as i32).i32_xor().local_tee(2).drop(),
        2 => code.local_get(0).local_get(1).call(random % functions).local_set(local),
        3 => code
            .block(BlockType::Empty)
            .loop_(BlockType::Empty)
            .local_get(local)
            .i32_eqz()
            .br_if(1)
            .local_get(local)
            .i32_const(1)
            .i32_sub()
            .local_set(local)
            .br(0)
            .end()
            .end(),
        _ => code.local_get(8).f64_const(1.5.into()).f64_mul().local_set(9),
    };
}
