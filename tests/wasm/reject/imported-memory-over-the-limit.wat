;; expect: memory-over-limit
;; memory-mib: 1
(module (import "env" "memory" (memory 17)))
