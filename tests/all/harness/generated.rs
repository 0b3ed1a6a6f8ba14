//! Modules that are small, valid and made to hold a compiler.

use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, DataCountSection, DataSection, Function, FunctionSection,
    MemorySection, MemoryType, Module, TypeSection, ValType,
};

/// One function with `depth` blocks inside each other.
pub fn nested_blocks(depth: u32) -> Vec<u8> {
    one_function([], |function| {
        for _ in 0..depth {
            function.instructions().block(BlockType::Empty);
        }
        for _ in 0..depth {
            function.instructions().end();
        }
    })
}

/// One function with `count` locals.
pub fn many_locals(count: u32) -> Vec<u8> {
    one_function([(count, ValType::I64)], |_| {})
}

/// One function of `depth` loops inside each other over `locals` locals: 190 KB held Cranelift over 40 s.
pub fn loops_with_locals(depth: u32, locals: u32) -> Vec<u8> {
    one_function([(locals, ValType::I64)], |function| {
        for _ in 0..depth {
            function.instructions().loop_(BlockType::Empty);
        }
        for local in 0..locals {
            function.instructions().local_get(local).i64_const(1).i64_add().local_set(local);
        }
        for _ in 0..depth {
            function.instructions().end();
        }
    })
}

/// A memory with `count` data segments of one byte.
pub fn many_data_segments(count: u32) -> Vec<u8> {
    let mut memories = MemorySection::new();
    memories.memory(MemoryType {
        minimum: 16,
        maximum: None,
        memory64: false,
        shared: false,
        page_size_log2: None,
    });
    let mut data = DataSection::new();
    for index in 0..count {
        data.active(0, &ConstExpr::i32_const(index as i32), [1]);
    }
    let mut module = Module::new();
    module.section(&memories).section(&DataCountSection { count }).section(&data);
    module.finish()
}

fn one_function(
    locals: impl IntoIterator<Item = (u32, ValType), IntoIter: ExactSizeIterator>,
    body: impl FnOnce(&mut Function),
) -> Vec<u8> {
    let (mut types, mut functions, mut code) =
        (TypeSection::new(), FunctionSection::new(), CodeSection::new());
    types.ty().function([], []);
    functions.function(0);
    let mut function = Function::new(locals);
    body(&mut function);
    function.instructions().end();
    code.function(&function);
    let mut module = Module::new();
    module.section(&types).section(&functions).section(&code);
    module.finish()
}
