;; expect: manifest-field-invalid
;; says: the character U+202E at position 9
;; manifest:
;;   [plugin]
;;   description = "Harmless\u202Etxt.exe"
(module)
