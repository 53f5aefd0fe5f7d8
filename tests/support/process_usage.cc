#include "tests/support/process_usage.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>
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

double cpu_seconds(int pid) {
  constexpr int kFieldsBetween = 11;  // from the state to utime, proc(5)
  std::ifstream stream("/proc/" + std::to_string(pid) + "/stat");
  std::string stat;
  std::getline(stream, stat);
  std::istringstream fields(stat.substr(std::min(stat.rfind(')') + 1, stat.size())));
  std::string skipped;
  for (int i = 0; i < kFieldsBetween; ++i) fields >> skipped;
  double user = 0;
  double system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

}  // namespace muster
