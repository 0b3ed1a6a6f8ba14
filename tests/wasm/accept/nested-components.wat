;; Modules inside components inside components, instantiated a few times.
(component
  (component $inner
    (core module $m (func (export "run")))
    (core instance (instantiate $m)))
  (instance (instantiate $inner))
  (instance (instantiate $inner)))
