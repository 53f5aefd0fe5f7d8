// A scenario as it was read; the language is in io/scenario.h.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/strategy.h"

namespace muster {

// How a check answers.
struct CheckScript {
  std::vector<std::string> results;  // "pass", "fail:MESSAGE"
  bool counted = false;              // `fail_count` decides, not `results`
  int64_t fail_count = 0;
  size_t asked = 0;
  std::optional<std::string> forced;  // "" passes, else it fails with this, whatever was scripted
};

// What an action does.
struct RepairScript {
  std::vector<std::string> answers;  // "ok", "raise:MESSAGE"
  std::vector<size_t> fixes;         // verifiers
  std::vector<size_t> breaks;
  std::vector<size_t> decrements;  // its triggers, when it lowers their counts
  size_t asked = 0;
};

enum class ScenarioOp : uint8_t {
  verify,
  repair,
  verify_host,
  reverify,
  repair_host,
  fix,
  break_it,
  unrepair,
  try_repair,
  clear,
};

struct ScenarioStep {
  ScenarioOp op = ScenarioOp::verify;
  size_t index = 0;  // of the verifier (their number: PASS), or of the action
  bool silent = false;
};

struct ScenarioSpec {
  Strategy strategy;
  std::vector<CheckScript> checks;    // of each verifier
  std::vector<RepairScript> repairs;  // of each action
  std::vector<ScenarioStep> steps;
  bool several = false;  // "ops", not "op"
};

// The reason names the part: `verifiers[1].deps[0]: no verifier before it has the tag "x"`.
Result<ScenarioSpec> read_scenario(const nlohmann::json& root);

}  // namespace muster
