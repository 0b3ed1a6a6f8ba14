;; profile: wasi:cli
;; expect: unknown-capability, unknown-scope
;; says: declares `camera`, which is no capability of wasi:cli@0.2.0
;; manifest:
;;   [host]
;;   profile = "wasi:cli"
;;   version = "^0.2"
;;   [capabilities]
;;   camera = {}
;;   network = { ports = ["443"] }
(module)
