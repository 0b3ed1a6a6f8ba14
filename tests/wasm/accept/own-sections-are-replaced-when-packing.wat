;; Packing drops what an earlier packing left.
(module (@custom "pluginry:manifest" "{}") (@custom "pluginry:icon" "<svg/>") (@custom "version" "0.0.1"))
