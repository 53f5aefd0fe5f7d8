#include "workers/process_look.h"

#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "core/guid.h"
#include "io/file.h"

namespace muster {

namespace {

constexpr size_t kEnvironBytesMax = 8 << 20;
constexpr size_t kCommandShown = 80;
constexpr uint64_t kExitingFlag = 0x4;  // PF_EXITING of the kernel's include/linux/sched.h

}  // namespace

// PID (NAME) STATE PARENT GROUP SESSION TTY TTY_GROUP FLAGS ..., where NAME may hold anything.
std::optional<ProcStat> parse_stat(const std::string& line) {
  const size_t name_end = line.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream rest(line.substr(name_end + 1));
  ProcStat stat;
  int64_t skipped = 0;
  uint64_t flags = 0;
  if (!(rest >> stat.state >> stat.parent >> skipped >> skipped >> skipped >> skipped >> flags)) {
    return std::nullopt;
  }
  stat.is_exiting = (flags & kExitingFlag) != 0;
  return stat;
}

std::optional<ProcStat> read_stat(pid_t pid) {
  const Result<std::string> text = read_file("/proc/" + std::to_string(pid) + "/stat", 4096);
  return text.ok() ? parse_stat(*text) : std::nullopt;
}

Processes all_processes() {
  Processes processes;
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", failed)) {
    const std::string name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    const auto pid = static_cast<pid_t>(std::stol(name));
    if (const std::optional<ProcStat> stat = read_stat(pid)) processes[pid] = *stat;
  }
  return processes;
}

bool is_stopped(pid_t pid) {
  const std::optional<ProcStat> stat = read_stat(pid);
  return stat && (stat->state == 'T' || stat->state == 't');
}

void await_death(pid_t pid, Duration patience) {
  const UniqueFd held(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!held.valid()) return;
  pollfd death{held.get(), POLLIN, 0};
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(patience).count();
  ::poll(&death, 1, static_cast<int>(ms));
}

bool has_open(pid_t pid, const std::string& path) {
  struct stat wanted {};
  if (::stat(path.c_str(), &wanted) != 0) return false;
  std::error_code failed;
  const std::string fds = "/proc/" + std::to_string(pid) + "/fd";
  for (const auto& entry : std::filesystem::directory_iterator(fds, failed)) {
    struct stat open {};
    if (::stat(entry.path().c_str(), &open) != 0) continue;
    if (open.st_dev == wanted.st_dev && open.st_ino == wanted.st_ino) return true;
  }
  return false;
}

Mark read_mark(pid_t pid) {
  Mark mark;
  const Result<std::string> environ =
      read_file("/proc/" + std::to_string(pid) + "/environ", kEnvironBytesMax);
  if (!environ.ok()) return mark;
  std::istringstream variables(*environ);
  for (std::string variable; std::getline(variables, variable, '\0');) {
    const size_t equals = variable.find('=');
    if (equals == std::string::npos) continue;
    const std::string name = variable.substr(0, equals);
    if (name == "MUSTER_GUID") mark.guid = variable.substr(equals + 1);
    if (name == "MUSTER_ATTEMPT") mark.attempt = variable.substr(equals + 1);
    if (name == "MUSTER_LOG_PATH") mark.log_path = variable.substr(equals + 1);
  }
  return mark;
}

std::string name_of(pid_t pid) {
  const Result<std::string> text = read_file("/proc/" + std::to_string(pid) + "/comm", 64);
  return text.ok() ? text->substr(0, text->find('\n')) : "";
}

std::string command_of(pid_t pid) {
  const Result<std::string> text = read_file("/proc/" + std::to_string(pid) + "/cmdline", 1 << 20);
  std::string command = text.ok() ? *text : "";
  std::replace(command.begin(), command.end(), '\0', ' ');
  while (!command.empty() && command.back() == ' ') command.pop_back();
  return cut_text(sanitize_utf8(command), kCommandShown);
}

}  // namespace muster
