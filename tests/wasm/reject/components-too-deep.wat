;; expect: components-too-deep
;; says: 17 levels of nested components; at most 16 are allowed
(component (component (component (component (component (component (component (component (component (component (component (component (component (component (component (component (component )))))))))))))))))
