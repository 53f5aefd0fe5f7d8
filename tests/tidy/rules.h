// What this tree holds itself to beyond what the compiler and clang-tidy see: the floors, who may
// include what, what the core may not touch, sizes, and what tests may not do. Every rule is a
// function from a file to what is wrong in it; tidy.cc applies them to the tree.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/tidy/source.h"

namespace muster::tidy {

struct Problem {
  std::string path;
  size_t line = 0;  // 0: the whole file
  std::string text;
  bool operator==(const Problem&) const = default;
};
using Problems = std::vector<Problem>;

inline constexpr size_t kFileLinesMax = 600;
inline constexpr size_t kFunctionLinesMax = 70;

// tests/tidy/allowed.txt: files and functions that are longer than they may be, each with its
// length, which may only shrink, and a reason. A line is
//   PATH LINES reason            or            PATH:FUNCTION LINES reason
// and "#" begins a comment.
class Allowed {
 public:
  static Allowed parse(const std::string& text, Problems& problems);

  // Judges a length against `max` and the list, both ways: an entry that is no longer needed, or
  // larger than what it allows for, is a problem too.
  void judge(const Source& source, const std::string& name, size_t line, size_t length, size_t max,
             Problems& problems);
  // Entries that nothing asked about: their file or function is gone.
  void report_unused(Problems& problems) const;

 private:
  std::map<std::string, size_t> lengths_;
  std::set<std::string> used_;
};

void check_floors(const Source& source, Problems& problems);
void check_outside_headers(const Source& source, Problems& problems);
void check_core_is_pure(const Source& source, Problems& problems);
void check_lengths(const Source& source, Allowed& allowed, Problems& problems);
void check_habits(const Source& source,
                  Problems& problems);  // unfinished work, sleeps in tests, skipped tests
void check_text(const Source& source, Problems& problems);  // any text file: blanks, paths
void check_markdown_links(const Source& source, const std::set<std::string>& files,
                          Problems& problems);

}  // namespace muster::tidy
