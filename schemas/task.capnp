# The words of a task, on the wire and in the log: what is asked for, and how it ended.
#
# ## The model
#
# A submitter asks for a piece of work with a TaskSpec. The broker records it and runs it in one or
# more attempts; each attempt ends with an Ending, and all of them fold into one Verdict. Nothing in
# this file is a message: wire.capnp says who sends what to whom, event.capnp what is recorded.
#
# A task is named by its GUID, an attempt by (guid, attempt). That pair is the fencing token: every
# message and event about work carries it, and a pair that is not the live one is refused. A repeat
# of a TaskSpec with a known GUID is therefore harmless: it is the same task, not a second one.
#
# ## Rules for all files of this directory
#
# *Versions.* Fields, union members and enumerants are only added, at the end; none is renumbered,
# retyped, reused or removed. Defaults never change. A reader takes what a shorter (older) struct
# lacks from the defaults and ignores what a longer (newer) one adds. An unknown member of the
# union in wire.capnp's Envelope is answered `unimplemented`; an unknown member of the union in
# event.capnp's Event is skipped and keeps its sequence number. Any other unknown union member or
# enumerant makes the message invalid, because half of a task must not be run: a build sends one
# only after the protocol range exchanged in Hello says that the peer knows it.
#
# *Times* are microseconds since the Unix epoch, UTC; 0 means "never" or "not yet". *Durations* are
# microseconds, not negative. Lengths of time that two machines must agree on are durations, because
# their clocks need not agree.
#
# *Text* is well-formed UTF-8 and may be empty; an absent Text is an empty one. Data is opaque to
# the reader of the message. An absent list is an empty one.
#
# *Limits* stand in core/limits.h. What exceeds one is refused with a reason, never cut.

@0xd3af339718b882bb;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("muster::wire");

using Device = import "device.capnp";

enum TaskKind {
  verify @0;
  # Run the checks of the device's strategy on it.

  repair @1;
  # Run the repair actions of the device's strategy on it.

  job @2;
  # Run a test job.
}

enum TaskState {
  queued @0;
  # Accepted; waits for a worker slot and its devices, or for the back-off of a retry.

  leased @1;
  # An attempt holds a slot and devices, and its worker has not said yet that it started.

  running @2;
  # The worker reported that the attempt started.

  ended @3;
  # Has a verdict. Final.
}

enum Outcome {
  # How an attempt, a test case or a check ended.

  pass @0;
  fail @1;
  error @2;
  # No test result was reached.
  skip @3;
}

enum Cause {
  # Whose doing an outcome is. An infrastructure fault is never reported as a failed test.

  none @0;
  # Nobody's: it passed.
  test @1;
  # What was tested, or the test itself.
  device @2;
  # The device under test.
  peripheral @3;
  # A relay, hub or host beside the device.
  worker @4;
  # The worker or its machine.
  broker @5;
  user @6;
  # Cancelled, or asked for by a person.
  config @7;
  # A file, a path, a strategy or a flag is wrong.
  timeout @8;
  # Ran, or was silent, for longer than it may.
  capacity @9;
  # Nothing could serve it in time.
}

enum Verdict {
  # What a task came to, folded by the broker over its attempts.

  none @0;
  # Not ended.
  pass @1;
  fail @2;
  flaky @3;
  # Passed after an attempt in which a test failed.
  error @4;
  # Never came to a test result.
  skip @5;
}

enum StatusCode {
  # AVE's status codes. The ordinals are the numbers that AVE gives them, and the exit status of
  # the command line for a task's result.

  ok @0;
  error @1;
  norun @2;
  blocked @3;
  busy @4;
  failures @5;
  nolist @6;
  killed @7;
  nofetch @8;
  timeout @9;
}

struct Ending {
  # How an attempt ended, or a task that ended without one. Chosen by whoever ended it: the worker
  # for what it ran, the broker for what it gave up.

  outcome @0 :Outcome = error;
  cause @1 :Cause;
  status @2 :StatusCode = error;

  message @3 :Text;
  # One line for people. Empty when there is nothing to say.

  started @4 :Int64;
  # Time by the clock of who ended it. 0: it never started.

  finished @5 :Int64;

  # The child's own exit code and the signal that ended it are kept beside the status, never folded
  # into it.

  exit :union {
    none @6 :Void;
    # There was no child, or it did not exit by itself.
    code @7 :Int32;
  }

  killed :union {
    none @8 :Void;
    # There was no child, or no signal ended it.
    signal @9 :Int32;
  }

  blame @10 :Text;
  # With cause peripheral: the name of the device whose fault it is, or what a strategy calls it.

  lost @11 :Bool;
  # Its worker died under it: was lost, or came back without it.
}

struct DeviceRequest {
  # One device that a task needs. All devices of a task are leased together or not at all.

  role @0 :Text;
  # The job's word for the device ("dut"). May be empty when there is only one.

  name @1 :Text;
  # A device's name. Empty: any device that `selector` matches.

  selector @2 :Text;
  # Canonical text of a selector over device profiles. Empty: does not restrict.

  with @3 :Text;
  # Role of another request: both devices must be in one stack. Empty: does not restrict.
}

enum VerifyFirst {
  none @0;
  # The devices are taken as they are.
  fresh @1;
  # They are verified, unless a good verification is young enough.
  always @2;
  # They are verified for this job.
}

struct TaskSpec {
  # What a submitter asks for. The submitter picks every field; the broker changes none.

  guid @0 :Text;
  # The caller's own string of 10 to 256 characters. It names the task for ever.

  kind @1 :TaskKind = job;

  name @2 :Text;
  # For people. Not unique.

  parent @3 :Text;
  # GUID of the task on whose behalf this one runs. Empty: a person's.

  submitter @4 :Text;
  # user@host.

  pool @5 :Text;
  # Empty: any pool.

  devices @6 :List(DeviceRequest);
  # Empty: the task needs a worker slot only.

  priority @7 :UInt32 = 50;
  # 0 to 100; higher is served first.

  timeouts :group {
    # 0: no limit, except for `grace`.

    queue @8 :Int64;
    # From submission to the first lease.

    run @9 :Int64;
    # Of one attempt.

    silence @10 :Int64;
    # Without a byte of output.

    grace @11 :Int64 = 10000000;
    # Between TERM and KILL.

    finally @20 :Int64 = 300000000;
    # Of all of a job's `finally` steps.

    deadline @24 :Int64;
    # From submission to the end of the task.
  }

  retry :group {
    # How many further attempts the task may have, by the cause of a failed one.

    infra @12 :UInt32 = 2;
    # Causes device, peripheral, worker, broker and capacity.

    test @13 :UInt32 = 0;
    # Outcome fail, and causes test and timeout.

    crashLimit @25 :UInt32 = 3;
    # When so many attempts that had begun were lost with their workers, the task is buried. 0:
    # never.
  }

  waitForCapacity @14 :Bool;
  # Accept the task even when no known device could ever serve it.

  work @15 :Data;
  # An encoded Work (work.capnp), framed as a message of its own. The broker checks that it decodes
  # and carries it to the worker unchanged.

  before :group {
    # What is done to a job's devices before it runs.

    verify @16 :VerifyFirst;

    level @17 :Text;
    # Of the verification. Empty: every check.

    repair @18 :Bool;
    # What fails is repaired.

    repairBudget @19 :Int64 = 1800000000;
    # Duration of all repairs on the job's behalf.
  }

  dependsOn @21 :List(Dependency);
  # Tasks that must have ended before this one may run.

  group @22 :Text;
  # Shared by the tasks of one array or matrix. Empty: in none.

  metadata @23 :List(Device.Pair);
  # The submitter's own. No key twice.

  atOnce @26 :UInt32;
  # So many tasks of `group` that say so hold a slot at once. 0: no such cap.
}

struct Dependency {
  guid @0 :Text;

  mustPass @1 :Bool = true;
  # True: the task must have come to `pass` or `flaky`; otherwise the one that depends on it ends as
  # `skip`.
}
