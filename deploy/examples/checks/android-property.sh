#!/bin/sh
# android-property.sh SERIAL PROPERTY VALUE: passes when the phone's system property has the value.
value=$(adb -s "$1" shell getprop "$2" 2>&1 | tr -d '\r' | tail -n 1)
[ "$value" = "$3" ] || {
  echo "$2 is \"$value\" instead of \"$3\""
  exit 1
}
