// A text for `sh -c` into which the values of placeholders are put, such as the serial number that
// a device says of itself: whatever they hold, the shell never reads them as code.
//
// The values stand in variables that are set in front of the text, each in single quotes, and the
// text refers to these. A value becomes one word, or a part of the word, of the quotes or of the
// here-document that it stands in. To tell which, the quotes of the text are followed as a shell
// does; were that ever wrong, a value would be split at its blanks, and still not be run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace muster {

class ShellText {
 public:
  ShellText();

  // Text of whoever wrote the file; it is shell code.
  void add_code(std::string_view text);
  // A value; `name` is the placeholder's, of which each has one value. False where a shell would
  // not replace it: in a here-document whose end is quoted.
  [[nodiscard]] bool add_value(std::string_view name, std::string_view value);

  // The whole, once.
  std::string take();

 private:
  enum class Where : uint8_t {
    plain,
    parentheses,
    arithmetic,  // double parentheses
    backticks,
    single_quotes,
    double_quotes,
    comment,
    document,        // a here-document
    document_as_is,  // one whose end is quoted
  };
  struct HereDocument {
    std::string end;
    bool tabs_stripped = false;
    bool as_is = false;
  };

  Where where() const { return nesting_.back(); }
  void leave() { nesting_.pop_back(); }
  void enter(Where inner) { nesting_.push_back(inner); }
  void read(std::string_view text, size_t at);
  void read_code(std::string_view text, size_t at);
  void read_document(char c);
  void note_document(std::string_view behind);
  void begin_documents();

  std::string code_;
  std::string values_;
  std::map<std::string, std::string, std::less<>> variables_;  // by placeholder
  std::vector<Where> nesting_;                                 // never empty
  std::vector<HereDocument> documents_;  // named in this line, or being read, the first of them now
  std::string line_;                     // of a here-document
  char before_ = '\n';
  bool escaped_ = false;
};

// `text` as one word of a shell.
std::string quote_for_shell(std::string_view text);

}  // namespace muster
