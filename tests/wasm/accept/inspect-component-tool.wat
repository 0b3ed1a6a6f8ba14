;; A component of the reference host by hand: logs, keeps data, fills `tool`.
;; profile: pluginry:reference
;; manifest:
;;   [host]
;;   extension-points = ["tool"]
;;   [capabilities]
;;   storage = { reason = "remembers the last answer" }
(component
  (import "pluginry:plugin/log@1.0.0" (instance
    (type $level' (enum "debug" "info" "warn" "error"))
    (export "level" (type $level (eq $level')))
    (export "write" (func (param "level" $level) (param "message" string)))))
  (import "pluginry:plugin/kv@1.0.0" (instance
    (type $error' (variant (case "invalid-key" string) (case "value-too-large" string)
      (case "quota-exceeded" string) (case "unavailable" string)))
    (export "error" (type $error (eq $error')))
    (export "get" (func (param "key" string) (result (result (option (list u8)) (error $error)))))))
  (core module $m
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) unreachable)
    (func (export "describe") (result i32) unreachable)
    (func (export "execute") (param i32 i32) (result i32) unreachable))
  (core instance $i (instantiate $m))
  (func $describe (result string)
    (canon lift (core func $i "describe") (memory $i "memory") (realloc (func $i "realloc"))))
  (func $execute (param "input" string) (result (result string (error string)))
    (canon lift (core func $i "execute") (memory $i "memory") (realloc (func $i "realloc"))))
  (instance $tool (export "describe" (func $describe)) (export "execute" (func $execute)))
  (export "pluginry:plugin/tool@1.0.0" (instance $tool)))
