# Devices, workers and the inventory that declares them.
#
# The inventory is desired state: a person writes it as a file, the command line checks it and sends
# it whole. Applying the same inventory again changes nothing. What the broker observes (leases,
# presence, health) is never written into it.
#
# The rules at the top of task.capnp hold here.

@0x92b209f689c66c01;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("muster::wire");

struct Pair {
  # An entry of a map from text to text. A list of them has no key twice; writers order it by key.

  key @0 :Text;
  value @1 :Text;
}

struct DeviceSpec {
  name @0 :Text;
  # Unique in the inventory.

  profile @1 :List(Pair);
  # Free keys and values that selectors match.

  worker @2 :Text;
  # Name of the worker that reaches the device.

  pools @3 :List(Text);
  # Empty: the worker's.

  strategy @4 :Text;
  # Name of a strategy. Empty: the device cannot be verified.

  owner @5 :Text;
  # For people.

  where @6 :Text;
  # For people.

  lister @7 :Text;
  # A lister of the worker, which must list the device for it to be there. Empty: it always is.

  power @8 :PowerSpec;
  # How it switches the power of others. Absent: it does not.
}

struct PowerSpec {
  # How a relay or PDU switches: by a command or by an HTTP request.

  argv @0 :List(Text);
  method @1 :Text;
  url @2 :Text;
}

struct StackSpec {
  # Entangled devices: whoever gets one holds all of them.

  name @0 :Text;

  members @1 :List(Text);
  # Names of devices of one worker.
}

struct ListerState {
  # A lister of a worker.

  name @0 :Text;

  fault @1 :Text;
  # Why its last run came to nothing. Empty: it works, or has not said anything yet.
}

struct ListedDevice {
  # What a lister of a worker found plugged in.

  lister @0 :Text;

  name @1 :Text;
  # Unique among what one worker lists.

  profile @2 :List(Pair);
}

struct HealthPolicy {
  # What follows when devices fail.

  quarantineAfter @0 :UInt32 = 3;
  # Failures in a row.

  reverify @1 :List(Int64);
  # Durations for which a failed device is left alone after its first, second, ... failure.

  fresh @2 :Int64 = 600000000;
  # Duration for which a good verification counts.
}

struct WorkerSpec {
  name @0 :Text;
  pools @1 :List(Text);
}

struct StrategyBlob {
  # A checked strategy, ready to be carried.

  name @0 :Text;

  bytes @1 :Data;
  # An encoded Strategy (strategy.capnp), framed as a message of its own. The broker carries it to
  # the worker unread.
}

struct Cap {
  # How many attempts may be held at once. Of two bounds the lower one counts.

  pool @0 :Text;
  # Of tasks that ask for this pool. Empty: of all tasks.

  maxRunning @1 :UInt32;
  # 0: no such bound.

  maxRunningPerDevice @2 :UInt32;
  # For each device that the pool, or the lab, has. 0: no such bound.
}

struct Share {
  # A submitter's weight beside others.

  submitter @0 :Text;
  # user@host.

  weight @1 :UInt32 = 1;
}

struct Draining {
  # That a worker, or the broker, takes no new work until a person says otherwise.

  who @0 :Text;
  reason @1 :Text;
  since @2 :Int64;
}

struct Inventory {
  lab @0 :Text;
  workers @1 :List(WorkerSpec);

  devices @2 :List(DeviceSpec);
  # Sorted by name.

  strategies @3 :List(StrategyBlob);
  stacks @4 :List(StackSpec);

  health @5 :HealthPolicy;
  # Absent: the policy that a build has by itself.

  allow @6 :List(Text);
  # Selectors. Listed devices that one of them matches may be used although nobody declared them.

  caps @7 :List(Cap);
  # No pool twice.

  shares @8 :List(Share);
  # No submitter twice. Who is not named has weight 1.
}

enum DeviceState {
  # What a device is used for now. Owned by the broker.

  offline @0;
  # Its worker is not connected.
  idle @1;
  # May be leased.
  leased @2;
  # Promised to an attempt that has not started.
  verifying @3;
  repairing @4;
  running @5;
  # A job attempt runs on it.
}

enum DeviceHealth {
  # Whether a device is fit for jobs.

  unknown @0;
  # Never verified, or not since somebody changed something.
  good @1;
  bad @2;
  # Its last verification failed.
  quarantined @3;
  # Failed too often in a row, or a person said so. It gets no jobs.
  needsHuman @4;
  # Verifying it again was given up.
  locked @5;
  # A person works on it. It gets nothing.
}
