#include "core/strategy.h"

#include <algorithm>
#include <map>
#include <utility>

#include "core/duration_text.h"
#include "core/guid.h"
#include "core/limits.h"
#include "core/selector.h"
#include "core/suggest.h"
#include "core/verify_graph.h"

namespace muster {
namespace {

// The tags of the verifiers, or of the actions, and where each was declared first.
using TagTable = std::map<std::string, std::string, std::less<>>;

bool is_tag_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '.' || c == '-';
}

std::string item(std::string_view list, size_t index) {
  return std::string(list) + "[" + std::to_string(index) + "]";
}

// Why the check can never work, or nothing. One overload for each kind of check.
struct CheckFault {
  std::optional<std::string> operator()(const CommandCheck& check) const {
    if (check.argv.empty() || check.argv[0].empty()) return "the command is empty";
    return invalid_in(check.argv);
  }
  std::optional<std::string> operator()(const TcpCheck& check) const {
    if (check.host.empty()) return "the host is empty";
    if (!is_port(check.port)) {
      return "the port " + quote_text(check.port) + " is not a number from 1 to 65535";
    }
    for (const std::string* text : {&check.host, &check.port, &check.expect}) {
      if (std::optional<std::string> why = invalid_placeholders(*text)) return why;
    }
    return std::nullopt;
  }
  std::optional<std::string> operator()(const DiskCheck& check) const {
    if (check.path.empty()) return "the path is empty";
    if (check.free_percent_min > 100 || check.free_inodes_percent_min > 100) {
      return "a minimum of more than 100 percent cannot be met";
    }
    if (check.free_bytes_min == 0 && check.free_percent_min == 0 && check.free_inodes_min == 0 &&
        check.free_inodes_percent_min == 0) {
      return "the disk check has no minimum, so it would always pass";
    }
    return invalid_placeholders(check.path);
  }
  std::optional<std::string> operator()(const FileCheck& check) const {
    if (check.path.empty()) return "the path is empty";
    if (check.age_max < Duration::zero()) return "the age is negative";
    const bool looks_inside =
        check.writable || !check.contains.empty() || check.age_max > Duration::zero();
    if (!check.exists && looks_inside) {
      return "a file that must not exist cannot be writable, have contents or an age";
    }
    if (std::optional<std::string> why = invalid_placeholders(check.path)) return why;
    return invalid_placeholders(check.contains);
  }
  std::optional<std::string> operator()(const NoopCheck&) const { return std::nullopt; }
  std::optional<std::string> operator()(const PingCheck& check) const {
    if (check.host.empty()) return "the host is empty";
    if (check.count == 0 || check.count > kPingCountMax) {
      return "the count must be from 1 to " + std::to_string(kPingCountMax);
    }
    return invalid_placeholders(check.host);
  }
  std::optional<std::string> operator()(const SshCheck& check) const {
    if (!check.port.empty() && !is_port(check.port)) {
      return "the port " + quote_text(check.port) + " is not a number from 1 to 65535";
    }
    for (const std::string* text :
         {&check.host, &check.port, &check.user, &check.key, &check.known_hosts}) {
      if (std::optional<std::string> why = invalid_placeholders(*text)) return why;
    }
    return invalid_in(check.argv);
  }
  std::optional<std::string> operator()(const HttpCheck& check) const {
    const bool has_scheme = check.url.starts_with("http://") || check.url.starts_with("https://") ||
                            check.url.starts_with("{");
    if (!has_scheme) return "the URL must begin with http:// or https://";
    if (check.method.empty()) return "the method is empty";
    if (check.status != 0 && (check.status < 100 || check.status > 599)) {
      return "the status must be from 100 to 599";
    }
    for (const std::string* text : {&check.method, &check.url, &check.body, &check.contains}) {
      if (std::optional<std::string> why = invalid_placeholders(*text)) return why;
    }
    for (const std::string& header : check.headers) {
      if (header.find(':') == header.npos) {
        return "the header " + quote_text(header) + " is not of the form Name: value";
      }
    }
    return invalid_in(check.headers);
  }
  std::optional<std::string> operator()(const AdbCheck& check) const {
    if (check.state.empty()) return "the state is empty";
    for (const std::string* text : {&check.serial, &check.state, &check.server}) {
      if (std::optional<std::string> why = invalid_placeholders(*text)) return why;
    }
    return std::nullopt;
  }
  std::optional<std::string> operator()(const UsbCheck& check) const {
    if (check.vendor.empty() && check.product.empty() && check.serial.empty()) {
      return "the usb check asks for nothing, so any device would do: give vendor, product or "
             "serial";
    }
    for (const std::string* text : {&check.vendor, &check.product, &check.serial, &check.sysfs}) {
      if (std::optional<std::string> why = invalid_placeholders(*text)) return why;
    }
    return std::nullopt;
  }
  std::optional<std::string> operator()(const WaitAction& run) const {
    if (run.duration <= Duration::zero()) return "the wait is not longer than nothing";
    if (run.duration > kTimeoutMax) return "the wait is too long";
    return std::nullopt;
  }
  std::optional<std::string> operator()(const PowerAction& run) const {
    if (run.relay.empty()) return "the relay is not named";
    if (run.operation.empty()) return "the operation is not named: on, off or cycle";
    if (std::optional<std::string> why = invalid_placeholders(run.relay)) return why;
    return invalid_placeholders(run.operation);
  }

 private:
  static std::optional<std::string> invalid_in(const std::vector<std::string>& texts) {
    for (const std::string& text : texts) {
      if (std::optional<std::string> why = invalid_placeholders(text)) return why;
    }
    return std::nullopt;
  }

  // A number in range, or text with a placeholder, of which only the worker knows what it becomes.
  static bool is_port(const std::string& port) {
    if (port.find('{') != port.npos) return true;
    const bool digits =
        !port.empty() && port.size() <= 5 &&
        std::all_of(port.begin(), port.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (!digits) return false;
    const int number = std::stoi(port);
    return number >= 1 && number <= 65535;
  }
};

// Collects what is wrong with one strategy.
class Checker {
 public:
  explicit Checker(const Strategy& strategy) : strategy_(strategy) {}

  std::vector<StrategyProblem> check() {
    const size_t nodes =
        strategy_.verifiers.size() + strategy_.actions.size() + strategy_.closing.size();
    if (nodes > kStrategyNodesMax) {
      add("", "has " + std::to_string(nodes) + " verifiers and actions; at most " +
                  std::to_string(kStrategyNodesMax) + " are allowed");
      return std::move(problems_);
    }
    collect_tags();
    check_head();
    for (size_t i = 0; i < strategy_.verifiers.size(); ++i) check_verifier(i);
    deps_ = resolve_deps(strategy_);
    index_of_ = index_verifiers(strategy_);
    for (size_t i = 0; i < strategy_.actions.size(); ++i) check_action(i);
    for (size_t i = 0; i < strategy_.closing.size(); ++i) check_closing(i);
    check_time(strategy_.total, "limits.total", "limit");
    check_cycles();
    return std::move(problems_);
  }

 private:
  bool full() const { return problems_.size() >= kErrorsPerFileMax; }

  void add(std::string where, std::string message) {
    if (!full()) problems_.push_back({std::move(where), std::move(message)});
  }

  void collect_tags() {
    for (size_t i = 0; i < strategy_.verifiers.size(); ++i) {
      const std::string& tag = strategy_.verifiers[i].tag;
      if (verifier_tags_.emplace(tag, item("verify", i)).second) known_tags_.push_back(tag);
    }
    for (size_t i = 0; i < strategy_.actions.size(); ++i) {
      action_tags_.emplace(strategy_.actions[i].tag, item("repair", i));
    }
    for (size_t i = 0; i < strategy_.closing.size(); ++i) {
      closing_tags_.emplace(strategy_.closing[i].tag, item("finally", i));
    }
  }

  void check_head() {
    if (std::optional<std::string> why = invalid_name(strategy_.name, "strategy")) {
      add("name", *why);
    }
    const Result<Selector> selector = Selector::parse(strategy_.for_selector);
    if (!selector) add("for", selector.error());
  }

  void check_verifier(size_t index) {
    const Verifier& verifier = strategy_.verifiers[index];
    const std::string where = item("verify", index);
    check_tag(verifier.tag, where, verifier_tags_);
    if (std::optional<std::string> why = std::visit(CheckFault{}, verifier.check)) {
      add(where + ".check", *why);
    }
    check_timeout(verifier.timeout, where);
    check_when(verifier.when, where);
    if (std::optional<std::string> why = invalid_placeholders(verifier.blame)) {
      add(where + ".blame", *why);
    }
    for (size_t i = 0; i < verifier.levels.size() && !full(); ++i) {
      if (std::optional<std::string> why = invalid_name(verifier.levels[i], "verify level")) {
        add(item(where + ".levels", i), *why);
      }
    }
    for (size_t i = 0; i < verifier.deps.size() && !full(); ++i) {
      if (verifier.deps[i] == kRootTag) {
        add(item(where + ".deps", i),
            "a verifier cannot depend on PASS: PASS depends on all of them");
      } else {
        check_reference(verifier.deps[i], item(where + ".deps", i));
      }
    }
  }

  void check_action(size_t index) {
    const RepairActionSpec& action = strategy_.actions[index];
    const std::string where = item("repair", index);
    check_tag(action.tag, where, action_tags_);
    check_run(action.run, action.timeout, where);
    check_timeout(action.timeout, where);
    check_time(action.then_wait, where + ".then", "wait");
    check_when(action.when, where);
    check_number(action.attempts, 1, kActionAttemptsMax, where + ".attempts");
    check_number(action.per_day, 0, kActionsPerDayMax, where + ".per_day");
    const size_t before = problems_.size();
    for (size_t i = 0; i < action.deps.size() && !full(); ++i) {
      const std::string& dep = action.deps[i];
      if (dep != kRootTag) check_reference(dep, item(where + ".deps", i));
      if (std::find(action.triggers.begin(), action.triggers.end(), dep) != action.triggers.end()) {
        add(item(where + ".deps", i), "needs what it fixes: " + quote_text(dep) +
                                          " is one of its triggers, and while that fails the "
                                          "action is not tried");
      }
    }
    for (size_t i = 0; i < action.triggers.size() && !full(); ++i) {
      if (action.triggers[i] == kRootTag) continue;
      check_reference(action.triggers[i], item(where + ".triggers", i));
    }
    if (problems_.size() == before) check_reachable(action, where);
  }

  // What can make it due is what its triggers are and depend on; while any of that which it needs
  // fails, it is not tried.
  void check_reachable(const RepairActionSpec& action, const std::string& where) {
    std::vector<bool> needed(strategy_.verifiers.size(), false);
    std::vector<size_t> mendable;
    append_reached(nodes(action.deps), deps_, &needed, &mendable);
    mendable.clear();
    append_reached(nodes(action.triggers), deps_, &needed, &mendable);
    if (!mendable.empty() || action.triggers.empty() || strategy_.verifiers.empty()) return;
    add(where + ".triggers",
        "can never be tried: whatever fails of its triggers, and of what they depend on, it needs "
        "itself by its deps");
  }

  // The verifiers that `tags` name; PASS is all of them.
  std::vector<size_t> nodes(const std::vector<std::string>& tags) const {
    std::vector<size_t> found;
    for (const std::string& tag : tags) {
      if (tag != kRootTag) {
        found.push_back(index_of_.find(tag)->second);
        continue;
      }
      for (size_t i = 0; i < strategy_.verifiers.size(); ++i) found.push_back(i);
    }
    return found;
  }

  void check_closing(size_t index) {
    const FinallySpec& closing = strategy_.closing[index];
    const std::string where = item("finally", index);
    check_tag(closing.tag, where, closing_tags_);
    check_run(closing.run, closing.timeout, where);
    check_timeout(closing.timeout, where);
  }

  void check_when(const std::string& when, const std::string& where) {
    const Result<Selector> selector = Selector::parse(when);
    if (!selector) add(where + ".when", selector.error());
  }

  void check_number(uint32_t number, uint32_t min, uint32_t max, std::string where) {
    if (number >= min && number <= max) return;
    add(std::move(where), std::to_string(number) + " is not from " + std::to_string(min) + " to " +
                              std::to_string(max));
  }

  // A wait that its own timeout ends would always fail.
  void check_run(const ActionRun& run, Duration timeout, const std::string& where) {
    if (std::optional<std::string> why = std::visit(CheckFault{}, run)) add(where + ".run", *why);
    const auto* wait = std::get_if<WaitAction>(&run);
    if (wait == nullptr || timeout <= Duration::zero() || wait->duration <= timeout) return;
    add(where + ".timeout", "the timeout of " + format_duration(timeout) + " ends the wait of " +
                                format_duration(wait->duration) +
                                " before it is over; leave it out, or make it as long");
  }

  void check_tag(const std::string& tag, const std::string& where, const TagTable& table) {
    if (tag.empty()) {
      add(where, "has no tag");
      return;
    }
    const std::string at = where + ".tag";
    if (tag == kRootTag) {
      add(at, "tag \"PASS\" is reserved for the end of a verification; choose another");
    }
    if (tag.size() > kNameLengthMax) {
      add(at, "tag " + quote_text(tag) + " has " + std::to_string(tag.size()) + " bytes; at most " +
                  std::to_string(kNameLengthMax) + " are allowed");
    }
    const std::string::const_iterator wrong =
        std::find_if_not(tag.begin(), tag.end(), is_tag_character);
    if (wrong != tag.end()) {
      add(at, "tag " + quote_text(tag) + " has a character that is not allowed at position " +
                  std::to_string(wrong - tag.begin() + 1) + "; use letters, digits and _ . -");
    }
    const std::string& first = table.find(tag)->second;
    if (first != where) add(at, "tag " + quote_text(tag) + " is already used by " + first);
  }

  void check_time(Duration time, const std::string& where, const std::string& noun) {
    if (time < Duration::zero()) add(where, "the " + noun + " is negative");
    if (time > kTimeoutMax) {
      add(where,
          "the " + noun + " is longer than " +
              std::to_string(std::chrono::duration_cast<std::chrono::hours>(kTimeoutMax).count()) +
              " hours");
    }
  }

  // Without one nothing would bound it.
  void check_timeout(Duration timeout, const std::string& where) {
    if (timeout == Duration::zero()) add(where + ".timeout", "has no timeout");
    check_time(timeout, where + ".timeout", "timeout");
  }

  // `tag` must be a verifier's.
  void check_reference(const std::string& tag, std::string where) {
    if (verifier_tags_.count(tag) > 0) return;
    if (action_tags_.count(tag) > 0) {
      add(std::move(where), quote_text(tag) + " is a repair action; name a verifier");
    } else {
      add(std::move(where),
          "no verifier has the tag " + quote_text(tag) + suggest(tag, known_tags_));
    }
  }

  void check_cycles() {
    const size_t room = kErrorsPerFileMax - problems_.size();
    for (const std::vector<size_t>& cycle : find_cycles(deps_, room)) {
      const Verifier& last = strategy_.verifiers[cycle[cycle.size() - 2]];
      const size_t step = static_cast<size_t>(
          std::find(last.deps.begin(), last.deps.end(), strategy_.verifiers[cycle[0]].tag) -
          last.deps.begin());
      std::string way;
      for (size_t index : cycle) {
        way += (way.empty() ? "" : " -> ") + strategy_.verifiers[index].tag;
      }
      add(item(item("verify", cycle[cycle.size() - 2]) + ".deps", step),
          "the dependencies form a cycle: " + sanitize_utf8(cut_text(way, kMessageLengthMax)));
    }
  }

  const Strategy& strategy_;
  TagTable verifier_tags_;
  TagTable action_tags_;
  TagTable closing_tags_;
  std::vector<std::string> known_tags_;  // the verifiers', in declared order
  std::vector<std::vector<size_t>> deps_;
  std::map<std::string_view, size_t> index_of_;
  std::vector<StrategyProblem> problems_;
};

}  // namespace

std::string_view check_kind(const CheckSpec& check) {
  struct Kind {
    std::string_view operator()(const CommandCheck&) const { return "command"; }
    std::string_view operator()(const TcpCheck&) const { return "tcp"; }
    std::string_view operator()(const DiskCheck&) const { return "disk"; }
    std::string_view operator()(const FileCheck&) const { return "file"; }
    std::string_view operator()(const NoopCheck&) const { return "noop"; }
    std::string_view operator()(const PingCheck&) const { return "ping"; }
    std::string_view operator()(const SshCheck&) const { return "ssh"; }
    std::string_view operator()(const HttpCheck&) const { return "http"; }
    std::string_view operator()(const AdbCheck&) const { return "adb"; }
    std::string_view operator()(const UsbCheck&) const { return "usb"; }
  };
  return std::visit(Kind{}, check);
}

std::string_view action_kind(const ActionRun& run) {
  struct Kind {
    std::string_view operator()(const CommandCheck&) const { return "command"; }
    std::string_view operator()(const SshCheck&) const { return "ssh"; }
    std::string_view operator()(const HttpCheck&) const { return "http"; }
    std::string_view operator()(const WaitAction&) const { return "wait"; }
    std::string_view operator()(const PowerAction&) const { return "power"; }
    std::string_view operator()(const NoopCheck&) const { return "noop"; }
  };
  return std::visit(Kind{}, run);
}

std::vector<StrategyProblem> check_strategy(const Strategy& strategy) {
  return Checker(strategy).check();
}

}  // namespace muster
