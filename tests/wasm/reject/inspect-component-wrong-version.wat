;; profile: pluginry:reference
;; expect: import-type-mismatch
;; says: as version 2.0.0, but pluginry:reference@1.0.0 offers version ^1.0
(component (import "pluginry:plugin/clock@2.0.0" (instance (export "now" (func (result u64))))))
