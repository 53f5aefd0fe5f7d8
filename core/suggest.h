// "Did you mean ...?" for errors that people read: unknown flags, keys, tags.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace muster {

// The name that `word` was most likely meant to be, or empty when none is near: at most one edit
// (insert, drop, replace, swap of neighbours) for every three characters, and at least one. The
// first of equally near names wins.
std::string nearest_name(std::string_view word, const std::vector<std::string>& names);

// "; did you mean NAME?", or empty when no name is near. `prefix` is put before the name ("--").
std::string suggestion(std::string_view word, const std::vector<std::string>& names,
                       std::string_view prefix = "");

// ` (did you mean "NAME"?)` for sentences that go on, or empty when no name is near.
std::string suggest(std::string_view word, const std::vector<std::string>& names);

}  // namespace muster
