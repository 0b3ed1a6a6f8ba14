;; expect: table-over-limit
(module (table 100001 funcref))
