// What fuzzers ask: a check that fails ends the program in every build.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "core/guid.h"
#include "io/yaml.h"

namespace muster {

inline void require(bool holds) {
  if (!holds) std::abort();
}

inline std::string_view fuzz_bytes(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// One line for people: readable, and no orders to a terminal.
inline bool is_line(std::string_view text) {
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  return is_utf8(text) && std::none_of(text.begin(), text.end(), is_control);
}

// What is wrong with a file is told in lines, each with a place and some words.
inline void require_lines(const FileProblems& problems) {
  require(problems.has_errors() == (problems.errors() > 0));
  for (const FileProblem& problem : problems.list()) {
    require(!problem.message.empty());
    require(is_line(to_text(problem)));
  }
}

}  // namespace muster
