;; profile: wasi:cli
;; expect: wrong-profile
;; says: made for `pluginry:reference`, but is read against `wasi:cli`
(module)
