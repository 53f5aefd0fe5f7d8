# Strategy: verifiers (a graph without cycles) and repair actions for one class of device, as data.
#
# A person writes a strategy as a file; the command line checks it and sends it within the inventory
# as StrategyBlob.bytes. The broker carries it unread to the worker that gets a verify or repair
# attempt. A worker checks it again when it decodes it, and ends the attempt as `error` with cause
# `config` when it is not sound. A check of a kind that the worker does not know makes the whole
# strategy undecodable, so that an older worker never calls a device good on half of its checks.
#
# Strings of checks and argument lists may hold placeholders such as {device.serial}, which the
# worker fills in.
#
# The rules at the top of task.capnp hold here.

@0x9d1780f4ffb5c6f3;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("muster::wire");

struct Strategy {
  name @0 :Text;

  forSelector @1 :Text;
  # Canonical selector over profiles of the devices that the strategy fits. Empty: it is used only
  # by name.

  verifiers @2 :List(Verifier);
  # In declared order, which is also the order of their records.

  actions @3 :List(RepairAction);
  # In the order in which they are tried.
}

struct Verifier {
  tag @0 :Text;
  # Unique among the verifiers. "PASS" is reserved for the hidden root.

  description @1 :Text;
  check @2 :Check;

  deps @3 :List(Text);
  # Tags of verifiers that must pass first, in the order in which they are checked.

  timeout @4 :Int64;
  # Of one run. Never 0 in a sound strategy.
}

struct Check {
  # What a verifier does.

  union {
    command @0 :CommandCheck;
    tcp @1 :TcpCheck;
    disk @2 :DiskCheck;
    file @3 :FileCheck;

    noop @4 :NoopCheck;
    # Passes in the worker's own process, for measuring.
  }
}

struct CommandCheck {
  # Exit code 0 passes. Otherwise the last line that the command printed is the reason.

  argv @0 :List(Text);
}

struct TcpCheck {
  host @0 :Text;

  port @1 :Text;
  # A number, or a placeholder that becomes one.

  expect @2 :Text;
  # Prefix of what the server says first. Empty: a connection is enough.
}

struct DiskCheck {
  # Passes when everything asked for is there. 0: not asked for.

  path @0 :Text;
  freeBytesMin @1 :UInt64;
  freePercentMin @2 :UInt32;
  freeInodesMin @3 :UInt64;
  freeInodesPercentMin @4 :UInt32;
}

struct FileCheck {
  path @0 :Text;

  exists @1 :Bool = true;
  # False: the path must not exist.

  writable @2 :Bool;
  # A directory: a file can be made in it. A file: it can be opened for writing.

  contains @3 :Text;
  # Empty: anything.

  ageMax @4 :Int64;
  # Since the last modification. 0: any age.
}

struct NoopCheck {}

struct RepairAction {
  tag @0 :Text;
  description @1 :Text;

  run @2 :List(Text);
  # An argument list, never a shell string.

  deps @3 :List(Text);
  # Tags of verifiers that must pass for the action to be worth trying.

  triggers @4 :List(Text);
  # Tags of verifiers one of which must fail for the action to be needed.

  timeout @5 :Int64;
  # Of one run. Never 0 in a sound strategy.
}
