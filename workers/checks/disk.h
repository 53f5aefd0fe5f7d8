// The disk check: a file system has enough free space and inodes for ordinary users.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "workers/checks/arguments.h"
#include "workers/checks/check.h"

namespace muster {

std::vector<std::string> disk_arguments(const DiskCheck& check);
std::optional<DiskCheck> parse_disk_arguments(CheckArguments arguments);

// Blocks as long as the file system does.
CheckVerdict run_disk_check(const DiskCheck& check);

}  // namespace muster
