;; Extism hosts may add functions; such a plugin needs a profile of that host.
;; profile: extism:pdk
;; expect: unknown-import
;; says: extism:host/user.delete_everything
;; manifest:
;;   [host]
;;   profile = "extism:pdk"
;;   version = "^1"
(module (import "extism:host/user" "delete_everything" (func (param i64) (result i64))))
