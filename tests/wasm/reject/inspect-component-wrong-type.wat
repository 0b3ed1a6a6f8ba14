;; The interface is known, but one function takes another type.
;; profile: pluginry:reference
;; expect: import-type-mismatch
;; says: bytes: func(length: u64) -> list<u8>, but pluginry:reference@1.0.0 offers bytes: func(length: u32) -> list<u8>
(component
  (import "pluginry:plugin/random@1.0.0" (instance (export "bytes" (func (param "length" u64) (result (list u8)))))))
