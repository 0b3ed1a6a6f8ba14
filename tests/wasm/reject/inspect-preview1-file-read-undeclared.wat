;; profile: wasi:cli
;; expect: undeclared-import
;; says: `wasi_snapshot_preview1.path_open`, `wasi_snapshot_preview1.fd_readdir`; that needs the capability `file-read`
;; manifest:
;;   [host]
;;   profile = "wasi:cli"
;;   version = "^0.2"
(module
  (import "wasi_snapshot_preview1" "path_open"
    (func (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_readdir" (func (param i32 i32 i32 i64 i32) (result i32))))
