;; expect: wasm-invalid
;; says: gc
(module (type (struct (field i32))))
