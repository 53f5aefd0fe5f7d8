#include "io/task_matrix.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>
#include <set>
#include <utility>

#include "core/guid.h"
#include "core/limits.h"
#include "core/suggest.h"
#include "io/file.h"

namespace muster {
namespace {

std::optional<uint64_t> number_of(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

// Adds "7" or "3-9" to `numbers`; why it cannot, or nothing.
std::optional<std::string> add_range(std::string_view part, std::vector<uint64_t>& numbers) {
  const size_t dash = std::min(part.find('-'), part.size());
  const std::optional<uint64_t> first = number_of(part.substr(0, dash));
  const std::optional<uint64_t> last =
      dash == part.size() ? first : number_of(part.substr(dash + 1));
  if (!first || !last) {
    return "\"" + std::string(part) + "\" is no range of numbers; write 1-1000, or 1-3,7";
  }
  if (*last < *first) return "\"" + std::string(part) + "\" ends before it begins";
  if (*last - *first >= kArrayTasksMax - std::min(kArrayTasksMax, numbers.size())) {
    return "an array has at most " + std::to_string(kArrayTasksMax) + " tasks";
  }
  for (uint64_t number = *first;; ++number) {
    numbers.push_back(number);
    if (number == *last) return std::nullopt;
  }
}

bool is_axis_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

struct Axis {
  std::string name;
  std::vector<std::string> values;
};

std::vector<Axis> read_axes(const YamlNode& matrix, const FileScope& scope) {
  std::vector<Axis> axes;
  if (matrix.kind != YamlNode::Kind::map) {
    scope.error(matrix.at,
                "matrix must be a map of names to lists of values, not " + describe(matrix));
    return axes;
  }
  for (const YamlEntry& entry : matrix.entries) {
    if (entry.key == "exclude") continue;
    if (!is_axis_name(entry.key)) {
      scope.error(entry.at, "a name in matrix has letters, digits and \"_\" only");
      continue;
    }
    if (entry.value.kind != YamlNode::Kind::list || entry.value.items.empty()) {
      scope.error(entry.value.at, "matrix: " + entry.key + " must be a list of values");
      continue;
    }
    axes.push_back({"matrix." + entry.key, read_scalars(entry.value, "a value of matrix", scope)});
    std::set<std::string> values;
    for (const std::string& value : axes.back().values) {
      if (values.insert(value).second) continue;
      scope.error(entry.value.at,
                  "matrix: " + entry.key + " has the value \"" + value + "\" twice");
    }
  }
  return axes;
}

// The combinations that `exclude` names: each a map of some axes to a value.
std::vector<Words> read_excluded(const YamlNode& matrix, const std::vector<Axis>& axes,
                                 const FileScope& scope) {
  std::vector<Words> excluded;
  const YamlNode* list = matrix.find("exclude");
  if (list == nullptr || list->kind == YamlNode::Kind::null) return excluded;
  if (list->kind != YamlNode::Kind::list) {
    scope.error(list->at, "exclude must be a list of maps, not " + describe(*list));
    return excluded;
  }
  for (const YamlNode& item : list->items) {
    if (item.kind != YamlNode::Kind::map || item.entries.empty()) {
      scope.error(item.at, "an entry of exclude must be a map of names to values");
      continue;
    }
    Words words;
    for (const YamlEntry& entry : item.entries) {
      const auto axis = std::find_if(axes.begin(), axes.end(), [&](const Axis& one) {
        return one.name == "matrix." + entry.key;
      });
      const std::optional<std::string> value = read_scalar(entry.value, "a value", scope);
      if (axis == axes.end()) {
        scope.error(entry.at, "matrix has no \"" + entry.key + "\"");
      } else if (value && std::find(axis->values.begin(), axis->values.end(), *value) ==
                              axis->values.end()) {
        scope.error(entry.value.at, "matrix: " + entry.key + " has no value \"" + *value + "\"");
      } else if (value) {
        words[axis->name] = *value;
      }
    }
    excluded.push_back(std::move(words));
  }
  return excluded;
}

bool holds(const Words& all, const Words& some) {
  return std::all_of(some.begin(), some.end(), [&](const auto& word) {
    const auto found = all.find(word.first);
    return found != all.end() && found->second == word.second;
  });
}

// `cells` times the values of an axis.
bool multiply(const Axis& axis, std::vector<Words>& cells) {
  if (axis.values.size() > kArrayTasksMax / std::max<size_t>(cells.size(), 1)) return false;
  std::vector<Words> product;
  product.reserve(cells.size() * axis.values.size());
  for (const Words& cell : cells) {
    for (const std::string& value : axis.values) {
      product.push_back(cell);
      product.back()[axis.name] = value;
    }
  }
  cells = std::move(product);
  return true;
}

// The quotes around "{matrix.tests}" are YAML's, which takes a bare brace for a map: what comes in
// its place is as if it had been written without.
void replace_in(YamlNode& node, const Words& words) {
  if (node.kind == YamlNode::Kind::scalar) {
    std::string text = replace_words(node.text, words);
    node.quoted = node.quoted && text == node.text;
    node.text = std::move(text);
  }
  for (YamlNode& item : node.items) replace_in(item, words);
  for (YamlEntry& entry : node.entries) replace_in(entry.value, words);
}

// Each of `cells` with each combination of the matrix's values that it does not exclude.
std::vector<Words> matrix_cells(const YamlNode& matrix, std::vector<Words> cells,
                                const FileScope& scope) {
  const size_t errors = scope.errors();
  const std::vector<Axis> axes = read_axes(matrix, scope);
  const std::vector<Words> excluded = read_excluded(matrix, axes, scope);
  if (scope.errors() > errors) return {};
  for (const Axis& axis : axes) {
    if (multiply(axis, cells)) continue;
    scope.error(matrix.at, "one document is at most " + std::to_string(kArrayTasksMax) + " tasks");
    return {};
  }
  std::erase_if(cells, [&](const Words& cell) {
    return std::any_of(excluded.begin(), excluded.end(),
                       [&](const Words& some) { return holds(cell, some); });
  });
  if (cells.empty()) scope.error(matrix.at, "exclude leaves no task of this matrix");
  return cells;
}

// What tells this task from the others: "5g-a", "17".
std::string suffix_of(const Words& words) {
  std::string suffix;
  for (const auto& [word, value] : words) {
    const bool told_by_index = word == "array.line" && words.contains("array.index");
    if (!told_by_index) suffix += (suffix.empty() ? "" : "-") + value;
  }
  return suffix;
}

bool is_word_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '.';
}

// A slip would run as it is written, and pass.
void refuse_unknown_words(const YamlNode& node, const Words& words, const FileScope& scope) {
  if (node.kind == YamlNode::Kind::scalar) {
    if (const auto reason = unknown_word(node.text, words)) scope.error(node.at, *reason);
  }
  for (const YamlNode& item : node.items) refuse_unknown_words(item, words, scope);
  for (const YamlEntry& entry : node.entries) refuse_unknown_words(entry.value, words, scope);
}

// Appends to the text of `key` what tells the task from the others, unless it says so itself.
void tell_apart(YamlNode& document, const YamlNode& before, std::string_view key,
                const std::string& separator, const Words& words) {
  for (YamlEntry& entry : document.entries) {
    if (entry.key != key || entry.value.text.empty()) continue;
    const YamlNode* written = before.find(key);
    if (written != nullptr && written->text == entry.value.text) {
      entry.value.text += separator + suffix_of(words);
    }
  }
}

// A document without a name is called after its file.
void add_name(YamlNode& document, const std::string& file, const Words& words) {
  YamlEntry entry{"name", document.at, {}};
  entry.value.kind = YamlNode::Kind::scalar;
  entry.value.quoted = true;
  entry.value.at = document.at;
  entry.value.text = cut_text(std::filesystem::path(file).stem().string() + " " + suffix_of(words),
                              kNameLengthMax);
  document.entries.push_back(std::move(entry));
}

YamlNode without(const YamlNode& document, std::initializer_list<std::string_view> keys) {
  YamlNode left = document;
  std::erase_if(left.entries, [&](const YamlEntry& entry) {
    return std::find(keys.begin(), keys.end(), entry.key) != keys.end();
  });
  return left;
}

std::vector<uint64_t> read_array(const YamlNode& node, const FileScope& scope) {
  std::string text;
  if (node.kind == YamlNode::Kind::list) {
    for (const std::string& part : read_scalars(node, "a range", scope)) {
      text += (text.empty() ? "" : ",") + part;
    }
  } else {
    text = read_scalar(node, "a range of numbers", scope).value_or("");
  }
  Result<std::vector<uint64_t>> numbers = parse_array(text);
  if (numbers) return std::move(*numbers);
  scope.error(node.at, "array: " + numbers.error());
  return {};
}

// The values of array and each_line, as axes. Both together count the lines.
std::vector<Words> array_cells(const YamlNode& document, const FileScope& scope,
                               const ArrayFlags& flags) {
  std::vector<uint64_t> indexes = flags.indexes;
  std::vector<std::string> lines = flags.lines;
  const YamlNode* array = document.find("array");
  const YamlNode* each_line = document.find("each_line");
  if (array != nullptr && each_line != nullptr) {
    scope.error(each_line->at, "a task has \"array\" or \"each_line\", not both");
    return {};
  }
  if (array != nullptr && indexes.empty() && lines.empty()) indexes = read_array(*array, scope);
  if (each_line != nullptr && indexes.empty() && lines.empty()) {
    const std::string path = read_scalar(*each_line, "a path", scope).value_or("");
    Result<std::vector<std::string>> read = read_each_line(scope.resolve(path));
    if (!read) scope.error(each_line->at, "each_line: " + read.error());
    if (read) lines = std::move(*read);
  }
  return array_words({std::move(indexes), std::move(lines)});
}

}  // namespace

Result<std::vector<uint64_t>> parse_array(std::string_view text) {
  std::vector<uint64_t> numbers;
  for (;;) {
    const size_t comma = std::min(text.find(','), text.size());
    if (const auto problem = add_range(text.substr(0, comma), numbers)) return Error{*problem};
    if (comma == text.size()) break;
    text.remove_prefix(comma + 1);
  }
  std::vector<uint64_t> sorted = numbers;
  std::sort(sorted.begin(), sorted.end());
  const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
  if (twice != sorted.end()) return Error{std::to_string(*twice) + " is in the array twice"};
  return numbers;
}

Result<std::vector<std::string>> read_each_line(const std::string& path) {
  const Result<std::string> text = read_file(path, kYamlBytesMax);
  if (!text) return Error{text.error()};
  std::vector<std::string> lines;
  std::string_view rest = *text;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!is_utf8(line)) {
      return Error{path + ": line " + std::to_string(lines.size() + 1) + " is not UTF-8"};
    }
    if (!line.empty()) lines.emplace_back(line);
    if (lines.size() > kArrayTasksMax) {
      return Error{path + ": an array has at most " + std::to_string(kArrayTasksMax) + " tasks"};
    }
  }
  if (lines.empty()) return Error{path + " has no line"};
  return lines;
}

std::string replace_words(const std::string& text, const Words& words) {
  std::string out;
  size_t at = 0;
  for (;;) {
    const size_t open = text.find('{', at);
    const size_t close = open == std::string::npos ? open : text.find('}', open);
    if (close == std::string::npos) return out + text.substr(at);
    const auto word = words.find(text.substr(open + 1, close - open - 1));
    if (word == words.end()) {
      out += text.substr(at, open + 1 - at);
      at = open + 1;
    } else {
      out += text.substr(at, open - at) + word->second;
      at = close + 1;
    }
  }
}

std::optional<std::string> unknown_word(std::string_view text, const Words& words) {
  for (size_t open = text.find('{'); open != text.npos; open = text.find('{', open + 1)) {
    const std::string_view rest = text.substr(open + 1);
    const bool is_ours = rest.starts_with("matrix.") || rest.starts_with("array.");
    if (!is_ours || (open > 0 && text[open - 1] == '$')) continue;
    const std::string word(rest.substr(0, rest.find('}')));
    const bool is_whole = word.size() < rest.size() && word.back() != '.' &&
                          std::all_of(word.begin(), word.end(), is_word_character);
    if (!is_whole || words.contains(word)) continue;
    std::vector<std::string> known;
    for (const auto& [name, value] : words) known.push_back(name);
    return "\"{" + word + "}\" stands for nothing here" + suggestion(word, known) +
           (known.empty() ? ": there is no matrix, array or each_line" : "") +
           "; where it is meant as it is, write a blank behind the brace";
  }
  return std::nullopt;
}

std::vector<Words> array_words(const ArrayFlags& flags) {
  std::vector<Words> cells;
  for (const uint64_t index : flags.indexes) {
    cells.push_back({{"array.index", std::to_string(index)}});
  }
  for (size_t i = 0; i < flags.lines.size(); ++i) {
    cells.push_back({{"array.index", std::to_string(i + 1)}, {"array.line", flags.lines[i]}});
  }
  if (cells.empty()) cells.emplace_back();
  return cells;
}

std::map<std::string, std::string> words_environment(const Words& words) {
  std::map<std::string, std::string> env;
  for (const auto& [word, value] : words) {
    std::string name = "MUSTER_" + word;
    std::transform(name.begin(), name.end(), name.begin(), [](char c) {
      if (c == '.') return '_';
      return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    });
    env[name] = value;
  }
  return env;
}

void expand_document(const YamlNode& document, const FileScope& scope, const ArrayFlags& flags,
                     const std::function<bool(const TaskCell&)>& take) {
  const YamlNode* matrix = document.find("matrix");
  const size_t errors = scope.errors();
  std::vector<Words> cells = array_cells(document, scope, flags);
  if (matrix != nullptr) cells = matrix_cells(*matrix, std::move(cells), scope);
  if (scope.errors() > errors) return;
  const YamlNode plain = without(document, {"matrix", "array", "each_line"});
  refuse_unknown_words(plain, cells.front(), scope);
  if (scope.errors() > errors) return;
  for (const Words& words : cells) {
    TaskCell cell{plain, words};
    if (!words.empty()) {
      replace_in(cell.document, words);
      tell_apart(cell.document, plain, "guid", "/", words);
      tell_apart(cell.document, plain, "name", " ", words);
      if (plain.find("name") == nullptr) add_name(cell.document, scope.file(), words);
    }
    if (!take(cell)) return;
  }
}

}  // namespace muster
