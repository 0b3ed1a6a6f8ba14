;; profile: wasi:cli
;; expect: unknown-extension-point
;; says: `tool`, which is no extension point of wasi:cli@0.2.0
;; manifest:
;;   [host]
;;   profile = "wasi:cli"
;;   version = "^0.2"
;;   extension-points = ["tool"]
(module)
