;; expect: manifest-duplicate
;; pack: no
(module (@custom "pluginry:manifest" "{}") (@custom "pluginry:manifest" "{}"))
