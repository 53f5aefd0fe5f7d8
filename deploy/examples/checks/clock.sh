#!/bin/sh
# clock.sh [--required]: is this machine's clock synchronised? Says so, says that it is not, or that
# nobody here can tell (a container, a minimal system). Fails only with --required, and then unless
# it is known to be synchronised: for labs that compare times of several machines.
set -u

# Prints what the first tool that knows says: yes, no, or nothing.
synchronised() {
  if command -v timedatectl >/dev/null 2>&1; then
    answer=$(timedatectl show --property=NTPSynchronized --value 2>/dev/null)
    case $answer in yes | no) echo "$answer" && return ;; esac
  fi
  if command -v chronyc >/dev/null 2>&1; then
    answer=$(chronyc -n tracking 2>/dev/null | sed -n 's/^Leap status *: *//p')
    case $answer in
      Normal | Insert* | Delete*) echo yes && return ;;
      Not*) echo no && return ;;
    esac
  fi
}

case $(synchronised) in
  yes)
    echo "the clock is synchronised"
    exit 0
    ;;
  no) echo "the clock is not synchronised" ;;
  *) echo "unknown: no tool here can tell whether the clock is synchronised" ;;
esac
[ "${1:-}" != --required ]
