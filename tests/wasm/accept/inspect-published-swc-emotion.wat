;; Imports and exports of the module that @swc/plugin-emotion 16.0.0 publishes on npm.
;; profile: swc:transform
;; manifest:
;;   [host]
;;   profile = "swc:transform"
;;   version = "^1"
;;   extension-points = ["transform"]
;;   [capabilities]
;;   environment = { variables = ["RUST_BACKTRACE"] }
(module
  (import "env" "__emit_diagnostics" (func (param i32 i32)))
  (import "env" "__set_transform_result" (func (param i32 i32)))
  (import "env" "__set_transform_plugin_core_pkg_diagnostics" (func (param i32 i32)))
  (import "env" "__add_pure_comment_proxy" (func (param i32)))
  (import "env" "__lookup_char_pos_source_map_proxy" (func (param i32 i32 i32) (result i32)))
  (import "env" "__span_to_filename_proxy" (func (param i32 i32 i32) (result i32)))
  (import "env" "__span_to_string_proxy" (func (param i32 i32 i32) (result i32)))
  (import "env" "__span_to_source_proxy" (func (param i32 i32 i32) (result i32)))
  (import "env" "__get_transform_context" (func (param i32 i32) (result i32)))
  (import "env" "__get_transform_plugin_config" (func (param i32) (result i32)))
  (import "env" "__span_to_lines_proxy" (func (param i32 i32 i32 i32) (result i32)))
  (import "env" "__merge_spans_proxy" (func (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "__doctest_offset_line_proxy" (func (param i32) (result i32)))
  (import "env" "__span_dummy_with_cmt_proxy" (func (result i32)))
  (import "wasi_snapshot_preview1" "clock_time_get" (func (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "sched_yield" (func (result i32)))
  (import "wasi_snapshot_preview1" "random_get" (func (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_get" (func (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_sizes_get" (func (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func (param i32)))
  (memory (export "memory") 1)
  (func (export "__get_transform_plugin_core_pkg_diag") (result i32) unreachable)
  (func (export "__transform_plugin_process_impl") (param i32 i32 i32 i32) (result i32) unreachable)
  (func (export "__alloc") (param i32) (result i32) unreachable)
  (func (export "__free") (param i32 i32) (result i32) unreachable))
