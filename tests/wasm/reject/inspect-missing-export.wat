;; profile: wasi:cli
;; expect: missing-export
;; says: does not export `_start`; the nearest is `start`
;; manifest:
;;   [host]
;;   profile = "wasi:cli"
;;   version = "^0.2"
;;   extension-points = ["command"]
(module (func (export "start")))
