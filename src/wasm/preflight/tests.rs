use proptest::prelude::*;
use wasm_encoder::{
    CodeSection, ComponentSectionId, ConstExpr, DataSection, Encode, Function, FunctionSection,
    MemorySection, MemoryType, Module, TypeSection, ValType,
};

use super::super::testing::{package, wasm};
use super::*;

fn run(bytes: &[u8]) -> Result<PreflightFacts, PreflightError> {
    preflight(bytes, &PreflightLimits::default())
}

fn code(bytes: &[u8]) -> &'static str {
    run(bytes).unwrap_err().code()
}

/// A module of functions of type `() -> ()`, each with these locals and instruction bytes before its `end`.
fn functions(count: u32, locals: &[(u32, ValType)], instructions: &[u8]) -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([], []);
    let mut declared = FunctionSection::new();
    let mut bodies = CodeSection::new();
    let mut body = Function::new(locals.iter().copied());
    body.raw(instructions.iter().copied());
    body.raw([0x0b]);
    for _ in 0..count {
        declared.function(0);
        bodies.function(&body);
    }
    let mut module = Module::new();
    module.section(&types).section(&declared).section(&bodies);
    module.finish()
}

/// `opening` and as many `end`s, `depth` times.
fn nested(opening: &[u8], depth: usize) -> Vec<u8> {
    [opening.repeat(depth), vec![0x0b; depth]].concat()
}

const LOOP: &[u8] = &[0x03, 0x40];
const BLOCK: &[u8] = &[0x02, 0x40];
const IF: &[u8] = &[0x41, 0x01, 0x04, 0x40];

#[test]
fn an_ordinary_module_passes_with_its_numbers() {
    let bytes = wasm(
        "(module
            (memory 2)
            (table 3 funcref)
            (func (param i32) (local i32 i64) (block (loop (nop))) (loop (loop (nop))))
            (data (i32.const 0) \"x\"))",
    );

    let facts = run(&bytes).unwrap();

    assert_eq!((facts.modules, facts.components, facts.component_depth), (1, 0, 1));
    assert_eq!((facts.functions, facts.types, facts.data_segments), (1, 1, 1));
    assert_eq!((facts.locals, facts.most_locals, facts.deepest_nesting), (2, 2, 2));
    assert_eq!(facts.most_locals_by_loop_depth, 3 * 2);
    assert_eq!((facts.memory_min_bytes, facts.table_min_elements), (2 << 16, 3));
}

#[test]
fn loops_over_many_locals_are_refused_before_a_compiler_sees_them() {
    let bomb = functions(1, &[(20_000, ValType::I32)], &nested(LOOP, 500));
    let below_the_local_cap = functions(1, &[(1_900, ValType::I32)], &nested(LOOP, 500));

    assert_eq!(code(&bomb), "too-many-locals-in-function");
    assert_eq!(code(&below_the_local_cap), "loops-over-too-many-locals");
    assert!(run(&functions(1, &[(1_900, ValType::I32)], &nested(BLOCK, 500))).is_ok());
}

#[test]
fn loops_side_by_side_do_not_add_up() {
    let body = nested(LOOP, 90).repeat(10);

    let facts = run(&functions(1, &[(2_000, ValType::I32)], &body)).unwrap();

    assert_eq!(facts.most_locals_by_loop_depth, 2_000 * 90);
}

#[test]
fn deep_nesting_is_refused_at_its_place() {
    let error = run(&functions(3, &[], &nested(IF, 200_000))).unwrap_err();

    assert_eq!(error.code(), "nesting-too-deep");
    assert!(run(&functions(1, &[], &nested(IF, 1_000))).is_ok());
    assert_eq!(code(&functions(1, &[], &nested(IF, 1_001))), "nesting-too-deep");
}

#[test]
fn a_crowd_of_empty_functions_is_refused() {
    assert_eq!(code(&functions(900_000, &[], &[])), "too-many-functions");
    assert!(run(&functions(50_000, &[], &[])).is_ok());
}

#[test]
fn locals_are_bounded_in_each_function_and_in_all_together() {
    assert_eq!(code(&functions(1, &[(50_000, ValType::I64)], &[])), "too-many-locals-in-function");
    assert_eq!(
        code(&functions(90, &[(2_000, ValType::I64), (1, ValType::I32)], &[])),
        "too-many-locals-in-function"
    );
    assert_eq!(code(&functions(251, &[(2_000, ValType::I64)], &[])), "too-many-locals");
    assert!(run(&functions(250, &[(2_000, ValType::I64)], &[])).is_ok());
}

#[test]
fn locals_that_overflow_are_invalid_not_a_panic() {
    let bytes = functions(1, &[(u32::MAX, ValType::I32), (u32::MAX, ValType::I32)], &[]);

    assert!(matches!(code(&bytes), "wasm-invalid" | "too-many-locals-in-function"));
}

#[test]
fn a_crowd_of_data_segments_is_refused() {
    let mut memories = MemorySection::new();
    memories.memory(MemoryType {
        minimum: 1,
        maximum: None,
        memory64: false,
        shared: false,
        page_size_log2: None,
    });
    let mut data = DataSection::new();
    for _ in 0..60_000 {
        data.active(0, &ConstExpr::i32_const(0), [0_u8]);
    }
    let mut module = Module::new();
    module.section(&memories).section(&data);

    assert_eq!(code(&module.finish()), "too-many-data-segments");
}

#[test]
fn a_body_over_a_mebibyte_is_refused() {
    assert_eq!(code(&functions(1, &[], &vec![0x01; 1 << 20])), "function-too-large");
    assert!(run(&functions(1, &[], &vec![0x01; (1 << 20) - 100])).is_ok());
}

#[test]
fn a_crowd_of_types_is_refused() {
    let mut types = TypeSection::new();
    for _ in 0..900_000 {
        types.ty().function([], []);
    }
    let mut module = Module::new();
    module.section(&types);

    assert_eq!(code(&module.finish()), "too-many-types");
}

#[test]
fn wide_types_are_refused() {
    let with = |parameters: usize, results: usize| {
        let mut types = TypeSection::new();
        types.ty().function(vec![ValType::I32; parameters], vec![ValType::I32; results]);
        let mut module = Module::new();
        module.section(&types);
        module.finish()
    };

    assert!(run(&with(255, 64)).is_ok());
    assert_eq!(code(&with(256, 0)), "type-too-wide");
    assert_eq!(code(&with(0, 65)), "type-too-wide");
}

#[test]
fn an_operand_stack_that_grows_out_of_proportion_is_refused() {
    let results = "i32 ".repeat(64);
    let calls = "call 0 ".repeat(160);
    let wat = format!("(module (import \"m\" \"f\" (func (result {results}))) (func {calls} unreachable))");

    let error = run(&wasm(&wat)).unwrap_err();

    assert_eq!(error.code(), "operand-stack-too-deep");
}

#[test]
fn memories_and_tables_start_within_the_run_limit() {
    assert!(run(&wasm("(module (memory 256))")).is_ok());
    assert_eq!(code(&wasm("(module (memory 257))")), "memory-over-limit");
    assert_eq!(code(&wasm("(module (memory 200) (memory 100))")), "memory-over-limit");
    assert_eq!(code(&wasm("(module (import \"m\" \"memory\" (memory 257)))")), "memory-over-limit");
    assert_eq!(code(&wasm("(module (memory i64 0x100000000))")), "memory-over-limit");
    assert_eq!(code(&wasm("(module (table 100001 funcref))")), "table-over-limit");
    assert_eq!(code(&wasm("(module (import \"m\" \"t\" (table 100001 funcref)))")), "table-over-limit");
    assert!(preflight(&wasm("(module (memory 512))"), &PreflightLimits::with_memory_mib(32)).is_ok());
}

#[test]
fn caps_hold_inside_nested_modules_and_for_their_sum() {
    let memories = "(component (core module (memory 200)) (component (core module (memory 100))))";
    let inner = functions(30_000, &[], &[]);
    let two_modules = component_of(&[(ComponentSectionId::CoreModule, &inner[..]); 2]);

    let error = run(&wasm(memories)).unwrap_err();

    assert_eq!(error.code(), "memory-over-limit");
    assert!(error.to_string().starts_with("component, component 0, module 0 (byte "), "{error}");
    assert_eq!(code(&two_modules), "too-many-functions");
}

#[test]
fn the_function_is_named_by_its_index_with_imports_counted() {
    let body = "(loop ".repeat(1_001) + &")".repeat(1_001);
    let wat =
        format!("(component (core module) (core module (import \"m\" \"f\" (func)) (func) (func {body})))");

    let error = run(&wasm(&wat)).unwrap_err();

    assert!(error.to_string().starts_with("component, module 1, function 2 (byte "), "{error}");
    assert!(error.to_string().ends_with("1001 levels of nested blocks; at most 1000 are allowed"), "{error}");
}

#[test]
fn components_nest_to_a_bounded_depth_and_number() {
    let deep = |levels: usize| wasm(&("(component ".repeat(levels) + &")".repeat(levels)));
    let empty = wasm("(module)");
    let many = component_of(&vec![(ComponentSectionId::CoreModule, &empty[..]); 1_000]);

    assert_eq!(run(&deep(16)).unwrap().component_depth, 16);
    assert_eq!(code(&deep(17)), "components-too-deep");
    assert_eq!(code(&many), "too-many-modules");
}

#[test]
fn instantiations_that_multiply_are_refused() {
    let mut wat = "(component $c0 (core module $m) (core instance (instantiate $m)))".to_owned();
    for level in 1..8 {
        let instances = format!("(instance (instantiate $c{}))", level - 1).repeat(10);
        wat = format!("(component $c{level} {wat} {instances})");
    }

    assert_eq!(code(&wasm(&wat)), "too-many-instances");
}

#[test]
fn a_component_that_imports_a_component_is_refused() {
    for wat in
        ["(component (import \"c\" (component)))", "(component (type (instance (export \"c\" (component)))))"]
    {
        assert_eq!(code(&wasm(wat)), "component-imports-component");
    }
}

#[test]
fn declared_counts_alone_cost_nothing() {
    let lying = |section: u8| [b"\0asm\x01\0\0\0", &[section, 5, 0xff, 0xff, 0xff, 0xff, 0x0f][..]].concat();

    for section in [1, 2, 3, 4, 5, 6, 7, 9, 11, 12] {
        assert!(run(&lying(section)).is_err(), "section {section}");
    }
    assert_eq!(code(&lying(3)), "wasm-invalid");
}

#[test]
fn invalid_code_is_refused_with_its_place() {
    let error = run(&functions(2, &[], &[0x6a])).unwrap_err();

    assert_eq!(error.code(), "wasm-invalid");
    assert!(error.to_string().starts_with("module, function 0 (byte "), "{error}");
    assert_eq!(code(b"PK\x03\x04"), "wasm-invalid");
    assert_eq!(code(b""), "wasm-invalid");
}

#[test]
fn garbage_collected_types_are_refused() {
    assert_eq!(code(&wasm("(module (type (struct (field i32))))")), "wasm-invalid");
}

#[test]
fn every_cap_has_its_own_code() {
    let caps = [
        PreflightCap::Functions,
        PreflightCap::TypeWidth,
        PreflightCap::FunctionLocals,
        PreflightCap::Locals,
        PreflightCap::Nesting,
        PreflightCap::LocalsByLoopDepth,
        PreflightCap::OperandStack,
        PreflightCap::BodyBytes,
        PreflightCap::DataSegments,
        PreflightCap::Types,
        PreflightCap::Items,
        PreflightCap::MemoryBytes,
        PreflightCap::TableElements,
        PreflightCap::Modules,
        PreflightCap::ComponentDepth,
        PreflightCap::Instances,
    ];

    let codes: std::collections::BTreeSet<_> = caps.iter().map(|cap| cap.code()).collect();

    assert_eq!(codes.len(), caps.len());
}

/// A component with these nested modules or components.
fn component_of(parts: &[(ComponentSectionId, &[u8])]) -> Vec<u8> {
    let mut component = wasm_encoder::Component::HEADER.to_vec();
    for (id, bytes) in parts {
        component.push(*id as u8);
        bytes.encode(&mut component);
    }
    component
}

/// Something of everything, to be mutated.
fn rich_component() -> Vec<u8> {
    package(
        "(component
            (import \"log\" (func $log (param \"line\" string)))
            (type (instance (type (record (field \"x\" u32))) (export \"r\" (type (eq 0)))))
            (core module $libc (memory (export \"memory\") 1)
                (func (export \"realloc\") (param i32 i32 i32 i32) (result i32) i32.const 0))
            (core instance $libc (instantiate $libc))
            (alias core export $libc \"memory\" (core memory $memory))
            (alias core export $libc \"realloc\" (core func $realloc))
            (core func $lowered (canon lower (func $log) (memory $memory) (realloc $realloc)))
            (core module $main (import \"host\" \"log\" (func (param i32 i32)))
                (table 1 funcref) (elem (i32.const 0) func 0) (global i32 (i32.const 3))
                (func (export \"run\") (param i32) (result i32) (local i64)
                    (block (loop (br_if 1 (local.get 0)))) local.get 0))
            (core instance $main (instantiate $main
                (with \"host\" (instance (export \"log\" (func $lowered))))))
            (component $inner) (instance (instantiate $inner))
            (func (export \"run\") (param \"n\" u32) (result u32) (canon lift (core func $main \"run\"))))",
    )
}

#[test]
fn a_component_of_many_parts_passes() {
    let facts = run(&rich_component()).unwrap();

    assert_eq!((facts.modules, facts.components, facts.component_depth, facts.instances), (2, 2, 2, 3));
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        let _ = run(&bytes);
        let _ = run(&[b"\0asm\x01\0\0\0", &bytes[..]].concat());
        let _ = run(&[b"\0asm\x0d\0\x01\0", &bytes[..]].concat());
    }

    #[test]
    fn mutated_components_never_panic(
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..4)
    ) {
        let mut bytes = rich_component();
        for (at, byte) in changes {
            let index = at.index(bytes.len());
            bytes[index] = byte;
        }

        let _ = run(&bytes);
    }
}
