;; expect: memory-over-limit
;; says: component, component 0, module 0 (byte
(component (core module (memory 200)) (component (core module (memory 100))))
