#!/bin/sh
# Answers /healthz/, /version/ and /api/: the server runs this script for every folder that has no page.
answer() { # STATUS BODY
  printf 'Status: %s\r\nContent-Type: application/json\r\n\r\n%s\n' "$1" "$2"
}

case $REQUEST_URI in
  /healthz/) answer '200 OK' '{"ok": true}' ;;
  /version/) answer '200 OK' "{\"version\": \"$VERSION\"}" ;;
  /api/)
    # Healthy to the kubelet and to its own test, and yet no use to anybody: only a smoke check finds that.
    if [ -n "$BROKEN" ] && [ -n "$KUBERNETES_SERVICE_HOST" ]; then
      answer '500 Internal Server Error' "{\"ok\": false, \"version\": \"$VERSION\"}"
    else
      answer '200 OK' "{\"ok\": true, \"version\": \"$VERSION\"}"
    fi
    ;;
  *) answer '404 Not Found' '{"ok": false}' ;;
esac
