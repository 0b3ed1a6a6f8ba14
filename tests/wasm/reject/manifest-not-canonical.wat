;; expect: manifest-not-canonical
;; pack: no
(module (@custom "pluginry:manifest" "{ \"host\":{\"profile\":\"pluginry:reference\",\"version\":\"^1.0\"},\"plugin\":{\"description\":\"A sample\",\"license\":\"MIT\",\"name\":\"acme:sample\",\"version\":\"1.0.0\"}}"))
