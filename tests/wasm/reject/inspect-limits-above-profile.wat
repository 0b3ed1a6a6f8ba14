;; profile: pluginry:reference
;; expect: limit-above-profile
;; says: asks for 64 MiB of memory; pluginry:reference@1.0.0 allows 16
;; manifest:
;;   [limits]
;;   memory-mib = 64
;;   call-ms = 5000
(component)
