;; profile: pluginry:reference
;; expect: undeclared-import
;; says: `pluginry:plugin/kv@1.0.0`; that needs the capability `storage`
(component
  (import "pluginry:plugin/kv@1.0.0" (instance
    (type $error' (variant (case "invalid-key" string) (case "value-too-large" string)
      (case "quota-exceeded" string) (case "unavailable" string)))
    (export "error" (type $error (eq $error')))
    (export "delete" (func (param "key" string) (result (result bool (error $error))))))))
