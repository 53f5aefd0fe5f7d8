#!/bin/sh
# Writes a file of random bytes, reads it back and compares checksums, in several sizes.
# Exit status: 0 OK, 1 ERROR (the test could not run), 5 FAILURES.
set -u
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
failures=0

# round_trip NAME KIB: one test case.
round_trip() {
  head -c "$(($2 * 1024))" /dev/urandom >"$scratch/source" || exit 1
  cp "$scratch/source" "$scratch/copy" || exit 1
  sync "$scratch/copy" 2>/dev/null || sync
  written=$(sha256sum <"$scratch/source")
  read_back=$(sha256sum <"$scratch/copy")
  size=$(wc -c <"$scratch/copy")
  if [ "$written" = "$read_back" ] && [ "$size" -eq "$(($2 * 1024))" ]; then
    echo "PASS $1: $2 KiB came back as written"
  else
    echo "FAIL $1: $2 KiB came back as $size bytes with another checksum"
    failures=$((failures + 1))
  fi
}

round_trip small 1
round_trip page 4
round_trip large 4096
echo "round trips: 3 cases, $failures failed"
[ "$failures" -eq 0 ] || exit 5
