#include "tests/support/process_memory.h"

#include <fstream>
#include <string>

namespace muster {

namespace {

uint64_t memory_of(int pid, const std::string& what) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(what + ":")) return std::stoull(line.substr(what.size() + 1)) * 1024;
  }
  return 0;
}

}  // namespace

uint64_t resident_bytes(int pid) { return memory_of(pid, "VmRSS"); }
uint64_t peak_resident_bytes(int pid) { return memory_of(pid, "VmHWM"); }

}  // namespace muster
