;; expect: section-duplicate
;; says: `pluginry:readme`
;; pack: no
(module (@custom "pluginry:readme" "a") (@custom "pluginry:readme" "b"))
