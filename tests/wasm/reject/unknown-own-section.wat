;; expect: section-unknown
;; says: `pluginry:signature`
;; pack: no
(module (@custom "pluginry:signature" "x"))
