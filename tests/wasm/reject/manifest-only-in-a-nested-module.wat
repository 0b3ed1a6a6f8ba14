;; expect: manifest-missing
;; says: the component has no
;; pack: no
(component (core module (@custom "pluginry:manifest" "{}")))
