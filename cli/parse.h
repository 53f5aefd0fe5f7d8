// The command line of muster: words in, options out. Nothing here asks anybody anything.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "cli/options.h"

namespace muster {

// --help was asked for: `text` goes to stdout and the exit status is 0.
struct HelpText {
  std::string text;
};

// The command line is wrong: exit status 64.
struct UsageFault {
  std::string message;  // what and where
  std::string hint;     // what to do next
  Format format = Format::human;
};

using ParsedCommand = std::variant<Invocation, HelpText, UsageFault>;

// `arguments` is without the program's name.
ParsedCommand parse_command_line(const std::vector<std::string>& arguments);

}  // namespace muster
