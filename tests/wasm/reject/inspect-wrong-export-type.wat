;; profile: wasi:cli
;; expect: export-type-mismatch
;; says: exports `_start` as () -> i32, but the extension point `command` calls ()
;; manifest:
;;   [host]
;;   profile = "wasi:cli"
;;   version = "^0.2"
;;   extension-points = ["command"]
(module (func (export "_start") (result i32) (i32.const 0)))
