// How far something has come: one line that moves on a terminal; elsewhere a plain line now and
// then.
#pragma once

#include <cstdint>
#include <string>

#include "cli/output.h"

namespace muster {

class ProgressLine {
 public:
  explicit ProgressLine(Output& output) : output_(output), said_us_(boot_us()) {}

  void show(const std::string& text);

 private:
  Output& output_;
  std::string said_;
  int64_t said_us_;
};

}  // namespace muster
