// Placeholders in the strings of a strategy: expand_placeholders and what builds on it.
#include <initializer_list>
#include <map>
#include <optional>
#include <utility>

#include "core/guid.h"
#include "core/limits.h"
#include "core/selector.h"
#include "core/shell_text.h"
#include "core/strategy.h"
#include "core/suggest.h"

namespace muster {
namespace {

constexpr std::string_view kDevicePrefix = "device.";
constexpr std::string_view kStackPrefix = "stack.";
constexpr std::string_view kTargetPrefix = "target.";
constexpr std::string_view kGuidName = "task.guid";
constexpr std::string_view kOperationName = "operation";

bool starts_with(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

// Calls put_text with what is to stay as it is and put_value with each NAME, in order; put_value
// says why there is no value, or nothing. The first error ends it.
template <typename PutText, typename PutValue>
std::optional<Error> walk_placeholders(std::string_view text, PutText put_text,
                                       PutValue put_value) {
  while (!text.empty()) {
    const size_t brace = text.find('{');
    put_text(text.substr(0, brace));
    if (brace == text.npos) break;
    text.remove_prefix(brace + 1);
    if (starts_with(text, "{")) {
      put_text(text.substr(0, 1));
      text.remove_prefix(1);
      continue;
    }
    const size_t end = text.find('}');
    if (end == text.npos) {
      return Error{"\"{\" is not closed before " + quote_text(text) +
                   "; write {{ for a literal brace"};
    }
    if (std::optional<Error> error = put_value(text.substr(0, end))) return error;
    text.remove_prefix(end + 1);
  }
  return std::nullopt;
}

// `text` with each {NAME} replaced by what `value_of(NAME)` gives, which is a Result<std::string>.
template <typename ValueOf>
Result<std::string> replace_placeholders(std::string_view text, ValueOf value_of) {
  std::string out;
  const auto put_value = [&](std::string_view name) -> std::optional<Error> {
    Result<std::string> value = value_of(name);
    if (!value) return Error{value.error()};
    out += *value;
    if (out.size() <= kStrategyBytesMax) return std::nullopt;
    return Error{"the text with its placeholders filled in is longer than " +
                 std::to_string(kStrategyBytesMax) + " bytes"};
  };
  const auto put_text = [&](std::string_view part) { out += part; };
  if (std::optional<Error> error = walk_placeholders(text, put_text, put_value)) return *error;
  return out;
}

// Every placeholder there is, with its value; nothing where it could be one of several.
using Values = std::map<std::string, std::optional<std::string>, std::less<>>;

void add_value(Values& values, std::string name, const std::string& value) {
  const auto [known, is_new] = values.emplace(std::move(name), value);
  if (!is_new && known->second != value) known->second.reset();
}

// "PREFIXname" and "PREFIXKEY" for every key of the profile.
void add_device(Values& values, const std::string& prefix, const DeviceSpec& device) {
  add_value(values, prefix + "name", device.name);
  for (const auto& [key, value] : device.profile) {
    if (key != "name") add_value(values, prefix + key, value);
  }
}

Values scope_values(const PlaceholderScope& scope) {
  Values values;
  values.emplace(kGuidName, scope.guid);
  if (scope.device) add_device(values, std::string(kDevicePrefix), *scope.device);
  for (const DeviceSpec& member : scope.stack) {
    const Profile::const_iterator type = member.profile.find("type");
    const bool is_device = scope.device && member.name == scope.device->name;
    if (is_device || type == member.profile.end()) continue;
    add_device(values, std::string(kStackPrefix) + type->second + ".", member);
  }
  return values;
}

// "stack.TYPE.KEY".
bool of_stack(std::string_view name) {
  if (!starts_with(name, kStackPrefix)) return false;
  const size_t dot = name.find('.', kStackPrefix.size());
  return dot != name.npos && dot > kStackPrefix.size() && dot + 1 < name.size();
}

std::string quote_placeholder(std::string_view name) {
  return "{" + sanitize_utf8(cut_text(name, kNameLengthMax)) + "}";
}

Error unknown_placeholder(std::string_view name, const Values& values) {
  std::vector<std::string> known;
  std::string list;
  for (const auto& [key, value] : values) {
    known.push_back(key);
    list += (list.empty() ? "{" : ", {") + key + "}";
  }
  return Error{"unknown placeholder " + quote_placeholder(name) + suggest(name, known) +
               "; there is " + cut_text(list, kMessageLengthMax / 2) +
               ", and {{ for a literal brace"};
}

// A member of no stack: it is not the name that is wrong.
std::optional<Error> no_such_member(std::string_view name, const Values& values) {
  if (!of_stack(name)) return std::nullopt;
  const size_t type_at = kStackPrefix.size();
  const std::string type(name.substr(type_at, name.find('.', type_at) - type_at));
  const std::string any = std::string(kStackPrefix) + type + ".";
  const Values::const_iterator of_type = values.lower_bound(any);
  if (of_type != values.end() && starts_with(of_type->first, any)) return std::nullopt;
  const Values::const_iterator device = values.find(std::string(kDevicePrefix) + "name");
  if (device == values.end() || !device->second) return std::nullopt;
  std::vector<std::string> known;
  for (const auto& [key, value] : values) known.push_back(key);
  return Error{quote_placeholder(name) + ": " + *device->second +
               " is in no stack with a device of type " + cut_text(type, kNameLengthMax) +
               suggest(name, known)};
}

Result<std::string> value_of(std::string_view name, const Values& values) {
  const Values::const_iterator found = values.find(name);
  if (found == values.end()) {
    if (std::optional<Error> error = no_such_member(name, values)) return *error;
    return unknown_placeholder(name, values);
  }
  if (found->second) return *found->second;
  return Error{"the placeholder " + quote_placeholder(name) +
               " could be one of several: devices of the same type are leased together; give "
               "them types of their own"};
}

Result<std::string> expand_values(std::string_view text, const Values& values) {
  return replace_placeholders(text, [&](std::string_view name) { return value_of(name, values); });
}

// The same for a text that a shell runs: no value becomes code.
Result<std::string> expand_for_shell(std::string_view text, const Values& values) {
  ShellText shell;
  const auto put_value = [&](std::string_view name) -> std::optional<Error> {
    const Result<std::string> value = value_of(name, values);
    if (!value) return Error{value.error()};
    if (shell.add_value(name, *value)) return std::nullopt;
    return Error{"the placeholder " + quote_placeholder(name) +
                 " stands in a here-document whose end is quoted, where the shell replaces "
                 "nothing; take the quotes away"};
  };
  const auto put_text = [&](std::string_view code) { shell.add_code(code); };
  if (std::optional<Error> error = walk_placeholders(text, put_text, put_value)) return *error;
  return shell.take();
}

// What `shell: TEXT` is in a file (io/object_reader.h).
bool is_shell_command(const std::vector<std::string>& argv) {
  return argv.size() == 3 && argv[0] == "/bin/sh" && argv[1] == "-c";
}

// Expands texts in place and keeps the first error.
class Expander {
 public:
  explicit Expander(Values values) : values_(std::move(values)) {}

  void operator()(std::string* text) {
    if (!failure_ && text->find('{') != text->npos) take(text, expand_values(*text, values_));
  }
  void operator()(std::vector<std::string>* texts) {
    for (std::string& text : *texts) (*this)(&text);
  }

  void operator()(CommandCheck* check) { command(&check->argv); }
  void operator()(TcpCheck* check) {
    all({{"host", &check->host}, {"port", &check->port}, {"expect", &check->expect}});
  }
  void operator()(DiskCheck* check) { all({{"path", &check->path}}); }
  void operator()(FileCheck* check) {
    all({{"path", &check->path}, {"contains", &check->contains}});
  }
  void operator()(NoopCheck*) {}
  void operator()(PingCheck* check) { all({{"host", &check->host}}); }
  void operator()(SshCheck* check) {
    all({{"host", &check->host},
         {"port", &check->port},
         {"user", &check->user},
         {"key", &check->key},
         {"known_hosts", &check->known_hosts}});
    command(&check->argv);
  }
  void operator()(HttpCheck* check) {
    all({{"method", &check->method}, {"url", &check->url}, {"contains", &check->contains}});
    (*this)(&check->body);
    (*this)(&check->headers);
  }
  void operator()(AdbCheck* check) {
    all({{"serial", &check->serial}, {"state", &check->state}, {"server", &check->server}});
  }
  void operator()(UsbCheck* check) {
    all({{"vendor", &check->vendor},
         {"product", &check->product},
         {"serial", &check->serial},
         {"sysfs", &check->sysfs}});
  }
  void operator()(WaitAction*) {}
  void operator()(PowerAction* run) {
    all({{"relay", &run->relay}, {"operation", &run->operation}});
  }
  void operator()(PowerSpec* power) {
    command(&power->argv);
    all({{"method", &power->method}, {"url", &power->url}});
  }

  const std::optional<Error>& failure() const { return failure_; }

 private:
  void take(std::string* text, Result<std::string> expanded) {
    if (expanded) {
      *text = std::move(*expanded);
    } else {
      failure_ = Error{expanded.error()};
    }
  }
  void command(std::vector<std::string>* argv) {
    if (!is_shell_command(*argv)) return (*this)(argv);
    std::string* text = &argv->back();
    if (!failure_ && text->find('{') != text->npos) take(text, expand_for_shell(*text, values_));
  }
  // Where nothing is written, the check asks for nothing there, or for what is usual. That must not
  // come of a placeholder that became nothing: the check would pass for any device.
  void all(std::initializer_list<std::pair<const char*, std::string*>> fields) {
    for (const auto& [name, text] : fields) {
      const std::string written = *text;
      (*this)(text);
      if (failure_ || written.empty() || !text->empty()) continue;
      failure_ = Error{std::string("\"") + name + "\" is empty: " + quote_text(written) +
                       " became nothing"};
    }
  }

  Values values_;
  std::optional<Error> failure_;
};

// One of the variants of checks and actions with its strings expanded.
template <typename Variant>
Result<Variant> expand_variant(Variant value, const PlaceholderScope& scope) {
  Expander expand(scope_values(scope));
  std::visit([&expand](auto& alternative) { expand(&alternative); }, value);
  if (expand.failure()) return *expand.failure();
  return value;
}

}  // namespace

Result<std::string> expand_placeholders(std::string_view text, const PlaceholderScope& scope) {
  if (text.find('{') == text.npos) return std::string(text);
  return expand_values(text, scope_values(scope));
}

std::optional<std::string> invalid_placeholders(std::string_view text) {
  const Result<std::string> expanded =
      replace_placeholders(text, [](std::string_view name) -> Result<std::string> {
        const bool of_device =
            starts_with(name, kDevicePrefix) && name.size() > kDevicePrefix.size();
        if (of_device || of_stack(name) || name == kGuidName) return std::string();
        return Error{"unknown placeholder " + quote_placeholder(name) +
                     "; use {device.name}, {device.KEY} of the profile, {stack.TYPE.KEY} of a "
                     "device in its stack or {task.guid}, and {{ for a literal brace"};
      });
  if (expanded) return std::nullopt;
  return expanded.error();
}

std::optional<std::string> invalid_power_placeholders(std::string_view text) {
  const Result<std::string> expanded =
      replace_placeholders(text, [](std::string_view name) -> Result<std::string> {
        const bool of_target =
            starts_with(name, kTargetPrefix) && name.size() > kTargetPrefix.size();
        if (of_target || name == kOperationName) return std::string();
        return Error{"unknown placeholder " + quote_placeholder(name) +
                     "; use {operation}, {target.name} and {target.KEY} of the device that is "
                     "switched, and {{ for a literal brace"};
      });
  if (expanded) return std::nullopt;
  return expanded.error();
}

Result<CheckSpec> expand_check(const CheckSpec& check, const PlaceholderScope& scope) {
  return expand_variant(check, scope);
}

Result<ActionRun> expand_action(const ActionRun& run, const PlaceholderScope& scope) {
  return expand_variant(run, scope);
}

std::vector<StrategyProblem> missing_values(const Strategy& strategy,
                                            const PlaceholderScope& scope) {
  std::vector<StrategyProblem> problems;
  const auto note = [&](const std::string& where, const auto& expanded) {
    if (!expanded) problems.push_back({where, expanded.error()});
  };
  const Profile profile = match_profile(*scope.device);
  const auto applies = [&](const std::string& when) {
    return when.empty() || Selector::parse(when).value().matches(profile);
  };
  for (const Verifier& verifier : strategy.verifiers) {
    if (!applies(verifier.when)) continue;
    note("verifier " + verifier.tag, expand_check(verifier.check, scope));
  }
  for (const RepairActionSpec& action : strategy.actions) {
    if (!applies(action.when)) continue;
    note("repair action " + action.tag, expand_action(action.run, scope));
  }
  for (const FinallySpec& closing : strategy.closing) {
    note("closing action " + closing.tag, expand_action(closing.run, scope));
  }
  return problems;
}

Result<PowerSpec> expand_power(const PowerSpec& power, const DeviceSpec& target,
                               std::string_view operation) {
  Values values;
  values.emplace(kOperationName, operation);
  add_device(values, std::string(kTargetPrefix), target);
  Expander expand(std::move(values));
  PowerSpec expanded = power;
  expand(&expanded);
  if (expand.failure()) return *expand.failure();
  return expanded;
}

}  // namespace muster
