#include "tests/tidy/source.h"

#include <algorithm>
#include <cctype>
#include <optional>
#include <utility>

namespace muster::tidy {
namespace {

std::vector<std::string> split_lines(const std::string& text) {
  std::vector<std::string> lines;
  size_t begin = 0;
  while (begin < text.size()) {
    const size_t end = text.find('\n', begin);
    lines.push_back(text.substr(begin, end - begin));
    begin = end == std::string::npos ? text.size() : end + 1;
  }
  return lines;
}

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

// The end (one past) of the comment or literal that begins at `at`, or `at` when none does.
size_t literal_end(const std::string& text, size_t at) {
  const std::string_view rest = std::string_view(text).substr(at);
  const auto end_after = [&](std::string_view mark, size_t from) {
    const size_t found = text.find(mark, from);
    return found == std::string::npos ? text.size() : found + mark.size();
  };
  if (rest.starts_with("//")) return std::min(text.find('\n', at), text.size());
  if (rest.starts_with("/*")) return end_after("*/", at + 2);
  if (rest.starts_with("R\"") && (at == 0 || !is_word(text[at - 1]))) {
    const size_t open = text.find('(', at);
    if (open == std::string::npos) return text.size();
    const std::string mark = ")" + text.substr(at + 2, open - at - 2) + "\"";
    return end_after(mark, open);
  }
  const char quote = text[at];
  const bool digit_separator = quote == '\'' && at > 0 && is_word(text[at - 1]);
  if (quote != '"' && (quote != '\'' || digit_separator)) return at;
  size_t end = at + 1;
  while (end < text.size() && text[end] != quote && text[end] != '\n') {
    end += text[end] == '\\' ? 2 : 1;
  }
  return std::min(end + 1, text.size());
}

std::string blank_literals(const std::string& text) {
  std::string code = text;
  for (size_t at = 0; at < text.size();) {
    const size_t end = literal_end(text, at);
    for (size_t i = at; i < end; ++i) {
      if (code[i] != '\n') code[i] = ' ';
    }
    at = end > at ? end : at + 1;
  }
  return code;
}

bool has_word(std::string_view text, std::string_view word) {
  for (size_t at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
    const bool left = at == 0 || !is_word(text[at - 1]);
    const bool right = at + word.size() == text.size() || !is_word(text[at + word.size()]);
    if (left && right) return true;
  }
  return false;
}

enum class Scope { names, function, other };

// What a brace opens, by what stands before it since the last statement ended.
Scope scope_of(std::string_view head) {
  if (has_word(head, "namespace")) return Scope::names;
  const size_t parenthesis = head.find('(');
  const size_t assignment = head.find(" = ");
  const bool spaced = !head.empty() && head.back() == ' ';  // not the {0} of an initialiser
  if (parenthesis != std::string_view::npos && assignment > parenthesis) {
    return spaced ? Scope::function : Scope::other;
  }
  for (const char* word : {"class", "struct", "union", "enum", "extern"}) {
    if (has_word(head, word)) return Scope::names;
  }
  return Scope::other;
}

// The name in a function's head: what stands before its first parenthesis.
std::string function_name(std::string_view head) {
  const size_t open = head.find('(');
  const size_t op = head.rfind("operator", open);
  if (op != std::string_view::npos) return std::string(head.substr(op, open - op));
  size_t end = open;
  while (end > 0 && head[end - 1] == ' ') --end;
  size_t begin = end;
  while (begin > 0 &&
         (is_word(head[begin - 1]) || head[begin - 1] == ':' || head[begin - 1] == '~')) {
    --begin;
  }
  const std::string_view name = head.substr(begin, end - begin);
  if (!name.starts_with("TEST") && name != "BENCHMARK") return std::string(name);
  return std::string(head.substr(begin, head.find(')', open) + 1 - begin));
}

}  // namespace

Source make_source(std::string path, std::string text) {
  Source source;
  source.path = std::move(path);
  source.text = std::move(text);
  source.lines = split_lines(source.text);
  source.code = blank_literals(source.text);
  source.code_lines = split_lines(source.code);
  return source;
}

std::vector<Include> find_includes(const Source& source) {
  std::vector<Include> includes;
  for (size_t i = 0; i < source.lines.size(); ++i) {
    const std::string& line = source.lines[i];
    if (!source.code_lines[i].starts_with("#include")) continue;
    const size_t open = line.find_first_of("\"<");
    if (open == std::string::npos) continue;
    const size_t close = line.find_first_of("\">", open + 1);
    includes.push_back({line.substr(open + 1, close - open - 1), line[open] == '"', i + 1});
  }
  return includes;
}

std::vector<Function> find_functions(const Source& source) {
  std::vector<Function> functions;
  std::vector<Scope> scopes;
  std::optional<Function> open;  // the outermost function that is open
  size_t depth_of_open = 0;
  std::string head;      // since the last statement ended, outside of functions
  size_t head_line = 0;  // where `head` began
  size_t line = 1;
  for (const char c : source.code) {
    if (c == '\n') ++line;
    if (c == '{') {
      const Scope scope = open ? Scope::other : scope_of(head);
      scopes.push_back(scope);
      if (scope == Scope::function) {
        open = Function{function_name(head), head_line, 0};
        depth_of_open = scopes.size();
      }
      if (scope != Scope::other) head.clear();
    } else if (c == '}') {
      if (open && scopes.size() == depth_of_open) {
        open->length = line - open->line + 1;
        functions.push_back(*std::exchange(open, std::nullopt));
      }
      if (!scopes.empty() && std::exchange(scopes.back(), Scope::other) != Scope::other)
        head.clear();
      if (!scopes.empty()) scopes.pop_back();
    } else if (!open &&
               (c == ';' || (c == '\n' && head.starts_with('#')) ||
                (c == ':' && (head == "public" || head == "private" || head == "protected")))) {
      head.clear();
    } else if (!open) {
      if (head.empty() && std::isspace(static_cast<unsigned char>(c))) continue;
      if (head.empty()) head_line = line;
      head += c == '\n' ? ' ' : c;
    }
  }
  return functions;
}

}  // namespace muster::tidy
