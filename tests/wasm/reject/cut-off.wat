;; expect: package-truncated
;; says: runs 3 bytes past the end
;; bytes: cut 3
(module)
