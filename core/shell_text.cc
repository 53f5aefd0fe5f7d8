#include "core/shell_text.h"

#include <algorithm>
#include <utility>

namespace muster {
namespace {

bool ends_word(char c) {
  return std::string_view(" \t\n;&|()<>`").find(c) != std::string_view::npos;
}

}  // namespace

ShellText::ShellText() : nesting_{Where::plain} {}

void ShellText::add_code(std::string_view text) {
  code_ += text;
  for (size_t at = 0; at < text.size(); ++at) {
    read(text, at);
    before_ = text[at];
  }
}

bool ShellText::add_value(std::string_view name, std::string_view value) {
  if (where() == Where::document_as_is) return false;
  auto known = variables_.find(name);
  if (known == variables_.end()) {
    const std::string variable = "muster_" + std::to_string(variables_.size() + 1);
    values_ += variable + "=" + quote_for_shell(value) + "; ";
    known = variables_.emplace(name, "${" + variable + "}").first;
  }
  const std::string& reference = known->second;
  switch (where()) {
    case Where::double_quotes:
    case Where::document:
    case Where::comment:
      code_ += reference;
      break;
    case Where::single_quotes:
      code_ += "'\"" + reference + "\"'";
      break;
    case Where::plain:
    case Where::parentheses:
    case Where::arithmetic:
    case Where::backticks:
    case Where::document_as_is:
      code_ += "\"" + reference + "\"";
      break;
  }
  before_ = '"';
  escaped_ = false;
  line_ += '"';  // the line is not the end of its here-document
  return true;
}

std::string ShellText::take() { return std::exchange(values_, {}) + std::exchange(code_, {}); }

void ShellText::read(std::string_view text, size_t at) {
  const char c = text[at];
  if (where() == Where::document || where() == Where::document_as_is) return read_document(c);
  if (where() == Where::single_quotes) {
    if (c == '\'') leave();
    return;
  }
  if (where() == Where::comment) {
    if (c != '\n') return;
    leave();
    return begin_documents();
  }
  if (std::exchange(escaped_, false)) return;
  if (c == '\\') {
    escaped_ = true;
  } else if (c == '`') {
    where() == Where::backticks ? leave() : enter(Where::backticks);
  } else if (where() == Where::double_quotes) {
    if (c == '"') leave();
    if (c == '(' && before_ == '$') enter(Where::parentheses);
  } else {
    read_code(text, at);
  }
}

void ShellText::read_code(std::string_view text, size_t at) {
  switch (text[at]) {
    case '\'':
      return enter(Where::single_quotes);
    case '"':
      return enter(Where::double_quotes);
    case '#':
      if (ends_word(before_)) enter(Where::comment);
      return;
    case '(':
      return enter(where() == Where::parentheses && before_ == '(' ? Where::arithmetic
                                                                   : Where::parentheses);
    case ')':
      if (where() == Where::parentheses || where() == Where::arithmetic) leave();
      return;
    case '<':
      if (before_ == '<' && where() != Where::arithmetic) note_document(text.substr(at + 1));
      return;
    case '\n':
      return begin_documents();
    default:
      return;
  }
}

// A here-document whose end `behind` begins with.
void ShellText::note_document(std::string_view behind) {
  HereDocument document;
  document.tabs_stripped = behind.starts_with('-');
  if (document.tabs_stripped) behind.remove_prefix(1);
  behind.remove_prefix(std::min(behind.find_first_not_of(" \t"), behind.size()));
  for (const char c : behind) {
    if (ends_word(c)) break;
    if (c == '\'' || c == '"' || c == '\\') {
      document.as_is = true;
    } else {
      document.end += c;
    }
  }
  if (!document.end.empty()) documents_.push_back(std::move(document));
}

void ShellText::begin_documents() {
  line_.clear();
  if (documents_.empty()) return;
  enter(documents_.front().as_is ? Where::document_as_is : Where::document);
}

void ShellText::read_document(char c) {
  if (c != '\n') {
    const bool is_stripped = c == '\t' && line_.empty() && documents_.front().tabs_stripped;
    if (!is_stripped) line_ += c;
    return;
  }
  if (std::exchange(line_, {}) != documents_.front().end) return;
  documents_.erase(documents_.begin());
  leave();
  begin_documents();
}

std::string quote_for_shell(std::string_view text) {
  std::string word = "'";
  for (const char c : text) word += c == '\'' ? "'\\''" : std::string(1, c);
  return word + "'";
}

}  // namespace muster
