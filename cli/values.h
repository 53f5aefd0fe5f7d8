// Values of flags that are more than a word.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "cli/options.h"
#include "core/join.h"
#include "core/result.h"

namespace muster {

// A whole number from `min` to `max` in decimal digits.
Result<uint64_t> parse_whole_number(const std::string& text, uint64_t min, uint64_t max);

// NAME=VALUE; the value may be empty and may hold further equals signs.
Result<std::pair<std::string, std::string>> parse_assignment(const std::string& text);

// "infra=2", "test=1" or both with a comma between them.
struct RetryBudget {
  std::optional<uint32_t> infra;
  std::optional<uint32_t> test;
};
Result<RetryBudget> parse_retry(const std::string& text);

// "queued,running" -> states.
Result<std::vector<TaskState>> parse_task_states(const std::string& text);

// "fail,error" -> verdicts of ended tasks.
Result<std::vector<Verdict>> parse_verdicts(const std::string& text);

std::vector<std::string> split(const std::string& text, char separator);

}  // namespace muster
