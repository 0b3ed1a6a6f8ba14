;; Memory, table, data, loops: what a compiler emits.
(module
  (memory (export "memory") 2)
  (table 2 funcref)
  (elem (i32.const 0) func $sum)
  (data (i32.const 16) "hello")
  (func $sum (export "sum") (param $n i32) (result i32) (local $total i32)
    (loop $again
      (local.set $total (i32.add (local.get $total) (local.get $n)))
      (local.tee $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $again))
    (local.get $total)))
