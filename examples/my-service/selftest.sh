#!/bin/sh
# The test of the image, run inside it: the very server that will run, on loopback, asked like a client asks it.
set -eu
busybox httpd -p 127.0.0.1:8080 -h /app/srv

expect() { # PATH BODY
  found=$(wget -q -O - "http://127.0.0.1:8080$1") || { echo "FAILED: $1 gave no answer"; exit 1; }
  [ "$found" = "$2" ] || { echo "FAILED: $1 answered $found, not $2"; exit 1; }
  echo "passed: $1"
}

expect /healthz/ '{"ok": true}'
expect /version/ "{\"version\": \"$VERSION\"}"
expect /api/ "{\"ok\": true, \"version\": \"$VERSION\"}"
if wget -q -O - http://127.0.0.1:8080/nothing/ 2>/dev/null; then echo 'FAILED: /nothing/ is there'; exit 1; fi
echo 'passed: /nothing/ is 404'
