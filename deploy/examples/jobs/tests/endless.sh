#!/bin/sh
# Shows what a timeout does: TERM to the whole process group, then KILL after the grace time.
echo "waiting for an hour"
sleep 3600
echo "PASS nobody stopped me"
