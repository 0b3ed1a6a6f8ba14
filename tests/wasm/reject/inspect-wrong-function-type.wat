;; profile: wasi:cli
;; expect: import-type-mismatch
;; says: as (i64, i32) -> i32, but wasi:cli@0.2.0 offers (i32, i32) -> i32
;; manifest:
;;   [host]
;;   profile = "wasi:cli"
;;   version = "^0.2"
(module (import "wasi_snapshot_preview1" "random_get" (func (param i64 i32) (result i32))))
