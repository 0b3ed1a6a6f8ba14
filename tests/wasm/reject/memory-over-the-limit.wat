;; expect: memory-over-limit
;; says: 16842752 bytes of memory at the start; at most 16777216 are allowed
(module (memory 257))
