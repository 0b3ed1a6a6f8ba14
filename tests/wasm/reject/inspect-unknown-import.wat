;; A misspelt function: the nearest one is named in the mend.
;; profile: wasi:cli
;; expect: unknown-import
;; says: imports `wasi_snapshot_preview1.fd_wrote`, which wasi:cli@0.2.0 does not offer
;; manifest:
;;   [host]
;;   profile = "wasi:cli"
;;   version = "^0.2"
(module (import "wasi_snapshot_preview1" "fd_wrote" (func (param i32 i32 i32 i32) (result i32))))
