;; Asks for more than it uses.
;; profile: wasi:cli
;; warns: unused-capability
;; manifest:
;;   [host]
;;   profile = "wasi:cli"
;;   version = "^0.2"
;;   [capabilities]
;;   network = { hosts = ["example.com:443"] }
(module (memory (export "memory") 1))
