// What runs on a worker's machine: attempts that say a few things, take their time, and end as
// chance has it. It is where truth is: the checkers are told here what really runs.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "core/worker_core.h"
#include "tests/sim/checkers.h"
#include "tests/sim/faults.h"
#include "tests/sim/sim.h"
#include "tests/sim/sim_devices.h"

namespace muster::sim {

class SimExecutor {
 public:
  // What an attempt says. `durable` is WorkerCore::report's.
  using Say = std::function<void(const AttemptToken& token, ReportBody body, bool durable)>;

  SimExecutor(Sim& sim, Checkers& checkers, const Faults& faults, SimDevices& devices,
              std::string worker, uint32_t slots, Say say)
      : sim_(sim),
        checkers_(checkers),
        faults_(faults),
        devices_(devices),
        worker_(std::move(worker)),
        slots_(slots),
        say_(std::move(say)) {}

  // Whether the attempt has no effects that outlive its worker.
  static bool is_quick(const Assignment& assignment);
  // Whether it goes on when the worker's process dies: a job, under its supervisor.
  static bool is_supervised(const Assignment& assignment);

  void start(const Assignment& assignment);
  // `at_once`: before anything else happens on this machine. An attempt that has yet to start never
  // does.
  void stop(const StopAction& action, bool at_once);
  // The machine loses power: nobody says a last word.
  void kill_all();
  // The worker's process dies: what is supervised goes on.
  void kill_unsupervised();
  // The machine is suspended until then; nothing happens on it.
  void suspend(Duration until) { suspended_until_ = until; }

 private:
  struct Attempt {
    uint64_t life = 0;  // tells steps of this attempt from those of another run of its token
    Assignment assignment;
    bool quick = false;
    uint32_t to_say = 0;
    uint64_t said = 0;
    bool stopping = false;
    Duration began{0};
    Duration length{0};
    Ending ending;
  };

  static Ending stopped_ending();
  Ending draw_ending(const Assignment& assignment, bool hangs);
  Ending draw_check_ending(const Assignment& assignment);
  void step_later(const AttemptToken& token, uint64_t life, Duration delay);
  void step(const AttemptToken& token, uint64_t life);
  void say_one(const AttemptToken& token, Attempt& attempt);
  void finish(const AttemptToken& token, Ending ending);

  Sim& sim_;
  Checkers& checkers_;
  const Faults& faults_;
  SimDevices& devices_;
  std::string worker_;
  uint32_t slots_;
  Say say_;
  std::map<AttemptToken, Attempt> attempts_;
  std::set<AttemptToken> stopped_early_;
  uint64_t next_life_ = 1;
  Duration suspended_until_{0};
};

}  // namespace muster::sim
