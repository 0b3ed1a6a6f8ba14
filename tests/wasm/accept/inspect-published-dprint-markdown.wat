;; Imports and exports of the plugin.wasm that @dprint/markdown 0.28.1 publishes on npm.
;; profile: dprint:plugin
;; manifest:
;;   [host]
;;   profile = "dprint:plugin"
;;   version = "^4"
;;   extension-points = ["formatter"]
;;   [capabilities]
;;   host-format = { reason = "formats code blocks" }
(module
  (import "dprint" "host_format" (func (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "dprint" "host_get_formatted_text" (func (result i32)))
  (import "dprint" "host_write_buffer" (func (param i32)))
  (import "dprint" "host_get_error_text" (func (result i32)))
  (memory (export "memory") 1)
  (func (export "check_config_updates") (result i32) unreachable)
  (func (export "clear_shared_bytes") (param i32) (result i32) unreachable)
  (func (export "dprint_plugin_version_4") (result i32) unreachable)
  (func (export "format") (param i32) (result i32) unreachable)
  (func (export "format_range") (param i32 i32 i32) (result i32) unreachable)
  (func (export "get_config_diagnostics") (param i32) (result i32) unreachable)
  (func (export "get_config_file_matching") (param i32) (result i32) unreachable)
  (func (export "get_error_text") (result i32) unreachable)
  (func (export "get_formatted_text") (result i32) unreachable)
  (func (export "get_license_text") (result i32) unreachable)
  (func (export "get_plugin_info") (result i32) unreachable)
  (func (export "get_resolved_config") (param i32) (result i32) unreachable)
  (func (export "get_shared_bytes_ptr") (result i32) unreachable)
  (func (export "register_config") (param i32) unreachable)
  (func (export "release_config") (param i32) unreachable)
  (func (export "set_file_path") unreachable)
  (func (export "set_override_config") unreachable))
