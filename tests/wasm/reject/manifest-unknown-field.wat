;; expect: manifest-invalid
;; says: unknown field `permissions`
;; pack: no
(module (@custom "pluginry:manifest" "{\"permissions\":[]}"))
