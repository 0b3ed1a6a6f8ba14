;; expect: package-trailing-bytes
;; bytes: append 504b0304
(module)
