;; expect: wasm-invalid
;; says: component, module 1, function 0 (byte
(component (core module) (core module (func (drop))))
