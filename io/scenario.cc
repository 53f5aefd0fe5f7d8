#include "io/scenario.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "core/guid.h"
#include "core/limits.h"
#include "core/repair_ladder.h"
#include "io/scenario_spec.h"

namespace muster {
namespace {

using nlohmann::ordered_json;

constexpr std::string_view kRaise = "raise:";
constexpr std::string_view kFail = "fail:";

// What one operation came to, or several.
struct Account {
  bool passed = true;
  std::vector<Record> records;
  std::vector<StrategyFailure> failures;  // sorted by tag
  const char* etype = nullptr;            // autotest's class of the exception
  std::vector<std::pair<const char*, std::string>> calls;
  std::optional<StrategyResult> result;
};

// The verifiers and actions of a scenario, and the engine that is run on them.
class Stage {
 public:
  Stage(ScenarioSpec spec, ScenarioRules rules)
      : spec_(std::move(spec)),
        ladder_(spec_.strategy, make_options(rules)),
        verify_counts_(spec_.checks.size()),
        repair_counts_(spec_.repairs.size()) {}

  ordered_json run() {
    ordered_json steps = ordered_json::array();
    Account whole;
    for (const ScenarioStep& step : spec_.steps) {
      Account account = run_step(step);
      if (spec_.several) steps.push_back(to_json(account));
      if (step.op == ScenarioOp::clear) whole = {};
      if (is_engine_op(step.op)) {
        whole.passed = account.passed;
        whole.failures = std::move(account.failures);
        whole.etype = account.etype;
        whole.result = account.result;
      }
      whole.records.insert(whole.records.end(), account.records.begin(), account.records.end());
      whole.calls.insert(whole.calls.end(), account.calls.begin(), account.calls.end());
    }
    ordered_json answer = to_json(whole);
    if (spec_.several) answer["ops"] = std::move(steps);
    return answer;
  }

 private:
  static LadderOptions make_options(ScenarioRules rules) {
    LadderOptions options;
    options.sound = rules == ScenarioRules::sound;
    return options;
  }

  static bool is_engine_op(ScenarioOp op) {
    return op == ScenarioOp::verify || op == ScenarioOp::repair || op == ScenarioOp::verify_host ||
           op == ScenarioOp::repair_host;
  }

  Account run_step(const ScenarioStep& step) {
    Account account;
    switch (step.op) {
      case ScenarioOp::verify:
        ladder_.verify(kNever);
        account = go(step);
        judge_node(ladder_.cache().root(), account);
        break;
      case ScenarioOp::repair:
        ladder_.repair(kNever);
        account = go(step);
        judge_node(ladder_.cache().root(), account);
        account.result = ladder_.result();
        break;
      case ScenarioOp::verify_host:
        ladder_.verify_node(step.index, kNever);
        account = go(step);
        judge_node(step.index, account);
        break;
      case ScenarioOp::repair_host:
        ladder_.run_action(step.index, kNever);
        account = go(step);
        judge_action(step.index, account);
        break;
      case ScenarioOp::reverify:
        ladder_.clear(step.index);
        break;
      case ScenarioOp::fix:
        spec_.checks[step.index].forced = "";
        break;
      case ScenarioOp::break_it:
        spec_.checks[step.index].forced = "broken by request";
        break;
      case ScenarioOp::unrepair:
        ++spec_.checks[step.index].fail_count;
        break;
      case ScenarioOp::try_repair:
        --spec_.checks[step.index].fail_count;
        break;
      case ScenarioOp::clear:
        std::fill(verify_counts_.begin(), verify_counts_.end(), 0);
        std::fill(repair_counts_.begin(), repair_counts_.end(), 0);
        break;
    }
    return account;
  }

  // Carries the operation that was begun to its end.
  Account go(const ScenarioStep& step) {
    Account account;
    while (!ladder_.idle()) {
      for (const EngineStep& next : ladder_.next(kNever)) {
        const bool is_check = next.kind == StepKind::check;
        account.calls.emplace_back(is_check ? "verify" : "repair",
                                   is_check ? spec_.strategy.verifiers[next.index].tag
                                            : spec_.strategy.actions[next.index].tag);
        ladder_.finish(next, is_check ? check(next.index) : repair(next.index), kNever);
      }
    }
    std::vector<Record> records = ladder_.take_records();
    if (!step.silent) account.records = std::move(records);
    return account;
  }

  StepOutcome check(size_t index) {
    CheckScript& script = spec_.checks[index];
    ++verify_counts_[index];
    const size_t turn = script.asked++;
    if (script.forced) return {script.forced->empty(), *script.forced, Duration{0}};
    if (script.counted) {
      if (script.fail_count <= 0) return {true, "", Duration{0}};
      return {false, "Failing \"" + spec_.strategy.verifiers[index].tag + "\" by request",
              Duration{0}};
    }
    if (script.results.empty()) return {true, "", Duration{0}};
    const std::string& result = script.results[std::min(turn, script.results.size() - 1)];
    if (result == "pass") return {true, "", Duration{0}};
    return {false, result.substr(kFail.size()), Duration{0}};
  }

  StepOutcome repair(size_t index) {
    RepairScript& script = spec_.repairs[index];
    ++repair_counts_[index];
    const size_t turn = script.asked++;
    if (!script.answers.empty()) {
      const std::string& answer = script.answers[std::min(turn, script.answers.size() - 1)];
      if (answer != "ok") return {false, answer.substr(kRaise.size()), Duration{0}};
    }
    for (size_t verifier : script.decrements) --spec_.checks[verifier].fail_count;
    for (size_t verifier : script.fixes) spec_.checks[verifier].forced = "";
    for (size_t verifier : script.breaks) {
      spec_.checks[verifier].forced = "broken by " + spec_.strategy.actions[index].tag;
    }
    return {true, "", Duration{0}};
  }

  void judge_node(size_t node, Account& account) const {
    const Standing standing = ladder_.cache().standing(node);
    account.passed = standing == Standing::good;
    // A node's own failure surfaces as itself, not as that of something it needs.
    if (standing == Standing::failed) account.etype = "AutoservVerifyError";
    if (standing == Standing::blocked) add_failures({node}, account);
  }

  void judge_action(size_t action, Account& account) const {
    switch (ladder_.action_end(action).status) {
      case ActionStatus::unknown:
      case ActionStatus::skipped:
      case ActionStatus::repaired:
        return;
      case ActionStatus::blocked:
        account.passed = false;
        return add_failures(ladder_.deps(action), account);
      case ActionStatus::repair_failure:
      case ActionStatus::verify_failure:
        account.passed = false;
        account.etype = "AutoservRepairError";
    }
  }

  void add_failures(const std::vector<size_t>& targets, Account& account) const {
    account.etype = "AutoservVerifyDependencyError";
    account.failures = ladder_.failures(targets);
    std::sort(account.failures.begin(), account.failures.end(),
              [](const StrategyFailure& a, const StrategyFailure& b) { return a.tag < b.tag; });
  }

  ordered_json to_json(const Account& account) const {
    ordered_json json;
    json["outcome"] = account.passed ? "pass" : "fail";
    json["records"] = ordered_json::array();
    for (const Record& record : account.records) {
      json["records"].push_back(
          ordered_json::array({record.status, record.operation, record.message}));
    }
    json["failures"] = ordered_json::array();
    for (const StrategyFailure& failure : account.failures) {
      json["failures"].push_back(
          {{"tag", failure.tag}, {"description", failure.description}, {"error", failure.message}});
    }
    json["etype"] = account.etype == nullptr ? ordered_json() : ordered_json(account.etype);
    json["action_status"] = ordered_json::object();
    json["repair_counts"] = ordered_json::object();
    for (size_t i = 0; i < spec_.repairs.size(); ++i) {
      const std::string& tag = spec_.strategy.actions[i].tag;
      const ActionStatus status = ladder_.action_end(i).status;
      // An action that nothing has reached yet has no status.
      if (status != ActionStatus::unknown) json["action_status"][tag] = to_string(status);
      json["repair_counts"][tag] = repair_counts_[i];
    }
    json["verify_counts"] = ordered_json::object();
    for (size_t i = 0; i < spec_.checks.size(); ++i) {
      json["verify_counts"][spec_.strategy.verifiers[i].tag] = verify_counts_[i];
    }
    json["calls"] = ordered_json::array();
    for (const auto& [what, tag] : account.calls) {
      json["calls"].push_back(ordered_json::array({what, tag}));
    }
    json["strategy_result"] =
        account.result ? ordered_json(to_string(*account.result)) : ordered_json();
    return json;
  }

  ScenarioSpec spec_;
  RepairLadder ladder_;
  std::vector<uint64_t> verify_counts_;
  std::vector<uint64_t> repair_counts_;
};

// How deep brackets nest in JSON text, whether or not it is well-formed.
size_t nesting_depth(std::string_view text) {
  size_t depth = 0;
  size_t deepest = 0;
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') quoted = !quoted;
    if (quoted && c == '\\') ++i;
    if (quoted) continue;
    if (c == '[' || c == '{') deepest = std::max(deepest, ++depth);
    if ((c == ']' || c == '}') && depth > 0) --depth;
  }
  return deepest;
}

// One line, whatever bytes the scenario held.
std::string dump(const ordered_json& json) {
  return json.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

ScenarioAnswer refuse(ordered_json id, const std::string& reason) {
  ordered_json json;
  json["id"] = std::move(id);
  json["error"] = reason;
  return {dump(json), true};
}

}  // namespace

ScenarioAnswer answer_scenario(std::string_view text, ScenarioRules rules) {
  if (text.size() > kScenarioBytesMax) {
    return refuse(nullptr,
                  "the scenario is longer than " + std::to_string(kScenarioBytesMax) + " bytes");
  }
  if (nesting_depth(text) > kScenarioDepthMax) {
    return refuse(nullptr, "the scenario nests deeper than " + std::to_string(kScenarioDepthMax));
  }
  const nlohmann::json root = nlohmann::json::parse(text, nullptr, false);
  if (root.is_discarded()) return refuse(nullptr, "the scenario is not JSON");
  const bool has_id = root.is_object() && root.contains("id");
  ordered_json id = has_id ? ordered_json(root.at("id")) : ordered_json();
  Result<ScenarioSpec> spec = read_scenario(root);
  if (!spec) return refuse(std::move(id), spec.error());
  ordered_json answer;
  answer["id"] = std::move(id);
  answer.update(Stage(std::move(*spec), rules).run());
  return {dump(answer), false};
}

}  // namespace muster
