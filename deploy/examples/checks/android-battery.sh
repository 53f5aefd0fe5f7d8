#!/bin/sh
# android-battery.sh SERIAL PERCENT: passes when the phone's battery is at least so full.
level=$(adb -s "$1" shell dumpsys battery 2>&1 | tr -d '\r' | sed -n 's/^ *level: *//p')
case $level in
'' | *[!0-9]*)
  echo "the phone does not say how full its battery is"
  exit 1
  ;;
esac
echo "battery at $level %"
[ "$level" -ge "$2" ]
