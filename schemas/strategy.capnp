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

  closing @4 :List(FinallyAction);
  # Run in this order when everything else is over.

  total @5 :Int64;
  # Longest duration of one whole repair. 0: no limit.
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

  when @5 :Text;
  # Canonical selector over the device's profile. A verifier that does not apply counts as passed,
  # is not run and has no record. Empty: it always applies.

  blame @6 :Text;
  # The peripheral whose fault a failure is. Empty: the device's own.

  levels @7 :List(Text);
  # Verify levels that it belongs to, beside the whole.
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

    ping @5 :PingCheck;
    ssh @6 :SshCheck;
    http @7 :HttpCheck;
    adb @8 :AdbCheck;
    usb @9 :UsbCheck;
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
  # What a command action runs: an argument list, never a shell string. Empty when `what` says more.

  deps @3 :List(Text);
  # Tags of verifiers that must pass for the action to be worth trying.

  triggers @4 :List(Text);
  # Tags of verifiers one of which must fail for the action to be needed.

  timeout @5 :Int64;
  # Of one run. Never 0 in a sound strategy.

  what @6 :Action;
  # What it does. Absent: the command `run`, as builds before this field wrote it.

  when @7 :Text;
  # As of Verifier. An action that does not apply is skipped.

  thenWait @8 :Int64;
  # Duration after a run that succeeded, before the triggers are verified again.

  attempts @9 :UInt32 = 1;
  # Runs in one repair, while the triggers still fail.

  perDay @10 :UInt32;
  # Runs on one device in 24 hours. 0: no limit.
}

struct Action {
  # What a repair action or a closing action does. Command, ssh and http are those of Check.

  union {
    command @0 :CommandCheck;
    ssh @1 :SshCheck;
    http @2 :HttpCheck;

    wait @3 :Int64;
    # A duration.

    power @4 :PowerAction;

    noop @5 :NoopCheck;
    # Succeeds in the worker's own process, for measuring.
  }
}

struct PowerAction {
  relay @0 :Text;
  # Name of the device whose DeviceSpec.power is used.

  operation @1 :Text;
}

enum FinallyWhen {
  always @0;
  failed @1;
  passed @2;
}

struct FinallyAction {
  # Runs when everything else is over. Its failure is recorded and changes nothing.

  tag @0 :Text;
  description @1 :Text;
  what @2 :Action;
  when @3 :FinallyWhen;

  timeout @4 :Int64;
  # Of one run. Never 0 in a sound strategy.
}

struct PingCheck {
  host @0 :Text;

  count @1 :UInt32 = 1;
  # Echo requests; one answer passes.
}

struct SshCheck {
  # The system's ssh client. What is empty is taken from the device's profile.

  host @0 :Text;
  port @1 :Text;
  user @2 :Text;
  key @3 :Text;
  # Path on the worker.
  knownHosts @4 :Text;
  # Path on the worker.

  argv @5 :List(Text);
  # Run there; exit code 0 passes. Empty: to log in is enough.
}

struct HttpCheck {
  method @0 :Text;
  url @1 :Text;

  headers @2 :List(Text);
  # "Name: value".

  body @3 :Text;

  status @4 :UInt32;
  # Wanted. 0: any 2xx.

  contains @5 :Text;
  # Of the answer's body. Empty: anything.
}

struct AdbCheck {
  serial @0 :Text;
  state @1 :Text;

  server @2 :Text;
  # HOST:PORT. Empty: the usual one on the worker.
}

struct UsbCheck {
  # Everything that is not empty must match.

  vendor @0 :Text;
  product @1 :Text;
  serial @2 :Text;

  sysfs @3 :Text;
  # Empty: /sys/bus/usb/devices.
}
