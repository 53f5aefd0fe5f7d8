#!/bin/sh
# memory.sh MIB: passes when at least MIB MiB of memory are available, as the kernel estimates it.
set -u
needed=${1:?usage: memory.sh MIB}

while read -r name kib _; do
  [ "$name" = MemAvailable: ] || continue
  available=$((kib / 1024))
  if [ "$available" -lt "$needed" ]; then
    echo "$available MiB of memory available, needs $needed MiB"
    exit 1
  fi
  echo "$available MiB of memory available"
  exit 0
done </proc/meminfo

echo "/proc/meminfo does not say how much memory is available"
exit 1
