// The file check: a file or directory is there (or is not), can be written, holds a text, is fresh.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "workers/checks/arguments.h"
#include "workers/checks/check.h"

namespace muster {

std::vector<std::string> file_arguments(const FileCheck& check);
std::optional<FileCheck> parse_file_arguments(CheckArguments arguments);

// Never waits for the other end of a FIFO, but as long as the file system does. A directory's
// writability is proved by writing a file in it that is gone afterwards.
CheckVerdict run_file_check(const FileCheck& check);

}  // namespace muster
