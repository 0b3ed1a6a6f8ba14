;; expect: manifest-invalid
;; says: line 1 column 2
;; pack: no
(module (@custom "pluginry:manifest" "name = 1"))
