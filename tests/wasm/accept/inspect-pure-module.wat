;; Imports nothing and is therefore pure computation.
;; profile: wasi:cli
;; manifest:
;;   [host]
;;   profile = "wasi:cli"
;;   version = "^0.2"
;;   extension-points = ["command"]
(module (func (export "_start")))
