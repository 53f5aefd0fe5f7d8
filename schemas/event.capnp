# Events: the facts of the broker's log.
#
# ## The model
#
# The broker is the only writer. All events of one wake-up form a Block, which is durable before the
# broker speaks of anything in it. Event i of a block has sequence number `first` + i; numbers have
# no gaps and are never reused. Folding the events in order gives the broker's hard state, live and
# in recovery; collectors read the same blocks (Fetch in wire.capnp) and turn them into files and
# rows. A reader that gets a block again knows it by its numbers; one that lost a block asks again
# from its own cursor.
#
# A log outlives the build that wrote it. A reader that meets an event type, or a body of
# AttemptReported, that it does not know skips the event and keeps its number. Nothing else in a
# block may be unknown to its reader: see the version rule at the top of task.capnp, whose rules all
# hold here. For that reason an enumerant is added together with an event type that carries it.

@0xce070f863d97acfe;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("muster::wire");

using Device = import "device.capnp";
using Log = import "log.capnp";
using Report = import "report.capnp";
using Task = import "task.capnp";

struct Block {
  # Framed as a message of its own: one row of the log, one element of Blocks.blocks.

  first @0 :UInt64;
  # Sequence number of the first event. The log's first event has number 1.

  events @1 :List(Event);
}

struct Event {
  time @0 :Int64;
  # When the broker decided it, by the broker's clock.

  union {
    brokerStarted @1 :BrokerStarted;
    inventoryApplied @2 :InventoryApplied;
    workerJoined @3 :WorkerJoined;
    workerLost @4 :WorkerLost;
    taskSubmitted @5 :TaskSubmitted;
    attemptLeased @6 :AttemptLeased;
    attemptReported @7 :AttemptReported;
    attemptEnded @8 :AttemptEnded;
    reportRefused @9 :ReportRefused;
    cancelRequested @10 :CancelRequested;
    taskEnded @11 :TaskEnded;
    deviceJudged @12 :DeviceJudged;
    deviceListed @13 :DeviceListed;
    deviceUnlisted @14 :DeviceUnlisted;
    taskRetried @15 :TaskRetried;
    daemonLogged @17 :DaemonLogged;
    accessRefused @18 :AccessRefused;
    drainChanged @19 :DrainChanged;
  }

  metadata @16 :List(Device.Pair);
  # Of the task that the event concerns (TaskSpec.metadata), so that each event can be read by
  # itself. Absent where the task has none, and in taskSubmitted.
}

struct BrokerStarted {
  # The broker began to write.

  epoch @0 :UInt64;
  # Grows by one at each start and fences older brokers.

  version @1 :Text;
  # Of the build, for people.
}

struct InventoryApplied {
  inventory @0 :Device.Inventory;

  who @1 :Text;
  # user@host of the person who applied it.
}

struct WorkerJoined {
  # A worker was heard for the first time, came back after WorkerLost, restarted, or changed what it
  # is.

  worker @0 :Text;

  incarnation @1 :UInt64;
  # Grows at each start of the worker process.

  lab @2 :Text;
  pools @3 :List(Text);

  slots @4 :UInt32;
  # Attempts that it runs at the same time.

  version @5 :Text;
}

struct WorkerLost {
  # A worker's lease ran out. The attempts that it held end with events of their own.

  worker @0 :Text;
  incarnation @1 :UInt64;
  reason @2 :Text;
}

struct TaskSubmitted {
  # The task was accepted. From here on it ends with a verdict, whatever happens.

  spec @0 :Task.TaskSpec;
}

struct AttemptLeased {
  # An attempt was given a worker slot and its devices.

  guid @0 :Text;

  attempt @1 :UInt32;
  # From 1. Picked by the broker, which never uses it again for this task.

  worker @2 :Text;
  incarnation @3 :UInt64;

  devices @4 :List(Text);
  # Names: one for each of TaskSpec.devices, in that order, then the rest of their stacks.
}

struct Origin {
  # Where a report came from. Part of the events that reports become, so that the position in the
  # worker's stream is durable with what it says.

  worker @0 :Text;
  # Empty: the broker itself speaks.

  seq @1 :UInt64;
  # Report.seq. 0 when the broker speaks.
}

struct AttemptReported {
  # An attempt said something that is not its end.

  origin @0 :Origin;
  guid @1 :Text;
  attempt @2 :UInt32;

  time @3 :Int64;
  # By the worker's clock.

  union {
    started @4 :Report.AttemptStarted;
    record @5 :Report.Record;
    result @6 :Report.CaseResult;
    progress @7 :Report.Progress;
    source @8 :Report.SourceFetched;
    shout @9 :Report.Shout;
    measurement @10 :Report.Measurement;
    artifact @11 :Report.Artifact;
    callFailed @12 :Report.CallFailed;
    callMade @13 :Report.CallMade;
  }
}

struct AttemptEnded {
  # An attempt is over: by its worker's word, or by the broker's when its lease ran out. Either the
  # task ends with it, or it is queued again.

  origin @0 :Origin;
  guid @1 :Text;
  attempt @2 :UInt32;
  ending @3 :Task.Ending;

  verdict @4 :Task.Verdict;
  # None: the task is queued again and not leased before `retryAt`.

  retryAt @5 :Int64;
}

struct ReportRefused {
  # A report was refused, because its attempt is not the live one. Recorded so that the position in
  # the worker's stream is durable, and so that people can see it.

  origin @0 :Origin;
  guid @1 :Text;
  attempt @2 :UInt32;
  reason @3 :Text;
}

struct CancelRequested {
  # A person asked for the task to be stopped. How it ended is an event of its own.

  guid @0 :Text;
  reason @1 :Text;
  who @2 :Text;

  cause @3 :Task.Cause = user;
  # timeout: its deadline has passed, and the broker says so.
}

struct TaskEnded {
  # A task ended while no attempt held anything: cancelled or out of time in the queue.

  guid @0 :Text;
  ending @1 :Task.Ending;
  verdict @2 :Task.Verdict = error;
}

struct DeviceJudged {
  # A device's health changed: by a verification, a repair or a failed job, or by a person.

  device @0 :Text;
  health @1 :Device.DeviceHealth;
  reason @2 :Text;

  who @3 :Text;
  # user@host, or "broker".

  guid @4 :Text;
  # The task that showed it. Empty for a person's word.

  until @5 :Int64;
  # It is not contacted before, and verified again then. 0: no such time.

  failures @6 :UInt32;
  # Of verifications and repairs, in a row.

  level @7 :Text;
  # Of the verification that showed it. Empty: every check, or none.

  jobFailures @8 :UInt32;
  # Jobs in a row that ended error/device on it.
}

struct DeviceListed {
  # A lister of a worker found a device, or found that its profile changed.

  worker @0 :Text;
  device @1 :Device.ListedDevice;
}

struct DeviceUnlisted {
  # A listed device is not plugged in any more, or its worker has no such lister any more.

  worker @0 :Text;
  name @1 :Text;
}

struct TaskRetried {
  # A person gave a task that had ended another go: it is queued again. Its attempts are counted on;
  # those before do not use up its retries any more.

  guid @0 :Text;
  reason @1 :Text;
  who @2 :Text;

  id @3 :Text;
  # RetryTasks.id.
}

struct DaemonLogged {
  # A daemon logged a line at or above the level that its configuration makes events of.

  daemon @0 :Text;
  # As its log file is named: "broker", "worker-NAME", "collector".

  line @1 :Log.LogLine;
}

struct AccessRefused {
  # Somebody was not let in, or asked for what its key may not. What is alike within a while is one
  # event.

  key @0 :Text;
  # The public key, 64 hexadecimal digits. Absent: it showed none.

  name @1 :Text;
  # Of the key. Absent: nobody has allowed it.

  address @2 :Text;
  # The peer's host. Absent: not known.

  what @3 :Text;
  # What it wanted, for people: "connect", "apply an inventory".

  reason @4 :Text;

  count @5 :UInt64;
  # Refusals alike since the last such event, this one included.
}

struct DrainChanged {
  # A person had a worker, or the broker, take no new work, or had it take some again. What it holds
  # goes on.

  worker @0 :Text;
  # Empty: the broker.

  draining @1 :Bool;
  reason @2 :Text;
  who @3 :Text;
}
