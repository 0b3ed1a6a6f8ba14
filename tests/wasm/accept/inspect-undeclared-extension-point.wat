;; Fills an extension point without saying so: hosts would never call it.
;; profile: wasi:cli
;; warns: undeclared-extension-point
;; manifest:
;;   [host]
;;   profile = "wasi:cli"
;;   version = "^0.2"
(module (func (export "_start")))
