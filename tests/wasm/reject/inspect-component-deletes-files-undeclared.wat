;; One function of an interface may need more than the rest of it.
;; profile: wasi:cli
;; expect: undeclared-import
;; says: that needs the capability `file-write`
;; manifest:
;;   [host]
;;   profile = "wasi:cli"
;;   version = "^0.2"
;;   [capabilities]
;;   file-read = { paths = ["/data"] }
(component
  (import "wasi:filesystem/types@0.2.3" (instance
    (export "descriptor" (type $descriptor (sub resource)))
    (export "[method]descriptor.open-at" (func (param "self" (borrow $descriptor)) (param "path" string)))
    (export "[method]descriptor.unlink-file-at" (func (param "self" (borrow $descriptor)) (param "path" string))))))
