;; memory-mib: 32
(module (memory 512))
