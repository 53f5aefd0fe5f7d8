// The tcp check: a server accepts a connection and, if asked for, says the right thing first.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "workers/checks/arguments.h"
#include "workers/checks/check.h"

namespace muster {

std::vector<std::string> tcp_arguments(const TcpCheck& check);
std::optional<TcpCheck> parse_tcp_arguments(CheckArguments arguments);

// Blocks until the server has answered; the caller's timeout ends it. Each step that may block
// prints a line first, so that a check that was ended says where it stood.
CheckVerdict run_tcp_check(const TcpCheck& check);

}  // namespace muster
