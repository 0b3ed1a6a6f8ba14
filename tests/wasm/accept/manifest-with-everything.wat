;; Every optional part of a manifest at once.
;; manifest: manifests/everything.toml
(module)
