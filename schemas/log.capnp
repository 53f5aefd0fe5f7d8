# Lines of the daemons' own logs, in messages and events.
#
# The version rule and the units at the top of task.capnp hold here.

@0xb1c6e7f2a94d3508;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("muster::wire");

enum LogLevel {
  trace @0;
  debug @1;
  info @2;
  warning @3;
  error @4;
  critical @5;
}

struct LogLine {
  seq @0 :UInt64;
  # Position in what the daemon tells: (incarnation << 32) | counter. It grows over the daemon's
  # restarts, and by it a repeat is known.

  time @1 :Int64;
  # By the daemon's clock.

  level @2 :LogLevel;
  text @3 :Text;

  leftOut @4 :UInt64;
  # Lines before it, after the one told last, that were too many to be told.
}
