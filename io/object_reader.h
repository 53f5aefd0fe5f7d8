// Reads the maps of a YAML file into typed values, and reports everything that is wrong with them
// at once: unknown keys with a suggestion, missing keys, wrong types by name, values out of range.
//
//   static const KeyTable kPoint = {"a point", {"x", "y", "label"}};
//   const ObjectReader point(node, kPoint, scope);
//   x = point.integer("x", {0, 100}, required);
//
// Every read gives a usable value; whether it was right is in the scope's problems.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/limits.h"
#include "core/result.h"
#include "core/time.h"
#include "io/yaml.h"

namespace muster {

// The keys of one kind of map. The JSON Schemas in schemas/json name the same ones; a test
// compares.
struct KeyTable {
  std::string object;             // for messages, with its article: "a verifier"
  std::vector<std::string> keys;  // in the order the documentation gives them
  // Keys of the format that this version cannot serve yet: refused with words that say so.
  std::vector<std::string> later = {};
};

// A table under the name that the JSON Schema of its format gives it.
struct NamedKeyTable {
  std::string name;
  const KeyTable* table;
};

enum class Need : uint8_t { optional, required };

struct IntegerRange {
  uint64_t min = 0;
  uint64_t max = UINT64_MAX;
};

// How long things may be kept that people ask to keep.
inline constexpr Duration kKeepMax = std::chrono::days(3'650);

struct DurationRange {
  Duration min{0};
  Duration max = kTimeoutMax;
};

class ObjectReader {
 public:
  // Reports the keys of `node` that `table` does not have. A node that is not a map is one problem,
  // after which every read gives its fallback in silence. All three must outlive the reader.
  ObjectReader(const YamlNode& node, const KeyTable& table, const FileScope& scope);

  bool has(std::string_view key) const { return find(key) != nullptr; }
  // The value of `key`, null when there is none (a problem when it is required).
  const YamlNode* value(std::string_view key, Need need = Need::optional) const;
  const YamlNode* map(std::string_view key, Need need = Need::optional) const;
  const YamlNode* list(std::string_view key, Need need = Need::optional) const;
  // Where `key` stands, or the map itself when it is not there.
  Mark at(std::string_view key) const;

  // Any scalar, as it was written. A required one must not be empty.
  std::string string(std::string_view key, Need need = Need::optional) const;
  // A string that must be one of `choices`; the first of them when it is missing.
  std::string choice(std::string_view key, const std::vector<std::string>& choices) const;
  uint64_t integer(std::string_view key, IntegerRange range, uint64_t fallback) const;
  // true or false and nothing else: not yes, not on.
  bool boolean(std::string_view key, bool fallback) const;
  // "1.5h", "90s".
  Duration duration(std::string_view key, Duration fallback, const DurationRange& range = {}) const;
  // At most `count_max` of them.
  std::vector<Duration> durations(std::string_view key, size_t count_max,
                                  std::vector<Duration> fallback) const;
  std::vector<std::string> strings(std::string_view key, Need need = Need::optional) const;
  std::map<std::string, std::string> string_map(std::string_view key) const;
  // A name that invalid_name() accepts.
  std::string name(std::string_view key, std::string_view noun, Need need = Need::optional) const;
  std::vector<std::string> names(std::string_view key, std::string_view noun) const;
  // Canonical text of a selector written as text ("type=handset,!broken") or as a map of keys to a
  // value or a list of values.
  std::string selector(std::string_view key, Need need = Need::optional) const;
  // An argument list, or {shell: TEXT} for /bin/sh -c TEXT.
  std::vector<std::string> command(std::string_view key, Need need = Need::optional) const;

  // `version: 1` and `kind`, which every file begins with. True when both are as wanted.
  bool check_header(const std::vector<std::string>& kinds) const;

  void error(std::string_view key, std::string message) const;
  // Of the key by its name: "KEY" WHAT.
  void wrong(std::string_view key, const std::string& what) const;
  const FileScope& scope() const { return scope_; }
  const YamlNode& node() const { return node_; }

 private:
  const YamlEntry* find(std::string_view key) const;
  void report_unknown(const YamlEntry& entry) const;
  static Result<Duration> read_duration(std::string_view key, const std::string& text,
                                        const DurationRange& range = {});
  const YamlNode* scalar(std::string_view key, Need need, std::string_view wanted) const;

  const YamlNode& node_;
  const KeyTable& table_;
  const FileScope& scope_;
  bool is_map_;
};

// Scalars outside maps: the items of lists and the values of free maps. Nothing, and a problem,
// when `node` is not a scalar; `what` is for the message ("an argument").
std::optional<std::string> read_scalar(const YamlNode& node, std::string_view what,
                                       const FileScope& scope);
std::vector<std::string> read_scalars(const YamlNode& node, std::string_view what,
                                      const FileScope& scope);
// The value of ObjectReader::command and ObjectReader::selector. Empty after a problem.
std::vector<std::string> read_command(const YamlNode& node, const FileScope& scope);
std::string read_selector(const YamlNode& node, const FileScope& scope);

// "a map", "a list", "nothing", "the text \"x\"".
std::string describe(const YamlNode& node);

// `argv` with a relative argv[0] that has a slash made absolute against the file's folder, so that
// a file can bring its own scripts. A bare name stays and is looked up in PATH.
std::vector<std::string> resolve_program(std::vector<std::string> argv, const FileScope& scope);

// The keys of {shell: TEXT}.
const KeyTable& shell_keys();

}  // namespace muster
