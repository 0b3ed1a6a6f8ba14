;; profile: wasi:cli
;; expect: import-type-mismatch
;; says: as memory, but
;; manifest:
;;   [host]
;;   profile = "wasi:cli"
;;   version = "^0.2"
(module (import "wasi_snapshot_preview1" "random_get" (memory 1)))
