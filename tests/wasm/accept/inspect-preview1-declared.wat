;; Prints need nothing; the way to a file needs what the manifest declares.
;; profile: wasi:cli
;; manifest:
;;   [host]
;;   profile = "wasi:cli"
;;   version = "^0.2"
;;   extension-points = ["command"]
;;   [capabilities]
;;   file-read = { paths = ["/data"], reason = "reads the templates" }
;;   environment = { variables = ["RUST_BACKTRACE"] }
(module
  (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_get" (func (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")))
