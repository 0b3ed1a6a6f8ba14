;; Only sections at the top level count, so this one is neither read nor a duplicate.
(component (core module (@custom "pluginry:manifest" "not JSON at all")))
