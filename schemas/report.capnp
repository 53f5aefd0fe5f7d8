# Reports: what attempts say while they run.
#
# A worker numbers its reports in one stream, keeps them in its spool and sends them with Sync
# (wire.capnp). A lost report is sent again until Desired.acked has reached its number; a repeat is
# recognised by that number and dropped. Reports of one worker enter the log in the order of their
# numbers, each once.
#
# The rules at the top of task.capnp hold here.

@0xb4928fed07567bec;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("muster::wire");

using Device = import "device.capnp";
using Task = import "task.capnp";

struct Report {
  seq @0 :UInt64;
  # Position in the worker's stream: the incarnation in the upper 32 bits, a counter from 1 in the
  # lower ones. Picked by the worker. It grows over restarts of the worker, with gaps where a
  # restart lost what needed no spool.

  guid @1 :Text;
  attempt @2 :UInt32;
  # The fencing token of the attempt that speaks.

  time @3 :Int64;
  # When the attempt said it, by the worker's clock.

  union {
    started @4 :AttemptStarted;
    record @5 :Record;
    result @6 :CaseResult;

    ended @7 :Task.Ending;
    # The last report of an attempt.

    progress @8 :Progress;
    source @9 :SourceFetched;
    shout @10 :Shout;
    measurement @11 :Measurement;
    artifact @12 :Artifact;
    callFailed @13 :CallFailed;
    callMade @14 :CallMade;
  }
}

struct AttemptStarted {
  # The attempt began.

  logUrl @0 :Text;
  # Where its console log can be read, such as file:///... May be empty.

  argv @1 :List(Text);
  # Of the first child. Empty for what runs in the worker itself.
}

struct Record {
  # One line of status.log. The collector adds indentation and times.

  status @0 :Text;
  # "START", "END GOOD", "GOOD", "FAIL", "INFO", ...

  subdir @1 :Text;
  # Empty: "----".

  operation @2 :Text;
  # Such as "verify.adb". Empty: "----".

  fields @3 :List(Device.Pair);
  # In the order in which they are written. A key may occur more than once.

  message @4 :Text;
  # Lines after the first become extra lines.
}

struct CaseResult {
  # One test case, or one check of a verification.

  suite @0 :Text;
  name @1 :Text;
  outcome @2 :Task.Outcome = error;
  duration @3 :Int64;
  message @4 :Text;
}

struct Progress {
  # How far an attempt has come. The newest one counts.

  percent @0 :UInt32;
  # 0 to 100.

  text @1 :Text;
}

struct SourceFetched {
  # The job's source is there, at this commit.

  url @0 :Text;

  ref @1 :Text;
  # As asked for.

  sha @2 :Text;
  # The commit, in full.
}

struct Shout {
  # Something that a job shouted, for whoever listens.

  json @0 :Text;
  # A JSON object.
}

struct Measurement {
  # One row of a table of measurements.

  table @0 :Text;

  row @1 :List(Cell);
  # No column twice.

  struct Cell {
    column @0 :Text;

    union {
      integer @1 :Int64;
      real @2 :Float64;
      truth @3 :Bool;
      text @4 :Text;
    }
  }
}

struct Artifact {
  # A file of the attempt that the archive has, whole.

  name @0 :Text;
  # Relative, inside the attempt's folder.

  url @1 :Text;
  bytes @2 :UInt64;

  sha256 @3 :Text;
  # Hexadecimal.
}

struct CallFailed {
  # A call to the house from inside a task that went wrong.

  method @0 :Text;

  arguments @1 :Text;
  # JSON.

  peer @2 :Text;
  # That was asked.

  error @3 :Text;
}

struct CallMade {
  # A call to the house from inside a task that went well. Said where that is asked for only.

  method @0 :Text;

  arguments @1 :Text;
  # JSON.

  peer @2 :Text;
  # That was asked.
}
