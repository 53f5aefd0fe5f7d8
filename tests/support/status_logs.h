// The status.log files of a home as one text, to be compared: the files of a sink that was
// disturbed with those of one that was not.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "io/file.h"

namespace muster {

// Every file under `results`, by its name, in a canonical form.
inline std::string read_status_logs(const std::string& results) {
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(results)) {
    if (!entry.is_regular_file()) continue;
    files[entry.path().lexically_relative(results)] = *read_file(entry.path(), 64 << 20);
  }
  std::string text;
  for (const auto& [name, bytes] : files) text += "== " + name + "\n" + bytes;
  return text;
}

}  // namespace muster
