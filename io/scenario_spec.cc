#include "io/scenario_spec.h"

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/guid.h"
#include "core/limits.h"

namespace muster {
namespace {

using nlohmann::json;

constexpr Duration kTimeout = std::chrono::seconds(60);  // nothing in a scenario takes time

struct OpWord {
  const char* word;
  ScenarioOp op;
  bool on_verifier;
  bool on_action;
};
constexpr std::array<OpWord, 10> kOpWords = {{
    {"verify", ScenarioOp::verify, false, false},
    {"repair", ScenarioOp::repair, false, false},
    {"verify_host", ScenarioOp::verify_host, true, false},
    {"reverify", ScenarioOp::reverify, true, false},
    {"repair_host", ScenarioOp::repair_host, false, true},
    {"fix", ScenarioOp::fix, true, false},
    {"break", ScenarioOp::break_it, true, false},
    {"unrepair", ScenarioOp::unrepair, true, false},
    {"try_repair", ScenarioOp::try_repair, true, false},
    {"clear", ScenarioOp::clear, false, false},
}};

std::string item(const std::string& list, size_t index) {
  return list + "[" + std::to_string(index) + "]";
}

// Reads one scenario; after the first fault nothing that is read counts.
class Reader {
 public:
  Result<ScenarioSpec> read(const json& root) {
    if (!root.is_object()) return Error{"a scenario is a JSON object"};
    spec_.strategy.name = "scenario";
    const bool silent = flag(root, "silent", "", false);
    const json& verifiers = list(root, "verifiers", "");
    for (size_t i = 0; i < verifiers.size() && !fault_; ++i) {
      read_verifier(verifiers[i], item("verifiers", i));
    }
    const json& repairs = list(root, "repairs", "");
    for (size_t i = 0; i < repairs.size() && !fault_; ++i) {
      read_repair(repairs[i], item("repairs", i));
    }
    const size_t nodes = verifiers.size() + repairs.size();
    if (nodes > kStrategyNodesMax) {
      refuse("", "has " + std::to_string(nodes) + " verifiers and repairs; at most " +
                     std::to_string(kStrategyNodesMax) + " are allowed");
    }
    read_steps(root, silent);
    if (fault_) return Error{std::move(*fault_)};
    return std::move(spec_);
  }

 private:
  void refuse(const std::string& where, const std::string& why) {
    if (!fault_) fault_ = where.empty() ? why : where + ": " + why;
  }

  static std::string below(const std::string& where, const char* key) {
    return where.empty() ? key : where + "." + key;
  }

  // The list under `key`; an empty one when it is absent or wrong.
  const json& list(const json& object, const char* key, const std::string& where) {
    static const json kEmpty = json::array();
    const auto found = object.find(key);
    if (found == object.end()) return kEmpty;
    if (found->is_array()) return *found;
    refuse(below(where, key), "must be a list");
    return kEmpty;
  }

  bool flag(const json& object, const char* key, const std::string& where, bool absent) {
    const auto found = object.find(key);
    if (found == object.end()) return absent;
    if (!found->is_boolean()) refuse(below(where, key), "must be true or false");
    return found->is_boolean() && found->get<bool>();
  }

  std::string text(const json& value, const std::string& where) {
    if (value.is_string()) return value.get<std::string>();
    refuse(where, "must be a string");
    return "";
  }

  std::vector<std::string> texts(const json& object, const char* key, const std::string& where) {
    const json& values = list(object, key, where);
    std::vector<std::string> out;
    for (size_t i = 0; i < values.size(); ++i) {
      out.push_back(text(values[i], item(below(where, key), i)));
    }
    return out;
  }

  std::string tag(const json& object, const std::string& where) {
    const auto found = object.find("tag");
    if (found == object.end()) refuse(where, "has no tag");
    return found == object.end() ? "" : text(*found, below(where, "tag"));
  }

  // The number of verifiers for PASS, where that may be meant.
  size_t verifier_of(const std::string& tag, const std::string& where, bool root_allowed) {
    const auto found = verifiers_.find(tag);
    if (found != verifiers_.end()) return found->second;
    if (tag != kRootTag || !root_allowed) {
      refuse(where, "no verifier before it has the tag " + quote_text(tag));
    }
    return spec_.strategy.verifiers.size();
  }

  std::vector<size_t> verifiers_of(const json& object, const char* key, const std::string& where) {
    std::vector<size_t> out;
    const std::vector<std::string> tags = texts(object, key, where);
    for (size_t i = 0; i < tags.size(); ++i) {
      out.push_back(verifier_of(tags[i], item(below(where, key), i), false));
    }
    return out;
  }

  void read_verifier(const json& object, const std::string& where) {
    if (!object.is_object()) return refuse(where, "must be an object");
    Verifier verifier;
    verifier.tag = tag(object, where);
    verifier.description = "Testing verify() for \"" + verifier.tag + "\"";
    verifier.check = NoopCheck{};
    verifier.timeout = kTimeout;
    verifier.deps = texts(object, "deps", where);
    for (size_t i = 0; i < verifier.deps.size(); ++i) {
      verifier_of(verifier.deps[i], item(where + ".deps", i), false);
    }
    CheckScript script;
    script.results = texts(object, "results", where);
    for (size_t i = 0; i < script.results.size(); ++i) {
      const std::string& result = script.results[i];
      if (result != "pass" && !result.starts_with("fail:")) {
        refuse(item(where + ".results", i), "must be \"pass\" or \"fail:MESSAGE\"");
      }
    }
    const auto count = object.find("fail_count");
    script.counted = count != object.end();
    if (script.counted && !count->is_number_integer()) {
      refuse(where + ".fail_count", "must be a whole number");
    } else if (script.counted) {
      script.fail_count = count->get<int64_t>();
    }
    if (verifier.tag == kRootTag) refuse(where, "PASS is the tag of the root");
    if (!verifiers_.emplace(verifier.tag, spec_.checks.size()).second) {
      refuse(where, "tag " + quote_text(verifier.tag) + " is used twice");
    }
    spec_.strategy.verifiers.push_back(std::move(verifier));
    spec_.checks.push_back(std::move(script));
  }

  void read_repair(const json& object, const std::string& where) {
    if (!object.is_object()) return refuse(where, "must be an object");
    RepairActionSpec action;
    action.tag = tag(object, where);
    action.run = NoopCheck{};
    action.timeout = kTimeout;
    action.deps = texts(object, "deps", where);
    action.triggers = texts(object, "triggers", where);
    RepairScript script;
    for (size_t i = 0; i < action.deps.size(); ++i) {
      verifier_of(action.deps[i], item(where + ".deps", i), true);
    }
    const bool decrement = flag(object, "decrement", where, false);
    for (size_t i = 0; i < action.triggers.size(); ++i) {
      const size_t trigger = verifier_of(action.triggers[i], item(where + ".triggers", i), true);
      if (decrement && trigger < spec_.checks.size()) script.decrements.push_back(trigger);
    }
    script.fixes = verifiers_of(object, "fixes", where);
    script.breaks = verifiers_of(object, "breaks", where);
    const auto answer = object.find("repair");
    if (answer != object.end() && answer->is_array()) {
      script.answers = texts(object, "repair", where);
    } else if (answer != object.end()) {
      script.answers = {text(*answer, where + ".repair")};
    }
    for (const std::string& said : script.answers) {
      if (said != "ok" && !said.starts_with("raise:")) {
        refuse(where + ".repair", "must be \"ok\" or \"raise:MESSAGE\"");
      }
    }
    actions_.emplace(action.tag, spec_.repairs.size());
    spec_.strategy.actions.push_back(std::move(action));
    spec_.repairs.push_back(std::move(script));
  }

  void read_steps(const json& root, bool silent) {
    const auto ops = root.find("ops");
    const auto op = root.find("op");
    if (fault_) return;
    if (ops == root.end() && op == root.end()) {
      return refuse("", "has neither \"op\" nor \"ops\"");
    }
    spec_.several = ops != root.end();
    if (!spec_.several) return read_step(*op, "op", silent);
    const json& all = list(root, "ops", "");
    for (size_t i = 0; i < all.size() && !fault_; ++i) read_step(all[i], item("ops", i), silent);
  }

  void read_step(const json& op, const std::string& where, bool silent) {
    json words = op.is_array() ? op : json::array({op});
    if (!words.empty() && words.back().is_object()) {
      silent = flag(words.back(), "silent", where, silent);
      words.erase(words.size() - 1);
    }
    const std::string word = words.empty() ? "" : text(words[0], where);
    const auto known = std::find_if(kOpWords.begin(), kOpWords.end(),
                                    [&](const OpWord& entry) { return entry.word == word; });
    if (known == kOpWords.end()) return refuse(where, "no operation is " + quote_text(word));
    const size_t wanted = known->on_verifier || known->on_action ? 2 : 1;
    if (words.size() != wanted) {
      return refuse(where, wanted == 2 ? word + " takes one tag" : word + " takes no tag");
    }
    ScenarioStep step{known->op, 0, silent};
    const std::string subject = wanted == 2 ? text(words[1], where) : "";
    const bool root_allowed =
        known->op == ScenarioOp::verify_host || known->op == ScenarioOp::reverify;
    if (known->on_verifier) step.index = verifier_of(subject, where, root_allowed);
    if (known->on_action) {
      const auto action = actions_.find(subject);
      if (action == actions_.end()) {
        return refuse(where, "no repair has the tag " + quote_text(subject));
      }
      step.index = action->second;
    }
    spec_.steps.push_back(step);
  }

  ScenarioSpec spec_;
  std::map<std::string, size_t> verifiers_;
  std::map<std::string, size_t> actions_;  // of several with one tag the first
  std::optional<std::string> fault_;
};

}  // namespace

Result<ScenarioSpec> read_scenario(const json& root) { return Reader().read(root); }

}  // namespace muster
