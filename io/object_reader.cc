#include "io/object_reader.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "core/duration_text.h"
#include "core/guid.h"
#include "core/join.h"
#include "core/limits.h"
#include "core/selector.h"
#include "core/suggest.h"

namespace muster {
namespace {

std::string quote(std::string_view text) { return "\"" + cut_text(text, kNameLengthMax) + "\""; }

bool contains(const std::vector<std::string>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// Decimal digits without a sign or leading zeros: YAML 1.1 would take 010 for 8.
std::optional<uint64_t> parse_integer(std::string_view text) {
  if (text.size() > 1 && text.front() == '0') return std::nullopt;
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// One term of a selector from one entry of a map.
std::string selector_term(const YamlEntry& entry, const FileScope& scope) {
  if (entry.value.kind != YamlNode::Kind::list) {
    const std::optional<std::string> value = read_scalar(entry.value, "a profile value", scope);
    return value ? entry.key + "=" + *value : "";
  }
  return entry.key + " in (" + join(read_scalars(entry.value, "a profile value", scope), ",") + ")";
}

}  // namespace

ObjectReader::ObjectReader(const YamlNode& node, const KeyTable& table, const FileScope& scope)
    : node_(node), table_(table), scope_(scope), is_map_(node.kind == YamlNode::Kind::map) {
  if (!is_map_) {
    const std::string keys = table.keys.empty() ? "" : " with keys such as " + quote(table.keys[0]);
    scope_.error(node.at, table.object + " must be a map" + keys + ", not " + describe(node));
    return;
  }
  for (const YamlEntry& entry : node.entries) {
    if (!contains(table.keys, entry.key)) report_unknown(entry);
  }
}

void ObjectReader::report_unknown(const YamlEntry& entry) const {
  if (contains(table_.later, entry.key)) {
    scope_.error(entry.at, quote(entry.key) + " in " + table_.object +
                               " is not supported by this version of muster");
    return;
  }
  scope_.error(entry.at, "unknown key " + quote(entry.key) + " in " + table_.object +
                             suggestion(entry.key, table_.keys));
}

const YamlEntry* ObjectReader::find(std::string_view key) const {
  for (const YamlEntry& entry : node_.entries) {
    if (entry.key == key) return &entry;
  }
  return nullptr;
}

Mark ObjectReader::at(std::string_view key) const {
  const YamlEntry* entry = find(key);
  return entry == nullptr ? node_.at : entry->value.at;
}

void ObjectReader::error(std::string_view key, std::string message) const {
  scope_.error(at(key), std::move(message));
}

void ObjectReader::wrong(std::string_view key, const std::string& what) const {
  error(key, quote(key) + " " + what);
}

const YamlNode* ObjectReader::value(std::string_view key, Need need) const {
  const YamlEntry* entry = find(key);
  if (entry != nullptr) return &entry->value;
  if (need == Need::required && is_map_) {
    scope_.error(node_.at, table_.object + " needs " + quote(key));
  }
  return nullptr;
}

const YamlNode* ObjectReader::map(std::string_view key, Need need) const {
  const YamlNode* found = value(key, need);
  if (found == nullptr || found->kind == YamlNode::Kind::map) return found;
  error(key, quote(key) + " must be a map, not " + describe(*found));
  return nullptr;
}

const YamlNode* ObjectReader::list(std::string_view key, Need need) const {
  const YamlNode* found = value(key, need);
  if (found == nullptr || found->kind == YamlNode::Kind::list) return found;
  error(key, quote(key) + " must be a list, not " + describe(*found));
  return nullptr;
}

const YamlNode* ObjectReader::scalar(std::string_view key, Need need,
                                     std::string_view wanted) const {
  const YamlNode* found = value(key, need);
  if (found == nullptr || found->kind == YamlNode::Kind::scalar) return found;
  error(key, quote(key) + " must be " + std::string(wanted) + ", not " + describe(*found));
  return nullptr;
}

std::string ObjectReader::string(std::string_view key, Need need) const {
  const YamlNode* found = scalar(key, need, "a text");
  if (found == nullptr) return {};
  if (found->text.empty() && need == Need::required) error(key, quote(key) + " must not be empty");
  return found->text;
}

std::string ObjectReader::choice(std::string_view key,
                                 const std::vector<std::string>& choices) const {
  const std::string wanted = "one of " + join(choices, ", ");
  const YamlNode* found = scalar(key, Need::optional, wanted);
  if (found == nullptr) return choices.front();
  if (contains(choices, found->text)) return found->text;
  error(key, quote(key) + " must be " + wanted + ", not " + quote(found->text) +
                 suggestion(found->text, choices));
  return choices.front();
}

uint64_t ObjectReader::integer(std::string_view key, IntegerRange range, uint64_t fallback) const {
  const YamlNode* found = scalar(key, Need::optional, "a whole number");
  if (found == nullptr) return fallback;
  const std::optional<uint64_t> value = found->quoted ? std::nullopt : parse_integer(found->text);
  if (!value) {
    error(key, quote(key) + " must be a whole number, not " + describe(*found));
    return fallback;
  }
  if (*value >= range.min && *value <= range.max) return *value;
  error(key, quote(key) + " must be from " + std::to_string(range.min) + " to " +
                 std::to_string(range.max) + ", not " + found->text);
  return fallback;
}

bool ObjectReader::boolean(std::string_view key, bool fallback) const {
  const YamlNode* found = scalar(key, Need::optional, "true or false");
  if (found == nullptr) return fallback;
  if (!found->quoted && found->text == "true") return true;
  if (!found->quoted && found->text == "false") return false;
  error(key, quote(key) + " must be true or false, not " + describe(*found));
  return fallback;
}

Result<Duration> ObjectReader::read_duration(std::string_view key, const std::string& text,
                                             const DurationRange& range) {
  const Result<Duration> parsed = parse_duration(text);
  if (!parsed) return Error{quote(key) + ": " + parsed.error()};
  if (*parsed < range.min) {
    return Error{quote(key) + " must be at least " + format_duration(range.min)};
  }
  if (*parsed <= range.max) return *parsed;
  return Error{quote(key) + " must be at most " + format_duration(range.max)};
}

Duration ObjectReader::duration(std::string_view key, Duration fallback,
                                const DurationRange& range) const {
  const YamlNode* found = scalar(key, Need::optional, "a duration such as 90s");
  if (found == nullptr) return fallback;
  const Result<Duration> read = read_duration(key, found->text, range);
  if (read) return *read;
  error(key, read.error());
  return fallback;
}

std::vector<Duration> ObjectReader::durations(std::string_view key, size_t count_max,
                                              std::vector<Duration> fallback) const {
  const YamlNode* found = list(key);
  if (found == nullptr) return fallback;
  if (found->items.size() > count_max) {
    error(key, quote(key) + " has at most " + std::to_string(count_max) + " of them");
    return fallback;
  }
  std::vector<Duration> durations;
  for (const YamlNode& item : found->items) {
    const std::optional<std::string> text = read_scalar(item, "a duration", scope_);
    if (!text) continue;
    const Result<Duration> read = read_duration(key, *text);
    if (read) {
      durations.push_back(*read);
    } else {
      scope_.error(item.at, read.error());
    }
  }
  return durations;
}

std::vector<std::string> ObjectReader::strings(std::string_view key, Need need) const {
  const YamlNode* found = list(key, need);
  if (found == nullptr) return {};
  return read_scalars(*found, "an item of " + quote(key), scope_);
}

std::map<std::string, std::string> ObjectReader::string_map(std::string_view key) const {
  std::map<std::string, std::string> values;
  const YamlNode* found = map(key);
  if (found == nullptr) return values;
  for (const YamlEntry& entry : found->entries) {
    const std::optional<std::string> value = read_scalar(entry.value, quote(entry.key), scope_);
    if (value) values.emplace(entry.key, *value);
  }
  return values;
}

std::string ObjectReader::name(std::string_view key, std::string_view noun, Need need) const {
  const YamlNode* found = value(key);
  // What is written stands for something: an empty name is one that somebody forgot to fill in.
  if (found != nullptr && found->kind == YamlNode::Kind::scalar) need = Need::required;
  const std::string text = string(key, need);
  if (text.empty()) return text;
  if (const std::optional<std::string> reason = invalid_name(text, noun)) error(key, *reason);
  return text;
}

std::vector<std::string> ObjectReader::names(std::string_view key, std::string_view noun) const {
  const YamlNode* found = list(key);
  if (found == nullptr) return {};
  std::vector<std::string> names;
  for (const YamlNode& item : found->items) {
    const std::optional<std::string> text = read_scalar(item, noun, scope_);
    if (!text) continue;
    if (const std::optional<std::string> reason = invalid_name(*text, noun)) {
      scope_.error(item.at, *reason);
    } else if (contains(names, *text)) {
      scope_.error(item.at, std::string(noun) + " " + quote(*text) + " is named twice");
    } else {
      names.push_back(*text);
    }
  }
  return names;
}

std::string ObjectReader::selector(std::string_view key, Need need) const {
  const YamlNode* found = value(key, need);
  return found == nullptr ? std::string() : read_selector(*found, scope_);
}

std::vector<std::string> ObjectReader::command(std::string_view key, Need need) const {
  const YamlNode* found = value(key, need);
  return found == nullptr ? std::vector<std::string>() : read_command(*found, scope_);
}

bool ObjectReader::check_header(const std::vector<std::string>& kinds) const {
  if (!is_map_) return false;
  const std::string version = string("version", Need::required);
  const std::string kind = string("kind", Need::required);
  const bool version_ok = version == "1";
  const bool kind_ok = contains(kinds, kind);
  if (!version_ok && !version.empty()) {
    error("version",
          "version " + quote(version) + " of the format is not known; this is version 1");
  }
  if (!kind_ok && !kind.empty()) {
    error("kind", "this must be a file of kind " + join(kinds, " or ") + ", not " + quote(kind) +
                      suggestion(kind, kinds));
  }
  return version_ok && kind_ok;
}

std::optional<std::string> read_scalar(const YamlNode& node, std::string_view what,
                                       const FileScope& scope) {
  if (node.kind == YamlNode::Kind::scalar) return node.text;
  scope.error(node.at, std::string(what) + " must be a text, not " + describe(node));
  return std::nullopt;
}

std::vector<std::string> read_scalars(const YamlNode& node, std::string_view what,
                                      const FileScope& scope) {
  std::vector<std::string> texts;
  for (const YamlNode& item : node.items) {
    std::optional<std::string> text = read_scalar(item, what, scope);
    if (text) texts.push_back(std::move(*text));
  }
  return texts;
}

std::vector<std::string> read_command(const YamlNode& node, const FileScope& scope) {
  if (node.kind == YamlNode::Kind::map) {
    const ObjectReader shell(node, shell_keys(), scope);
    const std::string text = shell.string("shell", Need::required);
    return text.empty() ? std::vector<std::string>()
                        : std::vector<std::string>{"/bin/sh", "-c", text};
  }
  if (node.kind != YamlNode::Kind::list) {
    scope.error(node.at,
                "a command must be a list of arguments, or {shell: TEXT}, not " + describe(node));
    return {};
  }
  std::vector<std::string> argv = read_scalars(node, "an argument", scope);
  if (node.items.empty() || (!argv.empty() && argv.front().empty())) {
    scope.error(node.at, "a command needs the name of a program");
    return {};
  }
  return argv;
}

std::string read_selector(const YamlNode& node, const FileScope& scope) {
  std::string text;
  if (node.kind == YamlNode::Kind::scalar) {
    text = node.text;
  } else if (node.kind == YamlNode::Kind::map) {
    std::vector<std::string> terms;
    for (const YamlEntry& entry : node.entries) terms.push_back(selector_term(entry, scope));
    text = join(terms, ",");
  } else {
    scope.error(node.at,
                "a selector must be a text such as type=handset, or a map, not " + describe(node));
    return {};
  }
  const Result<Selector> selector = Selector::parse(text);
  if (!selector) {
    scope.error(node.at, selector.error());
    return {};
  }
  return selector->canonical();
}

std::string describe(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::null:
      return "nothing";
    case YamlNode::Kind::list:
      return "a list";
    case YamlNode::Kind::map:
      return "a map";
    case YamlNode::Kind::scalar:
      break;
  }
  return (node.quoted ? "the text " : "") + quote(node.text);
}

std::vector<std::string> resolve_program(std::vector<std::string> argv, const FileScope& scope) {
  if (argv.empty()) return argv;
  std::string& program = argv.front();
  const bool relative = program.front() != '/' && program.front() != '{';
  if (relative && program.find('/') != std::string::npos) program = scope.resolve(program);
  return argv;
}

const KeyTable& shell_keys() {
  static const KeyTable table = {"a command", {"shell"}};
  return table;
}

}  // namespace muster
