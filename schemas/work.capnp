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
  # Carried and ignored.
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
  }

  cwd @2 :Text;
  # Absolute, on the worker. Empty: a fresh workspace (command) or the tree's directory (tree).

  env @3 :List(Device.Pair);
  # Set in the child's otherwise empty environment. No key twice.

  envPass @4 :List(Text);
  # Names of variables passed on from the worker's own environment. Unset ones are left out.
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
  # All jobs that carry every one of these.
}
