#!/bin/sh
# Shows how a job with a failing test case looks: exit status 5 is FAILURES.
set -u
failures=0

# equal NAME ACTUAL EXPECTED: one test case.
equal() {
  if [ "$2" = "$3" ]; then
    echo "PASS $1"
  else
    echo "FAIL $1: expected $3, got $2"
    failures=$((failures + 1))
  fi
}

equal addition "$((2 + 2))" 4
equal division_keeps_the_rest "$((7 / 2))" 3.5 # the shell has whole numbers only
equal remainder "$((7 % 2))" 1
echo "arithmetic: 3 cases, $failures failed"
[ "$failures" -eq 0 ] || exit 5
