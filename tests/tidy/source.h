// A source file as tests/tidy sees it: lines, #include lines, and the code without its comments and
// without what stands in its string literals. It reads what clang-format wrote, not all of C++.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace muster::tidy {

struct Include {
  std::string target;   // without quotes or brackets
  bool quoted = false;  // "a" rather than <a>
  size_t line = 0;      // from 1
};

// A function with a body. Lambdas and nested blocks count for the function that holds them.
struct Function {
  std::string name;   // "BrokerCore::decide", "main", "TEST(Guid, Table)"
  size_t line = 0;    // where its declaration begins, from 1
  size_t length = 0;  // lines, from there to the closing brace
};

struct Source {
  std::string path;  // relative to the root of the tree, with "/"
  std::string text;
  std::vector<std::string> lines;
  // Same length and lines as `text`; comments and the insides of literals are blanks.
  std::string code;
  std::vector<std::string> code_lines;
};

Source make_source(std::string path, std::string text);

std::vector<Include> find_includes(const Source& source);
std::vector<Function> find_functions(const Source& source);

}  // namespace muster::tidy
