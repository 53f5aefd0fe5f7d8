// Scenarios: the strategy engine run on made-up verifiers and actions, so that it can be compared
// with other engines (muster strategy run). One scenario is a JSON object:
//
//   {"id", "verifiers": [...], "repairs": [...], "op": "verify" | "repair", "ops": [...], "silent"}
//
//   verifier  {"tag", "deps"}, dependencies declared before it, and how its check answers:
//             "results": ["pass" | "fail:MESSAGE", ...]  one a call, the last repeats; empty: pass
//             "fail_count": N                            fails while N > 0
//   repair    {"tag", "deps", "triggers"}, and
//             "repair": "ok" | "raise:MESSAGE", or a list with one a call, the last repeats
//             "fixes", "breaks": [TAG, ...]  what checks pass, or fail, from then on, after an ok
//             "decrement": true              an ok lowers the count of each trigger by one
//   ops       instead of op, several on the same objects: "verify", "repair", ["verify_host", TAG],
//             ["reverify", TAG], ["repair_host", TAG], ["fix", TAG], ["break", TAG],
//             ["unrepair", TAG] (count + 1), ["try_repair", TAG] (count - 1), ["clear"] (forgets
//             records and counts so far). {"silent": BOOL} last in one holds for that operation.
//
// The answer is one line:
//
//   {"id", "outcome": "pass" | "fail", "records": [[status, operation, reason], ...],
//    "failures": [{"tag", "description", "error"}, ...], "etype", "action_status": {TAG: status},
//    "calls": [["verify" | "repair", TAG], ...], "verify_counts": {TAG: N},
//    "repair_counts": {TAG: N}, "strategy_result"}
//
// and after several operations also "ops", with one such object each; outcome, failures, etype and
// strategy_result are then those of the last operation that checked or repaired. What is malformed
// is answered {"id", "error"}.
#pragma once

#include <string>
#include <string_view>

namespace muster {

enum class ScenarioRules : uint8_t {
  sound,     // those of StrategyRun: after a repair, what may have changed is verified anew
  autotest,  // to the letter
};

struct ScenarioAnswer {
  std::string json;        // one line, without its line feed
  bool malformed = false;  // the scenario; `json` says why
};

ScenarioAnswer answer_scenario(std::string_view text, ScenarioRules rules);

}  // namespace muster
