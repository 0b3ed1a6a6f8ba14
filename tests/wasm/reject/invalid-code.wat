;; expect: wasm-invalid
;; says: module, function 1 (byte
;; says: type mismatch
(module (import "m" "f" (func)) (func (result i32) (i64.const 1)))
