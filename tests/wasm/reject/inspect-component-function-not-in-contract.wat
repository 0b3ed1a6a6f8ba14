;; profile: pluginry:reference
;; expect: import-type-mismatch
;; says: offers no function set-now
(component (import "pluginry:plugin/clock@1.0.0" (instance (export "set-now" (func (param "time" u64))))))
