;; expect: self-dependency
;; says: acme:sample depends on itself
;; manifest:
;;   [dependencies]
;;   "acme:sample" = "^1"
(module)
