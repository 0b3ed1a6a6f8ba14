;; profile: pluginry:reference
;; expect: export-type-mismatch
;; says: an interface without execute, but the extension point `tool` calls execute: func(input: string) -> result<string, string>
;; manifest:
;;   [host]
;;   extension-points = ["tool"]
(component
  (core module $m
    (memory (export "memory") 1)
    (func (export "describe") (result i32) unreachable))
  (core instance $i (instantiate $m))
  (func $describe (result string) (canon lift (core func $i "describe") (memory $i "memory")))
  (instance $tool (export "describe" (func $describe)))
  (export "pluginry:plugin/tool@1.0.0" (instance $tool)))
