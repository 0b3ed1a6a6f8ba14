;; The smallest package there is.
(module)
