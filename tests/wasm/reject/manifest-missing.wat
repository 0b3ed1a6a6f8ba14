;; expect: manifest-missing
;; says: the core module has no `pluginry:manifest` section
;; pack: no
(module)
