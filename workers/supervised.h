// The worker's side of supervised attempts: has them started, tells their supervisors about leases
// and stops, reads their journals, notices when a supervisor dies, and takes up what an earlier
// incarnation of the worker left running.
//
//   HOME/worker/NAME/run.sock            where supervisors dial in
//   HOME/worker/NAME/running/I-N         a symbolic link for each attempt that is not over:
//                                        ../attempts/<guid>/<n>
//
// An attempt is over when its Ending is in the spool; only then its link goes.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/worker_core.h"
#include "io/file.h"
#include "workers/attempt_files.h"
#include "workers/journal.h"
#include "workers/launcher.h"
#include "workers/strays.h"
#include "workers/supervise_protocol.h"

namespace muster {

struct SupervisedSetup {
  std::string dir;       // HOME/worker/NAME
  std::string worker;    // its name
  std::string self_exe;  // to run a launcher
  uint64_t incarnation = 0;
  uint64_t log_max = 0;
  uint64_t disk_reserve = 0;
  std::string archive;                 // LaunchOrder::archive
  std::vector<std::string> git_allow;  // likewise
  std::string cgroup_dir;              // below which attempts get cgroups; empty: they get none
  bool trace_calls = false;            // LaunchOrder::trace_calls
  std::string errors = {};             // Launcher::start's; empty: `dir`/supervisor
  // Called with the folder of each attempt that goes on, and when its Ending is in the spool: what
  // is in the folder is nobody's any more. Null: it stays.
  std::function<void(const AttemptToken&, const std::string& dir)> follow = nullptr;
  std::function<void(const AttemptToken&)> release = nullptr;
  // Kills what an attempt whose supervisor has died left to this process (workers/strays.h). Null:
  // nothing is known to be left.
  std::function<std::vector<Stray>(const AttemptToken&)> end_strays = nullptr;
};

class SupervisedAttempts {
 public:
  // An attempt said something. The Ending is its last word.
  using Sink = std::function<void(const AttemptToken&, ReportBody, Instant time)>;
  // Whether more should be said now: what is not stays in the journals.
  using Room = std::function<bool()>;

  SupervisedAttempts(SupervisedSetup setup, Sink sink, Room has_room);

  // First of all: finds what earlier incarnations left, `marks` being what the spool knows. The
  // caller is told nothing of them before begin().
  std::vector<ResumedAttempt> recover(const std::vector<JournalMark>& marks, Instant now);

  // Listens, starts the launcher, and begins to hand on what was said while there was no worker.
  Result<Done> begin(Instant now);

  // Has the attempt run. What cannot be started says so in its Ending.
  void start(const Assignment& assignment, Instant lease_until, Instant now);
  // Those that are not supervised are passed over by both.
  void stop(const StopAction& action, Instant now);
  // Ends all that run as a cancel does, or `at_once`, by a fault of the worker.
  void stop_all(const std::string& text, bool at_once, Instant now);
  void renew(const std::function<Instant(const AttemptToken&)>& lease_until, Instant now);

  bool contains(const AttemptToken& token) const { return attempts_.contains(token); }
  // Likewise, and its last word is not in the spool yet.
  bool goes_on(const AttemptToken& token) const {
    const auto found = attempts_.find(token);
    return found != attempts_.end() && !found->second.gone;
  }
  // Some attempt has not said its last word.
  bool any_running() const;
  std::vector<AttemptToken> tokens() const;

  // To be called when fd() is readable or next_deadline() has passed, and when there is room again.
  // Takes a bounded piece of each journal.
  void wake(Instant now);
  int fd() const { return epoll_.get(); }
  std::optional<Instant> next_deadline() const;

  // What the spool has to note, and that it has.
  std::vector<JournalMark> unnoted() const;
  void noted(const std::vector<JournalMark>& marks);

 private:
  struct Attempt {
    std::string dir;
    std::string link_name;  // in running/
    JournalReader journal;
    uint64_t noted_bytes = 0;
    Instant started;
    int64_t lease_boot_us = 0;
    bool ended = false;  // its Ending was handed on
    bool gone = false;   // and is in the spool: to be forgotten
    UniqueFd connection;
    int64_t told_lease_us = 0;
    std::optional<SuperviseStop> stop;  // said or to be said
    bool stop_told = false;
    // That said hello last. -1: none has; 0: none did to this worker, but to an earlier one.
    pid_t supervisor = -1;
    bool is_beating = false;  // it says that it is alive: one of an earlier build may not
    int64_t silent_rounds = 0;
    std::string verdict;  // why its supervisor is being killed; empty: it is not
    Instant kill_at;      // kNever: nobody must be killed
    Instant look_at;      // whether it lives at all; kNever: it is connected
    bool more = false;    // of its journal may be there to be read
  };
  using Attempts = std::map<AttemptToken, Attempt>;
  struct Stranger {  // connected, and has not said hello
    UniqueFd connection;
    int64_t rounds = 0;
  };

  Result<Done> launch(const Assignment& assignment, Attempt& attempt);
  Result<Done> ready_launcher();
  AttemptVitals vitals_of(const AttemptToken& token, const Attempt& attempt) const;
  Result<Done> hand_over(Attempt& attempt, int lock_fd);
  void end_what_was_left();
  Result<Done> run_launcher();
  std::optional<std::pair<AttemptToken, Attempt>> load(
      const std::string& link_name, const std::map<AttemptToken, JournalMark>& marks, Instant now);
  void remove_link(const std::string& name);
  void watch(int fd, uint64_t key);
  void accept_all();
  void greet(int fd, Instant now);
  void hear(Attempts::iterator found, Instant now);
  void read_journal(Attempts::iterator found);
  void read_on();
  void tell(Attempt& attempt);
  void tell_stop(Attempt& attempt, SuperviseStop stop, Instant now);
  void pass_round(Instant now);
  void judge(Attempts::iterator found, Instant now);
  void look(Attempts::iterator found, Instant now);
  void bury(Attempts::iterator found, Instant now);
  bool has_finally(const Attempt& attempt) const;
  bool begin_finally(Attempts::iterator found, const std::string& why, Instant now);
  void end(Attempts::iterator found, Ending ending, Instant now);

  SupervisedSetup setup_;
  Sink sink_;
  Room has_room_;
  AttemptToken read_last_;  // of those with more
  std::unique_ptr<Launcher> launcher_;
  Instant next_launcher_;  // not started again before
  UniqueFd epoll_;
  UniqueFd listener_;
  std::map<int, Stranger> strangers_;
  std::map<int, AttemptToken> by_connection_;
  Attempts attempts_;
  uint64_t next_link_ = 1;
  Instant next_round_;
};

}  // namespace muster
