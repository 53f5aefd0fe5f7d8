// Globs: which files of a tree a pattern means, name by name.
//
//   *  any characters of a name    ?  one    [a-z] [!a-z] [[:digit:]]  one of these, or none
//   **  as a whole name: any number of names, none included    \x  x itself
//
// A dot that begins a name is matched by a dot only: what is hidden (.ssh, .git, .env) is never
// meant unless it is said. For each character of a path there are at most as many comparisons as
// the pattern has characters.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace muster {

class Glob {
 public:
  // Where in the pattern a match may go on: numbers of its names, growing. Empty: nothing that
  // begins like this can match.
  using Places = std::vector<size_t>;

  // `pattern` is relative, as the paths are. Empty names and "." in it mean nothing ("a//b/./c" is
  // "a/b/c"); an absolute one and an empty one match no path.
  explicit Glob(std::string_view pattern);

  // Before the first name of a path, and after one more. With them a walk of a tree goes only where
  // something can match.
  Places begin() const;
  Places enter(const Places& places, std::string_view name) const;
  // Whether a path may end here.
  bool accepts(const Places& places) const;
  // Whether a path may go on from here.
  bool goes_on(const Places& places) const;

  // The whole of `path`, which is relative and has no "." and "..". `steps`, if given, is told how
  // many comparisons that took.
  bool matches(std::string_view path, uint64_t* steps = nullptr) const;

 private:
  Places enter(const Places& places, std::string_view name, uint64_t& steps) const;
  void add(Places& places, size_t place) const;

  std::vector<std::string> names_;  // of the pattern
  bool nowhere_ = false;
};

}  // namespace muster
