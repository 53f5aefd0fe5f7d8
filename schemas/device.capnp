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

struct Inventory {
  lab @0 :Text;
  workers @1 :List(WorkerSpec);

  devices @2 :List(DeviceSpec);
  # Sorted by name.

  strategies @3 :List(StrategyBlob);
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
  # What the last verification said.

  unknown @0;
  # Never verified.
  good @1;
  bad @2;
}
