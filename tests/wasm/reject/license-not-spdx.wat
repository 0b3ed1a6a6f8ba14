;; expect: manifest-field-invalid
;; says: `plugin.license`: "free for all" is not an SPDX expression
;; manifest:
;;   [plugin]
;;   license = "free for all"
(module)
