;; profile: pluginry:reference
;; expect: profile-version-mismatch
;; says: asks for `pluginry:reference` version ^2
;; manifest:
;;   [host]
;;   version = "^2"
(component)
