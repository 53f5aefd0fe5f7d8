// Why a verb cannot go on. Thrown by the asking half of the CLI and caught in one place
// (run_command in cli/verbs.cc), which prints it and exits with its status; nothing else throws.
#pragma once

#include <string>

namespace muster {

struct Failure {
  int exit_status;
  std::string error;  // what and where
  std::string hint;   // what to do next; may be empty
};

}  // namespace muster
