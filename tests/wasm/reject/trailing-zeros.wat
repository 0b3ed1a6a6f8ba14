;; expect: package-trailing-bytes
;; bytes: append 0000
(module)
