#include "io/strategy_file.h"

#include <map>
#include <optional>
#include <utility>

#include "core/limits.h"
#include "io/check_file.h"

namespace muster {
namespace {

constexpr Duration kTimeoutDefault = std::chrono::seconds(60);

const KeyTable kStrategy = {
    "a strategy",
    {"version", "kind", "name", "for", "defaults", "verify", "repair", "finally", "limits"}};
const KeyTable kDefaults = {"the defaults of a strategy", {"timeout"}};
const KeyTable kLimits = {"the limits of a strategy", {"total"}};
const KeyTable kVerifier = {
    "a verifier", {"tag", "description", "check", "deps", "timeout", "when", "blame", "levels"}};
const KeyTable kAction = {"a repair action",
                          {"tag", "description", "run", "deps", "triggers", "timeout", "when",
                           "then", "attempts", "per_day"}};
const KeyTable kThen = {"what follows an action", {"wait"}};
const KeyTable kFinally = {"a closing action", {"tag", "description", "run", "when", "timeout"}};

// Where the parts of a strategy stand, under the paths that check_strategy uses.
class Positions {
 public:
  void set(const std::string& where, Mark at) { marks_[where] = at; }

  void set_list(const std::string& where, const YamlNode* list) {
    if (list == nullptr) return;
    for (size_t i = 0; i < list->items.size(); ++i) {
      set(where + "[" + std::to_string(i) + "]", list->items[i].at);
    }
  }

  // The position of `where`, or of the nearest part around it that has one.
  Mark find(std::string where) const {
    for (;;) {
      const auto found = marks_.find(where);
      if (found != marks_.end()) return found->second;
      if (where.empty()) return {};
      const size_t cut = where.find_last_of(".[");
      where.resize(cut == std::string::npos ? 0 : cut);
    }
  }

 private:
  std::map<std::string, Mark> marks_;
};

class StrategyReader {
 public:
  StrategyReader(const YamlNode& root, const FileScope& scope)
      : root_(root, kStrategy, scope), scope_(scope) {}

  Strategy read() {
    root_.check_header({"strategy"});
    positions_.set("", root_.node().at);
    positions_.set("name", root_.at("name"));
    positions_.set("for", root_.at("for"));
    strategy_.name = root_.string("name", Need::required);
    strategy_.for_selector = root_.selector("for");
    if (const YamlNode* defaults = root_.map("defaults")) {
      timeout_ = ObjectReader(*defaults, kDefaults, scope_).duration("timeout", timeout_);
    }
    read_each("verify", Need::required, &StrategyReader::read_verifier);
    refuse_nothing();
    read_each("repair", Need::optional, &StrategyReader::read_action);
    read_each("finally", Need::optional, &StrategyReader::read_finally);
    if (const YamlNode* limits = root_.map("limits")) {
      const ObjectReader part(*limits, kLimits, scope_);
      note_parts(part, "limits");
      strategy_.total = part.duration("total", Duration{0});
    }
    report_problems();
    return std::move(strategy_);
  }

 private:
  using ReadItem = void (StrategyReader::*)(const YamlNode&, const std::string&);

  void read_each(const std::string& key, Need need, ReadItem read_item) {
    const YamlNode* list = root_.list(key, need);
    if (list == nullptr) return;
    positions_.set(key, list->at);
    positions_.set_list(key, list);
    for (size_t i = 0; i < list->items.size(); ++i) {
      (this->*read_item)(list->items[i], key + "[" + std::to_string(i) + "]");
    }
  }

  void note_parts(const ObjectReader& part, const std::string& where) {
    for (const YamlEntry& entry : part.node().entries) {
      positions_.set(where + "." + entry.key, entry.value.at);
      positions_.set_list(where + "." + entry.key, &entry.value);
    }
  }

  // What verifiers, repair actions and closing actions have in common.
  template <typename Item>
  void read_head(const ObjectReader& part, const std::string& where, Item* item) {
    note_parts(part, where);
    item->tag = part.string("tag", Need::required);
    item->description = part.string("description");
    if (item->description.empty()) item->description = item->tag;
    item->timeout = part.duration("timeout", timeout_);
  }

  void read_verifier(const YamlNode& node, const std::string& where) {
    const ObjectReader part(node, kVerifier, scope_);
    Verifier verifier;
    read_head(part, where, &verifier);
    if (const YamlNode* check = part.value("check", Need::required)) {
      verifier.check = read_check(*check, scope_).value_or(NoopCheck{});
    }
    verifier.deps = part.strings("deps");
    verifier.when = part.selector("when");
    verifier.blame = part.string("blame");
    verifier.levels = part.names("levels", "verify level");
    strategy_.verifiers.push_back(std::move(verifier));
  }

  // What an action or a closing action runs. A wait takes as long as it says, unless its timeout is
  // written down beside it.
  template <typename Item>
  void read_run(const ObjectReader& part, Item* item) const {
    const YamlNode* run = part.value("run", Need::required);
    if (run == nullptr) return;
    item->run = read_action_run(*run, scope_).value_or(NoopCheck{});
    const auto* wait = std::get_if<WaitAction>(&item->run);
    const bool is_wait = wait != nullptr && wait->duration > Duration{0};
    if (is_wait && !part.has("timeout")) item->timeout = wait->duration;
  }

  void read_action(const YamlNode& node, const std::string& where) {
    const ObjectReader part(node, kAction, scope_);
    RepairActionSpec action;
    read_head(part, where, &action);
    read_run(part, &action);
    action.deps = part.strings("deps");
    action.triggers = part.strings("triggers", Need::required);
    action.when = part.selector("when");
    if (const YamlNode* then = part.map("then")) {
      action.then_wait = ObjectReader(*then, kThen, scope_).duration("wait", Duration{0});
    }
    action.attempts =
        static_cast<uint32_t>(part.integer("attempts", {1, kActionAttemptsMax}, action.attempts));
    action.per_day =
        static_cast<uint32_t>(part.integer("per_day", {1, kActionsPerDayMax}, action.per_day));
    strategy_.actions.push_back(std::move(action));
  }

  void read_finally(const YamlNode& node, const std::string& where) {
    const ObjectReader part(node, kFinally, scope_);
    FinallySpec closing;
    read_head(part, where, &closing);
    read_run(part, &closing);
    const std::string when = part.choice("when", {"always", "failed", "passed"});
    if (when == "failed") closing.when = FinallyWhen::failed;
    if (when == "passed") closing.when = FinallyWhen::passed;
    strategy_.closing.push_back(std::move(closing));
  }

  // A run of no checks passes. That is right for the engine, and no proof that a device is good.
  void refuse_nothing() const {
    const YamlNode* list = root_.node().find("verify");
    if (list == nullptr || list->kind != YamlNode::Kind::list || !list->items.empty()) return;
    root_.error("verify", "there is nothing to verify, and a device is not good for that");
  }

  // What could not be read has been reported; what the strategy lacks for that reason is not news.
  void report_problems() const {
    const std::vector<StrategyProblem> errors = check_strategy(strategy_);
    for (const StrategyProblem& problem : errors) {
      const Mark at = positions_.find(problem.where);
      if (!scope_.has_error_at(at)) scope_.error(at, problem.message);
    }
    if (!errors.empty()) return;
    for (const StrategyProblem& problem : review_strategy(strategy_)) {
      scope_.warn(positions_.find(problem.where), problem.message);
    }
  }

  ObjectReader root_;
  const FileScope& scope_;
  Positions positions_;
  Strategy strategy_;
  Duration timeout_ = kTimeoutDefault;
};

StrategyFile read_strategy(const YamlNode& root, FileProblems problems, const std::string& path) {
  StrategyFile file;
  file.problems = std::move(problems);
  if (file.problems.has_errors() && root.kind == YamlNode::Kind::null) return file;
  const FileScope scope(path, file.problems);
  file.strategy = StrategyReader(root, scope).read();
  const YamlNode* name = root.find("name");
  file.name_at = name == nullptr ? root.at : name->at;
  return file;
}

}  // namespace

StrategyFile load_strategy_file(const std::string& path) {
  FileProblems problems;
  const YamlNode root = load_yaml_document(FileScope(path, problems));
  return read_strategy(root, std::move(problems), path);
}

StrategyFile parse_strategy_file(const std::string& text, const std::string& path) {
  FileProblems problems;
  const YamlNode root = parse_yaml_document(text, FileScope(path, problems));
  return read_strategy(root, std::move(problems), path);
}

std::vector<NamedKeyTable> strategy_file_keys() {
  std::vector<NamedKeyTable> tables = {
      {"strategy", &kStrategy}, {"defaults", &kDefaults}, {"verifier", &kVerifier},
      {"action", &kAction},     {"then", &kThen},         {"finally", &kFinally},
      {"limits", &kLimits},
  };
  const std::vector<NamedKeyTable> checks = check_keys();
  tables.insert(tables.end(), checks.begin(), checks.end());
  return tables;
}

}  // namespace muster
