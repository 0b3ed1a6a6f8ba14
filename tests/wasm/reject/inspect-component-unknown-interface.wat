;; profile: pluginry:reference
;; expect: unknown-import
;; says: imports `wasi:http/outgoing-handler@0.2.3`
(component (import "wasi:http/outgoing-handler@0.2.3" (instance)))
