# Work: what a worker is to do in an attempt.
#
# The submitter encodes a Work as a message of its own and puts its bytes into TaskSpec.work. The
# broker checks at submission that they decode and then carries them, unread and unchanged, to
# whichever worker gets the attempt; a repeat of the attempt carries the same bytes. A worker that
# cannot decode them ends the attempt as `error` with cause `config`.
#
# The rules at the top of task.capnp hold here.

@0xccd3785f964bfd75;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("muster::wire");

using Device = import "device.capnp";

struct Work {
  union {
    noop @0 :NoopWork;
    verify @1 :VerifyWork;
    job @2 :JobWork;
    repair @3 :RepairWork;
  }
}

struct NoopWork {
  # Ends at once with `pass`, in the worker's own process. It measures the house itself.

  payload @0 :Data;
  # Comes back as the message of the ending.
}

struct VerifyWork {
  # Runs the checks of the device's strategy, which the broker attaches to the assignment.

  level @0 :Text;
  # Empty: every check.
}

struct RepairWork {
  # Verifies the device by its strategy and runs the repair actions where that fails.

  reason @0 :Text;
  # What failed before, for people. May be empty.
}

struct JobWork {
  # Runs a child process, or several one after the other.

  source :union {
    command @0 :CommandSource;
    tree @1 :TreeSource;
    git @5 :GitSource;
  }

  cwd @2 :Text;
  # Absolute, on the worker. Empty: a fresh workspace (command) or the tree's directory (tree).

  env @3 :List(Device.Pair);
  # Set in the child's otherwise empty environment. No key twice.

  envPass @4 :List(Text);
  # Names of variables passed on from the worker's own environment. Unset ones are left out.

  steps @6 :List(JobStep);
  # Run in order, until one fails, in place of what `source` offers. A command has no argv then.

  finally @7 :List(JobStep);
  # Run after all that, however it ended, each of them.

  artifacts @8 :List(Text);
  # Globs relative to the working directory, collected however the job ended.

  expectTests @9 :UInt32;
  # Fewer results than this are an error. 0: not said.

  limits @10 :List(MeasureLimit);

  keep @11 :Keep;
  # Which workspaces stay on the worker.

  keepFor @12 :Int64 = 86400000000;
  # For how long.

  pty @13 :Bool;
  # stdout and stderr are a terminal.

  results @14 :List(ResultFiles);
  # Of each job that a tree offers; those of steps are in the steps.
}

enum Keep {
  never @0;
  onFailure @1;
  always @2;
}

enum ResultFormat {
  junit @0;
  # XML.
  gtest @1;
  # googletest's XML or JSON; what is missing there is read from the step's output.
}

struct JobStep {
  id @0 :Text;
  # Unique in the job.

  argv @1 :List(Text);

  timeout @2 :Int64;
  # 0: only the attempt's.

  uninterruptible @3 :Bool;
  # A cancel waits for its end.

  results @4 :List(ResultFiles);
  measures @5 :List(MeasureFiles);
}

struct ResultFiles {
  # Reports of tests that a step leaves as files. Read when it has ended, however it ended.

  format @0 :ResultFormat;

  pattern @1 :Text;
  # A glob relative to the working directory. Empty: the output only (gtest).
}

struct MeasureFiles {
  # CSV whose first line names the columns.

  table @0 :Text;
  pattern @1 :Text;
}

struct MeasureLimit {
  # A row of `table` whose `column` lies outside fails the job.

  table @0 :Text;
  column @1 :Text;

  lower :union {
    none @2 :Void;
    min @3 :Float64;
  }

  upper :union {
    none @4 :Void;
    max @5 :Float64;
  }

  unit @6 :Text;
  # For people.
}

struct CommandSource {
  argv @0 :List(Text);
  # Never a shell string. The first element is looked up in PATH.
}

struct TreeSource {
  # Jobs of a directory that has a .vcsjob file.

  dir @0 :Text;
  # Absolute, on the worker.

  path @1 :Text;
  # One job, relative to `dir`. Empty: select by `tags`.

  tags @2 :List(Text);
  # All jobs for which each of these holds: "A" the job carries A, "any:A,B" one of them, "not:A" it
  # does not.
}

struct GitSource {
  # The same of a git repository, which the worker fetches.

  url @0 :Text;

  ref @1 :Text;
  # Branch, tag or sha. Empty: what the repository's HEAD names.

  path @2 :Text;
  tags @3 :List(Text);

  askedRef @4 :Text;
  # For people: what `ref` was called when the submitter resolved it to a sha. Empty: it did not.
}
