// What the end of a child process means: outcome, cause and AVE's status code (DESIGN section 6).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/task.h"

namespace muster {

// How one child of a job ended.
struct ChildEnd {
  std::optional<int32_t> exit_code;
  std::optional<int32_t> signal;
  std::string not_started;       // why it could not be started; empty: it was
  bool run_timeout = false;      // it was ended because it ran for too long
  bool silence_timeout = false;  // it was ended because it was silent for too long
  Duration limit{0};             // the timeout that it broke
  std::string not_killed;        // why it could not be ended, and is left running; empty: it ended
};

// A plain command: exit 0 passes, anything else is a failed test.
Ending ending_of_command(const ChildEnd& end, Instant started, Instant finished);

// A job of a .vcsjob tree, whose exit code is one of AVE's status codes:
//   0 OK pass; 1 ERROR error/test; 2 NORUN skip; 3 BLOCKED error/device; 4 BUSY error/capacity;
//   5 FAILURES fail/test; 6 to 9 error/test with that status; anything else ERROR error/test.
Ending ending_of_tree_job(const ChildEnd& end, Instant started, Instant finished);

// The Ending of a whole whose parts ended so, in order: the numerically worst status decides (the
// first of equals); the whole lasts from the first start to the last finish. `parts` is not empty.
Ending worst_ending(const std::vector<Ending>& parts);

}  // namespace muster
