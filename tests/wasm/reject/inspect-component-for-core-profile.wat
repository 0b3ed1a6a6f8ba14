;; profile: extism:pdk
;; expect: abi-mismatch
;; says: the package is a component; extism:pdk@1.0.0 loads a core module only
;; manifest:
;;   [host]
;;   profile = "extism:pdk"
;;   version = "^1"
(component)
