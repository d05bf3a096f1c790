#!/bin/sh
# Runs the web server until it is told to stop. As process 1 the server alone would not hear SIGTERM, and every pod
# would take its whole grace period to go.
busybox httpd -f -p 8080 -h /app/srv &
trap 'kill $!' INT TERM
wait
