;; What nested modules import from each other is the package's own affair, whatever it is called.
;; profile: wasi:cli
;; manifest:
;;   [host]
;;   profile = "wasi:cli"
;;   version = "^0.2"
(component
  (core module $library (func (export "path_open")))
  (core module $program (import "wasi_snapshot_preview1" "path_open" (func)) (import "nowhere" "near" (func)))
  (core instance $library (instantiate $library))
  (core instance $near (export "near" (func $library "path_open")))
  (core instance (instantiate $program
    (with "wasi_snapshot_preview1" (instance $library)) (with "nowhere" (instance $near)))))
