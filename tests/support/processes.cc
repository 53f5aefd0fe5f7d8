#include "tests/support/processes.h"

#include <unistd.h>

#include <filesystem>
#include <string_view>
#include <system_error>

#include "io/file.h"

namespace muster {
namespace {

namespace fs = std::filesystem;

bool is_below(const fs::path& link, const std::string& dir) {
  std::error_code failed;
  const std::string target = fs::read_symlink(link, failed).string();
  return !failed && target.starts_with(dir) &&
         (target.size() == dir.size() || target[dir.size()] == '/');
}

bool uses(pid_t pid, const std::string& dir) {
  const fs::path proc = "/proc/" + std::to_string(pid);
  if (is_below(proc / "cwd", dir)) return true;
  std::error_code failed;
  for (fs::directory_iterator at(proc / "fd", failed), end; !failed && at != end;
       at.increment(failed)) {
    if (is_below(at->path(), dir)) return true;
  }
  return false;
}

}  // namespace

std::vector<ProcessLook> all_processes() {
  std::vector<ProcessLook> processes;
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator("/proc", failed)) {
    const std::string number = entry.path().filename().string();
    if (number.find_first_not_of("0123456789") != std::string::npos) continue;
    // It may go while it is read.
    const Result<std::string> text = read_file(entry.path().string() + "/stat", 4096);
    const std::string stat = text.ok() ? *text : "";
    const size_t open = stat.find('(');
    const size_t close = stat.rfind(')');
    if (stat.empty() || close == std::string::npos) continue;
    ProcessLook look;
    look.pid = std::stoi(stat);
    look.name = stat.substr(open + 1, close - open - 1);
    look.state = stat.at(close + 2);
    look.parent = std::stoi(stat.substr(close + 4));
    processes.push_back(std::move(look));
  }
  return processes;
}

std::vector<ProcessLook> processes_using(const std::string& dir) {
  std::vector<ProcessLook> users;
  for (ProcessLook& look : all_processes()) {
    if (look.pid != ::getpid() && uses(look.pid, dir)) users.push_back(std::move(look));
  }
  return users;
}

std::string started_with(pid_t pid, const std::string& variable) {
  const Result<std::string> text = read_file("/proc/" + std::to_string(pid) + "/environ", 1 << 20);
  std::string_view rest = text.ok() ? std::string_view(*text) : std::string_view();
  while (!rest.empty()) {
    const std::string_view entry = rest.substr(0, rest.find('\0'));
    if (entry.starts_with(variable + "=")) return std::string(entry.substr(variable.size() + 1));
    rest.remove_prefix(std::min(rest.size(), entry.size() + 1));
  }
  return "";
}

}  // namespace muster
