;; Proposals that wasmtime enables by default.
(module
  (func $pair (result i32 i32) (i32.const 1) (i32.const 2))
  (func (result v128) (v128.const i64x2 1 2))
  (func (result i32 i32) (return_call $pair))
  (memory i64 1) (memory 1))
