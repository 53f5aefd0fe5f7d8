#!/bin/sh
# android-storage.sh SERIAL MIB: passes when so much of the phone's /data is free.
free=$(adb -s "$1" shell df -k /data 2>&1 | tr -d '\r' | awk 'END { print int($4 / 1024) }')
echo "$free MiB of /data are free"
[ "$free" -ge "$2" ]
