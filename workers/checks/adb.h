// The adb check: the state of an Android device, asked of the adb server in its own protocol. A
// server must run; no adb binary is needed.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "workers/checks/arguments.h"
#include "workers/checks/check.h"

namespace muster {

std::vector<std::string> adb_arguments(const AdbCheck& check);
std::optional<AdbCheck> parse_adb_arguments(CheckArguments arguments);

// Blocks until the server has answered; the caller's timeout ends it.
CheckVerdict run_adb_check(const AdbCheck& check);

}  // namespace muster
