// TCP connections of checks.
#pragma once

#include <string>

#include "core/result.h"
#include "io/file.h"

namespace muster {

// "HOST:PORT", with brackets around an IPv6 address.
std::string endpoint_name(const std::string& host, const std::string& port);

// Connects, blocking, to the first address of `host` that takes the connection. Prints a line
// before each step that may block, so that a check that was ended says where it stood. The error
// begins with the endpoint's name.
Result<UniqueFd> connect_to(const std::string& host, const std::string& port);

// Prints a line of progress.
void say(const std::string& line);

// The first line of what a peer said, cut and fit to be shown, in quotes.
std::string shown_answer(std::string_view answer);

}  // namespace muster
