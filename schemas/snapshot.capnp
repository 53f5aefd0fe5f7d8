# Snapshots of the broker's hard state (core/broker_snapshot.h).
#
# A snapshot is a sequence of Records, each a message of its own: one `head`, any number of `part`s,
# one `end`. The lists of the parts, one after the other, are the lists of the whole. Slots are named
# by their place in these lists; 0xffffffff names none. References to tasks may be stale: then the
# number is not the slot's any more.
#
# The rules at the top of task.capnp hold here; but a reader takes no snapshot whose `form` is newer
# than its own: what it does not know of the state, it would forget.

@0xa6be1668d9041afe;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("muster::wire");

using Device = import "device.capnp";
using Event = import "event.capnp";
using Task = import "task.capnp";

struct SnapshotRecord {
  union {
    head @0 :SnapshotHead;
    part @1 :SnapshotPart;
    end @2 :SnapshotEnd;
  }
}

struct SnapshotHead {
  form @0 :UInt32;
  # Grows with what a snapshot holds.

  logId @1 :Text;
  position @2 :UInt64;
  # Of which log, and the newest event that is in it. It is the last one of a block.

  blockDigest @3 :UInt64;
  # Of the bytes of that block. Another one means that the log went another way since.

  newest @4 :Int64;
  # Time of the newest event.

  epoch @5 :UInt64;
  started @6 :Int64;
  # Of the newest BrokerStarted.

  endedCount @7 :UInt64;

  version @8 :Text;
  # Of the build that wrote it, for people.
}

struct SnapshotEnd {
  parts @0 :UInt32;

  digest @1 :UInt64;
  # Of the whole state, as this form defines it.
}

struct SnapshotPart {
  tasks @0 :List(TaskSlot);
  freeTasks @1 :List(UInt32);
  # The one to be used next is the last.

  endedTasks @2 :List(TaskRef);
  # Oldest first.

  endedDigests @3 :List(UInt64);
  # Of the GUIDs of tasks that were forgotten, oldest first.

  workers @4 :List(WorkerSlot);
  devices @5 :List(DeviceSlot);
  freeDevices @6 :List(UInt32);

  inventory @7 :Device.Inventory;
  # Absent: it is in another part.

  loggedThrough @8 :List(Counter);
  # The newest line of each daemon that is an event.

  classes @9 :List(ClassSlot);
  freeClasses @10 :List(UInt32);

  typicalTimes @11 :List(TypicalTime);
  # Of classes that have no tasks now. Oldest first.

  draining @12 :Device.Draining;
  # Absent: the broker takes work, or it is in another part.
}

struct TaskRef {
  slot @0 :UInt32 = 0xffffffff;
  seq @1 :UInt64;
}

struct Counter {
  name @0 :Text;
  value @1 :UInt64;
}

struct TaskSlot {
  spec @0 :Task.TaskSpec;
  # Absent: the slot is free.

  seq @1 :UInt64;
  # Of the event that put it into the queue.

  state @2 :Task.TaskState;
  verdict @3 :Task.Verdict;
  submitted @4 :Int64;
  ended @5 :Int64;
  notBefore @6 :Int64;
  taskClass @7 :UInt32 = 0xffffffff;

  waitsFor @8 :UInt32;
  # Of its dependencies.

  attempts @9 :List(AttemptSlot);
  cancel @10 :Event.CancelRequested;
  ownEnding @11 :Task.Ending;
  revival @12 :Revival;
  chain @13 :Chain;
  dependants @14 :List(TaskRef);
}

struct AttemptSlot {
  worker @0 :UInt32 = 0xffffffff;
  incarnation @1 :UInt64;
  leased @2 :Int64;
  started @3 :Int64;
  devices @4 :List(UInt32);
  deviceNames @5 :List(Text);
  logUrl @6 :Text;
  progress @7 :Text;
  ending @8 :Task.Ending;
}

struct Revival {
  # Of a task that a person has had retried.

  submittedSeq @0 :UInt64;
  attempts @1 :UInt32;
  requests @2 :List(UInt64);
}

struct Chain {
  # What ties a job to the verifications and repairs that are done before it runs.

  parent @0 :TaskRef;
  open @1 :List(TaskRef);
  verified @2 :List(Text);
  repaired @3 :List(Text);
  vain @4 :List(Vain);
  failedChildren @5 :UInt32;
  repairSpent @6 :Int64;

  struct Vain {
    device @0 :Text;
    seq @1 :UInt64;
    cause @2 :Task.Cause;
    guid @3 :Text;
  }
}

struct WorkerSlot {
  name @0 :Text;
  present @1 :Bool;
  incarnation @2 :UInt64;
  lastSeq @3 :UInt64;
  lab @4 :Text;
  pools @5 :List(Text);
  slots @6 :UInt32;
  version @7 :Text;
  held @8 :List(UInt32);
  lost @9 :Int64;
  listed @10 :List(Device.ListedDevice);
  draining @11 :Device.Draining;
  # Absent: it takes work.
}

struct DeviceSlot {
  spec @0 :Device.DeviceSpec;
  # Without a name: the slot is free.

  declared @1 :Bool;
  undeclared @2 :Bool;
  allowed @3 :Bool;
  worker @4 :UInt32 = 0xffffffff;
  holder @5 :UInt32 = 0xffffffff;
  health @6 :Device.DeviceHealth;
  healthReason @7 :Text;
  healthSince @8 :Int64;
  healthWho @9 :Text;
  until @10 :Int64;
  failures @11 :UInt32;
  jobFailures @12 :UInt32;
  beforeLock @13 :Event.DeviceJudged;
  level @14 :Text;
  blamed @15 :Bool;
  goodAt @16 :List(LevelTime);
  fitSeq @17 :UInt64;
  goodFor @18 :UInt64;
  uses @19 :List(Uses);
  reverifyAt @20 :Int64;
  goneAt @21 :UInt64;

  struct LevelTime {
    level @0 :Text;
    time @1 :Int64;
  }

  struct Uses {
    # When a repair action ran.

    tag @0 :Text;
    times @1 :List(Int64);
  }
}

struct ClassSlot {
  # Tasks with the same requirements.

  typical @0 :Int64;
  # Duration of an attempt.

  queued @1 :List(UInt32);
  # Task slots, as they stand in the queues.
}

struct TypicalTime {
  key @0 :Text;
  # What the tasks of the class require.

  typical @1 :Int64;
}
