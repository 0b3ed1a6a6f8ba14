;; profile: extism:pdk
;; expect: undeclared-import
;; says: `extism:host/env.http_request`; that needs the capability `network`
;; manifest:
;;   [host]
;;   profile = "extism:pdk"
;;   version = "^1"
(module (import "extism:host/env" "http_request" (func (param i64 i64) (result i64))))
