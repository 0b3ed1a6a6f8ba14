;; expect: component-imports-component
(component (import "filter" (component $filter)) (instance (instantiate $filter)))
