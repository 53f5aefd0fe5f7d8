# The messages between the processes of muster.
#
# ## The model
#
# There is one broker. Submitters (the command line), workers, collectors and administrators dial
# it; the broker never dials. A connection begins with Hello, which exchanges protocol ranges. The
# broker answers Welcome, or Refused when the ranges do not overlap. To anything else from a peer
# that it does not know it answers Refused{helloFirst}, after which the peer says Hello again: that
# is how a restart of the broker looks to its peers.
#
# Every message may be lost, doubled or late, and no sender relies on the order of two of its
# messages. What holds in spite of that:
#
# - *Requests* (all with an answer named beside them) carry a number and are repeated by the sender
#   until an answer with that number comes. Every request may be repeated: a known GUID is the same
#   task, a cancel of a cancelled task changes nothing, an inventory replaces an equal one, and
#   questions ask. An answer means that what it says is durable.
# - *States* go over whole and again and again: Sync says what a worker is, Desired what it should
#   be. Each has a number; an older one than the newest taken is dropped. A lost one is made up for
#   by the next.
# - *News* (TaskNews after the first answer) is a hint. A watcher that may have missed some, because
#   the connection or the broker went away, watches again and gets the present state.
# - *Beats* go both ways whenever nothing else was said for a while. A peer that stays silent is
#   taken for dead: a worker then loses its lease, anybody else its watches.
#
# Work is never done twice on account of this: the broker leases an attempt to one worker at a time
# under a token (guid, attempt), counts its lease from later than the worker does, and refuses
# reports that carry another token.
#
# One frame is one Envelope, unpacked, in the standard framing, at most 16 MiB. A frame that does
# not decode is answered Refused{malformed}; one with an unknown union member `unimplemented`. Both
# carry the request number if there was one. Neither closes the connection.
#
# The version rule and the units at the top of task.capnp hold here.

@0x9adf05d7c70fafa2;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("muster::wire");

using Device = import "device.capnp";
using Log = import "log.capnp";
using Report = import "report.capnp";
using Task = import "task.capnp";

struct Envelope {
  request @0 :UInt64;
  # The sender's number for a request, echoed in its answer. Picked by the sender, from 1, unique
  # within a connection. 0 where no answer is expected: Sync, Desired, Beat, news.

  union {
    hello @1 :Hello;
    welcome @2 :Welcome;
    refused @3 :Refused;
    unimplemented @4 :Unimplemented;
    beat @5 :Beat;
    submit @6 :Submit;
    submitReply @7 :SubmitReply;
    watch @8 :Watch;
    taskNews @9 :TaskNews;
    cancel @10 :Cancel;
    cancelReply @11 :CancelReply;
    applyInventory @12 :ApplyInventory;
    inventoryReply @13 :InventoryReply;
    sync @14 :Sync;
    desired @15 :Desired;
    fetch @16 :Fetch;
    blocks @17 :Blocks;
    listTasks @18 :ListTasks;
    taskList @19 :TaskList;
    showTask @20 :ShowTask;
    taskInfo @21 :TaskInfo;
    explainTask @22 :ExplainTask;
    explanation @23 :Explanation;
    listDevices @24 :ListDevices;
    deviceList @25 :DeviceList;
    listWorkers @26 :ListWorkers;
    workerList @27 :WorkerList;
    askStatus @28 :AskStatus;
    brokerStatus @29 :BrokerStatus;
    changeDevices @30 :ChangeDevices;
    changeDevicesReply @31 :ChangeDevicesReply;
    askInventory @32 :AskInventory;
    currentInventory @33 :CurrentInventory;
    retryTasks @34 :RetryTasks;
    retryTasksReply @35 :RetryTasksReply;
    tellLog @36 :TellLog;
    tellLogReply @37 :TellLogReply;
    askLog @38 :AskLog;
    logState @39 :LogState;
    trimLog @40 :TrimLog;
    trimLogReply @41 :TrimLogReply;
    forgetReader @42 :ForgetReader;
    drain @43 :Drain;
    drainReply @44 :DrainReply;
  }
}

# ==================================================================================================
# Connections

enum Role {
  submitter @0;
  worker @1;
  collector @2;
  admin @3;
}

struct Hello {
  # Any peer -> broker, first. Answered by Welcome. Saying it again starts the connection anew.

  protocolMin @0 :UInt16;
  protocolMax @1 :UInt16;
  # The protocol versions that the peer speaks, both ends included. The connection uses the highest
  # that both sides speak.

  role @2 :Role;

  name @3 :Text;
  # A worker's or a collector's name; user@host for people.

  version @4 :Text;
  # Of the build, for people. Nothing is decided by it.
}

struct Welcome {
  # broker -> peer: the answer to Hello.

  protocol @0 :UInt16;
  # The version to speak on this connection.

  logId @1 :Text;
  # Names the event log. Another name than before means another broker's history: cursors and
  # acknowledgements do not carry over.

  epoch @2 :UInt64;
  # Of the broker's start. Another one than before means that the broker restarted.

  head @3 :UInt64;
  # Sequence number of the newest durable event.

  beat @4 :Int64;
  # Duration after which the peer should at the latest be heard from again.

  version @5 :Text;
}

enum RefusalCode {
  helloFirst @0;
  # Say Hello, then repeat the request.
  protocol @1;
  # No common protocol version.
  malformed @2;
  # The frame could not be decoded.
  invalid @3;
  # It decoded, but asks for something that makes no sense.
  limit @4;
  # Past a limit of core/limits.h.
  notPermitted @5;
  # The peer's role does not allow it.
  unavailable @6;
  # The broker cannot do it now. Repeat it later.
  unknown @7;
  # There is no such task, device, ...
}

struct Refused {
  # broker -> peer: the request with this number was not done.

  code @0 :RefusalCode = invalid;
  reason @1 :Text;
  # A sentence for people.
}

struct Unimplemented {
  # Either way: a message of a kind that this build does not know was ignored.

  tag @0 :UInt16;
  # Discriminant of the union in the Envelope of that message.
}

struct Beat {
  # Either way. The broker answers a Beat with a Beat.
}

# ==================================================================================================
# Tasks

struct Submit {
  # submitter -> broker. Answered by SubmitReply when every accepted task is durable.

  tasks @0 :List(Task.TaskSpec);

  watch @1 :Bool;
  # Also send TaskNews about these tasks to this peer.
}

struct SubmitReply {
  results @0 :List(Result);
  # In the order of Submit.tasks.

  struct Result {
    guid @0 :Text;

    known @1 :Bool;
    # The task was accepted before with the same spec: a harmless repeat.

    refused @2 :Text;
    # Why the task was not accepted. Empty: it was.

    code @3 :RefusalCode = invalid;
    # Of a refusal: `unavailable` when the same task may be accepted later.
  }
}

struct Watch {
  # submitter -> broker: send news about these tasks. Answered by one TaskNews with the present
  # state of all of them; then TaskNews again at every durable change, for as long as the connection
  # lives.

  guids @0 :List(Text);
}

struct TaskNews {
  changes @0 :List(TaskChange);

  unknown @1 :List(Text);
  # GUIDs of watched tasks that the broker does not know.
}

struct TaskChange {
  # One step of a watched task's way.

  guid @0 :Text;
  state @1 :Task.TaskState;

  attempt @2 :UInt32;
  # The newest attempt. 0: there was none.

  worker @3 :Text;
  # Of that attempt.

  logUrl @4 :Text;
  # Of that attempt, once it has started.

  verdict @5 :Task.Verdict;

  ending @6 :Task.Ending;
  # Absent until the task has ended.
}

struct Cancel {
  # submitter -> broker. Answered by CancelReply when durable. The tasks may still be stopping then.

  guids @0 :List(Text);
  reason @1 :Text;
  who @2 :Text;
}

struct CancelReply {
  results @0 :List(Result);
  # In the order of Cancel.guids.

  struct Result {
    guid @0 :Text;

    refused @1 :Text;
    # The task is unknown or has already ended. Empty: the cancel is recorded.
  }
}

struct RetryTasks {
  # submitter -> broker. Gives ended tasks another go. Answered by RetryTasksReply when durable.

  guids @0 :List(Text);
  reason @1 :Text;
  who @2 :Text;

  id @3 :Text;
  # Any text that no other request has: by it a repeat is known, and harmless.
}

struct RetryTasksReply {
  results @0 :List(Result);
  # In the order of RetryTasks.guids.

  struct Result {
    guid @0 :Text;

    refused @1 :Text;
    # Why not. Empty: done, or done before by the same request.

    code @2 :RefusalCode = invalid;
    # Of a refusal: `unavailable` when the same may be accepted later.
  }
}

struct ApplyInventory {
  # admin -> broker. Answered by InventoryReply when durable. Leases that run are untouched; a
  # device that is gone from the inventory takes no new work.

  inventory @0 :Device.Inventory;
  who @1 :Text;
}

struct InventoryReply {
  devicesAdded @0 :UInt32;
  devicesChanged @1 :UInt32;
  devicesRemoved @2 :UInt32;
}

struct AskInventory {
  # admin -> broker. Answered by CurrentInventory.
}

struct CurrentInventory {
  inventory @0 :Device.Inventory;
}

enum DeviceChange {
  lock @0;
  # Nothing is leased on it until it is unlocked.
  unlock @1;
  # Its health is what it was before where that kept it from jobs, else unknown.
  quarantine @2;
  # It gets no jobs until it is released.
  release @3;
  # From quarantine, from needing a person or from a back-off. Its health is unknown then.
}

struct ChangeDevices {
  # admin -> broker: a person's word about devices. Answered by ChangeDevicesReply when durable.

  names @0 :List(Text);
  change @1 :DeviceChange;
  reason @2 :Text;
  who @3 :Text;
}

struct ChangeDevicesReply {
  results @0 :List(Result);
  # In the order of ChangeDevices.names.

  struct Result {
    name @0 :Text;

    refused @1 :Text;
    # Why not. Empty: it is done, or was so already.

    already @2 :Text;
    # It was so already: since whose word, and why. Empty: it was not.
  }
}

# ==================================================================================================
# Workers

struct Sync {
  # worker -> broker: what the worker is. Full on connect and with every beat, or seldom from a worker
  # that has nothing to do (core/rest.h); between beats only reports that have not been sent yet.

  number @0 :UInt64;
  # Of this Sync, from 1. Grows within an incarnation.

  incarnation @1 :UInt64;
  # Grows at each start of the worker process.

  full @2 :Bool;
  # The fields from `lab` on are filled in. Otherwise they are to be ignored.

  unackedFirst @3 :UInt64;
  # Number of the first report that the worker still keeps. Everything before it has been
  # acknowledged or never existed. 0: it keeps none.

  unackedLast @4 :UInt64;
  # Number of the newest report. 0: it keeps none.

  reports @5 :List(Report.Report);
  # A run without gaps inside the worker's stream.

  lab @6 :Text;
  pools @7 :List(Text);

  slots @8 :UInt32;
  # Attempts that run at the same time.

  credit @9 :UInt32;
  # Attempts that the worker is willing to hold, running ones included. At least `slots`, or 0: it
  # takes no new work now, and goes on with what it holds.

  held @10 :List(HeldAttempt);
  # Everything that it holds.

  version @11 :Text;

  listed @12 :List(Device.ListedDevice);
  # What its listers found, by name.

  refusing @13 :Text;
  # Why it takes no new work. Empty: it does.

  listers @14 :List(Device.ListerState);
  # That it has.

  listedAll @15 :Bool = true;
  # What is not in `listed` is not plugged in. False: the listers have only just begun, and what is
  # missing may be there.
}

struct HeldAttempt {
  guid @0 :Text;
  attempt @1 :UInt32;

  running @2 :Bool;
  # False: it waits for one of the worker's slots.
}

struct Desired {
  # broker -> worker: what the worker should be. A worker drops a Desired that is not newer, by
  # (epoch, number), than one it has taken.

  epoch @0 :UInt64;
  number @1 :UInt64;

  syncNumber @2 :UInt64;
  # Number of the newest full Sync heard. Leases count from when the worker sent that one; what it
  # listed as held, and `stop` does not name, is renewed.

  lease @3 :Int64;
  # Duration of the leases, from the Sync of syncNumber on. Longer than the broker's own where the
  # worker rested: its lease counts from when it was given.

  acked @4 :UInt64;
  # Number up to which the worker's reports are durable. The worker may forget them.

  run @5 :List(Assignment);
  # Attempts to hold in addition to those already held. Repeated until a full Sync names them.

  stop @6 :List(StopOrder);
}

struct Assignment {
  spec @0 :Task.TaskSpec;
  attempt @1 :UInt32;

  devices @2 :List(Device.DeviceSpec);
  # One for each of TaskSpec.devices, in that order, then the rest of their stacks.

  strategy @3 :Data;
  # An encoded Strategy for verify and repair tasks. Empty for others.

  used @4 :List(ActionUse);
  # Of a repair task.
}

struct ActionUse {
  # How often a repair action ran on the device in the last 24 hours.

  tag @0 :Text;
  count @1 :UInt32;
}

enum StopReason {
  cancelled @0;
  # A person asked. The worker reports how the attempt ended.

  fenced @1;
  # Not this worker's, or not any more. The worker stops it and reports nothing.
}

struct StopOrder {
  guid @0 :Text;
  attempt @1 :UInt32;
  reason @2 :StopReason = fenced;

  text @3 :Text;
  # The person's reason.
}

# ==================================================================================================
# The log

struct Fetch {
  # collector or submitter -> broker. Answered by Blocks.

  from @0 :UInt64 = 1;
  # Sequence number of the first event wanted.

  maxBytes @1 :UInt32;
  # Of all blocks together. At least one block is sent if there is one. 0: the broker's own limit.

  wait @2 :Int64;
  # Duration to wait for something new before the answer is empty. 0: answer at once.

  reader @3 :Text;
  # Of a collector's sink: a name that no other reader has. By it the reader is registered, and the
  # log keeps what it needs, whether it is there or not. Empty: it is not registered. A broker that
  # does not know of this trims nothing.

  needs @4 :UInt64;
  # Of a registered reader: the oldest event that it has not done with, durably.
}

struct AskLog {
  # Answered by LogState.
}

struct LogState {
  # What there is of the log, and who still needs what of it.

  tail @0 :UInt64 = 1;
  # The first event that was not trimmed.

  head @1 :UInt64;

  bytes @2 :UInt64;
  # That the blocks take.

  room @3 :UInt64;
  # Bytes that new blocks may take before the disk must give more.

  keepAge @4 :Int64;
  # Duration: younger events stay.

  keepBytes @5 :UInt64;
  # 0: any size.

  snapshots @6 :List(UInt64);
  # The newest event in each. Newest first.

  readers @7 :List(LogReader);
  # By name.

  limit @8 :UInt64 = 1;
  # The events before it may go.
}

struct LogReader {
  name @0 :Text;
  needs @1 :UInt64 = 1;
  heard @2 :Int64;
}

struct TrimLog {
  # admin -> broker: events are to go from the log, as far as they may. Answered by TrimLogReply at
  # once; they go a little at a time.

  before @0 :UInt64;
  # Those before this one. 0: all that may.

  dryRun @1 :Bool;
  # Only say what would be done.

  who @2 :Text;
}

struct TrimLogReply {
  before @0 :UInt64 = 1;
  # The events before this one go, or would.

  heldBy @1 :Text;
  # Why not more, where more was asked for. A sentence for people.

  state @2 :LogState;
  # Of now.
}

struct ForgetReader {
  # admin -> broker: nobody will come back who reads the log by this name. Answered by LogState when
  # durable.

  name @0 :Text;
  who @1 :Text;
}

struct Blocks {
  head @0 :UInt64;
  # Number of the newest durable event. 0: the log is empty.

  blocks @1 :List(Data);
  # Encoded Blocks (event.capnp), in order, without gaps. The first may begin before Fetch.from.
}

# ==================================================================================================
# Questions by people. Refused{unknown} when there is no such thing.

struct ListTasks {
  # Answered by TaskList.

  states @0 :List(Task.TaskState);
  # Empty: all.

  max @1 :UInt32;
  # Tasks in the answer. 0: the broker's own limit.

  guidPrefix @2 :Text;
  # Empty: all.

  # All of these must hold too. A broker that does not know them lists more.

  groupPrefix @3 :Text;
  # Tasks of arrays and matrices whose group begins so. Empty: all.

  verdicts @4 :List(Task.Verdict);
  # Ended tasks with one of these. Empty: all.

  kinds @5 :List(Task.TaskKind);
  # Empty: all.

  name @6 :Text;
  # A glob that the task's name matches (core/glob.h). Empty: all. At most 1024 bytes.

  metadata @7 :List(Device.Pair);
  # Each must be the task's. No key twice.

  buried @8 :Bool;
  # Only those that are (TaskInfo.buried).
}

struct TaskList {
  tasks @0 :List(TaskInfo);
  # Newest first, in brief: `spec.work` and `attempts` are left out.

  total @1 :UInt64;
  # Tasks that matched, before `max`.
}

struct ShowTask {
  # Answered by TaskInfo, whole.

  guid @0 :Text;
}

struct TaskInfo {
  # A task as the broker knows it.

  spec @0 :Task.TaskSpec;
  state @1 :Task.TaskState;
  verdict @2 :Task.Verdict;

  ending @3 :Task.Ending;
  # Of the task: its last attempt's, or its own. Absent until it has ended.

  submitted @4 :Int64;
  ended @5 :Int64;

  notBefore @6 :Int64;
  # Queued and backing off until then.

  cancelling @7 :Text;
  # Reason of a cancel that has not taken effect yet.

  attemptCount @8 :UInt32;
  # Also when `attempts` is left out.

  attempts @9 :List(AttemptInfo);
  # Oldest first.

  buried @10 :Bool;
  # It came to nothing, by nobody's word: neither cancelled nor on another one's behalf.
}

struct AttemptInfo {
  attempt @0 :UInt32;
  worker @1 :Text;
  devices @2 :List(Text);
  leased @3 :Int64;
  logUrl @4 :Text;

  ending @5 :Task.Ending;
  # Absent: the attempt is still held.

  progress @6 :Text;
  # The newest Progress, for people. Empty: there was none.
}

struct ExplainTask {
  # Answered by Explanation.

  guid @0 :Text;
}

struct Explanation {
  # Why a task is where it is.

  guid @0 :Text;
  state @1 :Task.TaskState;

  summary @2 :Text;
  # One sentence.

  reasons @3 :List(Text);
  # Per candidate device or worker: what would have to change.

  ahead @4 :UInt32;
  # Queued tasks that would be served before it.

  estimate @5 :Int64;
  # Duration until it may start, by what ran before. 0: not known.
}

struct ListDevices {
  # Answered by DeviceList.

  selector @0 :Text;
  # Empty: all.

  name @1 :Text;
  # Empty: all.

  after @2 :Text;
  # Only names that come after it.
}

struct DeviceList {
  devices @0 :List(DeviceInfo);
  # By name.

  more @1 :Bool;
  # There are others, whose names come after these: to be asked for with `after`.
}

struct DeviceInfo {
  spec @0 :Device.DeviceSpec;
  state @1 :Device.DeviceState;
  health @2 :Device.DeviceHealth;
  healthReason @3 :Text;
  healthSince @4 :Int64;

  heldByGuid @5 :Text;
  heldByAttempt @6 :UInt32;
  # The attempt that holds the device. Empty and 0: nobody.

  healthWho @7 :Text;
  # Who judged it: user@host or "broker". Empty: nobody has.

  until @8 :Int64;
  # It is not contacted before. 0: no back-off.

  failures @9 :UInt32;
  # In a row.

  stacks @10 :List(Text);
  # Names of the stacks that it is in.

  undeclared @11 :Bool;
  # A lister found it; the inventory does not name it.

  progress @12 :Text;
  # Of the attempt that holds it.

  draining @13 :Bool;
  # The inventory does not name it any more, and it is held.

  absent @14 :Text;
  # Why its lister does not see it. Empty: it does, or it has none.

  allowed @15 :Bool;
  # It is undeclared, and the inventory allows its use.
}

struct ListWorkers {
  # Answered by WorkerList.
}

struct WorkerList {
  workers @0 :List(WorkerInfo);
  # By name.
}

struct WorkerInfo {
  name @0 :Text;
  present @1 :Bool;
  incarnation @2 :UInt64;
  lab @3 :Text;
  pools @4 :List(Text);
  version @5 :Text;
  slots @6 :UInt32;

  held @7 :UInt32;
  # Attempts leased to it.

  lastHeard @8 :Int64;
  # 0: not since the broker started.

  leaseUntil @9 :Int64;

  refusing @10 :Text;
  # Why it takes no new work. Empty: it does.

  listers @11 :List(Device.ListerState);
  # That it has.

  draining @12 :Device.Draining;
  # Absent: it is not.
}

struct AskStatus {
  # Answered by BrokerStatus.
}

struct BrokerStatus {
  version @0 :Text;
  logId @1 :Text;
  epoch @2 :UInt64;
  head @3 :UInt64;
  queued @4 :UInt64;

  leased @5 :UInt64;
  # Leased or running.

  ended @6 :UInt64;
  # Since the log began.

  workersPresent @7 :UInt32;
  devices @8 :UInt32;

  refusedMessages @9 :UInt64;
  # Malformed, over a limit, ... since the broker started.

  diskLow @10 :Bool;
  started @11 :Int64;

  draining @12 :Device.Draining;
  # Absent: it is not.
}

# ==================================================================================================
# Lines of logs

struct TellLog {
  # worker or collector -> broker: lines of its own log that are to become events, oldest first.
  # What was told before, by its number, is passed over. Answered by TellLogReply when they are
  # durable.

  lines @0 :List(Log.LogLine);
}

struct TellLogReply {
  through @0 :UInt64;
  # Number of the newest line of this daemon that is an event.
}

# ==================================================================================================
# Draining

struct Drain {
  # admin -> broker: workers, or the broker itself, take no new work until they are resumed. What
  # they hold goes on. Answered by DrainReply when durable.

  workers @0 :List(Text);
  # Names. Empty: the broker.

  resume @1 :Bool;
  # They take work again.

  reason @2 :Text;
  who @3 :Text;
}

struct DrainReply {
  struct Result {
    name @0 :Text;
    # Empty: the broker.

    refused @1 :Text;
    # Why not. Empty: done, or it was so already.

    already @2 :Text;
    # For people. Empty: it was not so before.

    held @3 :UInt64;
    # Attempts that go on.
  }

  results @0 :List(Result);
  # In the order of Drain.workers.
}
