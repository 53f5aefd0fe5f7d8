// The dead-letter file as people read it.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace muster {

// By the event's number, what the place said. No file is no letters, and what a failed write has
// left at the end is none; two of one event, or a line that is none, fail the test.
std::map<uint64_t, std::string> read_letters(const std::string& file);

}  // namespace muster
