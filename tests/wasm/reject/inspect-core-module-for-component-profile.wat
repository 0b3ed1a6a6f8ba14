;; profile: pluginry:reference
;; expect: abi-mismatch
;; says: the package is a core module; pluginry:reference@1.0.0 loads a component only
(module)
