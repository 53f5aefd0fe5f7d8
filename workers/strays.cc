#include "workers/strays.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <sstream>

#include "core/guid.h"
#include "io/clock.h"
#include "io/file.h"
#include "io/process.h"

namespace muster {

namespace {

// What dies of SIGKILL dies at once, unless the kernel waits for something (a hung disk).
constexpr Duration kPatience = std::chrono::milliseconds(500);
constexpr size_t kEnvironBytesMax = 8 << 20;
constexpr size_t kCommandShown = 80;
constexpr size_t kStraysShown = 5;

struct ProcStat {
  char state = 'X';
  pid_t parent = 0;
};

// /proc/PID/stat: PID (NAME) STATE PARENT ..., where NAME may hold anything.
std::optional<ProcStat> read_stat(pid_t pid) {
  const Result<std::string> text = read_file("/proc/" + std::to_string(pid) + "/stat", 4096);
  if (!text.ok()) return std::nullopt;  // it has gone meanwhile
  const size_t name_end = text->rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream rest(text->substr(name_end + 1));
  ProcStat stat;
  if (!(rest >> stat.state >> stat.parent)) return std::nullopt;
  return stat;
}

std::map<pid_t, ProcStat> all_processes() {
  std::map<pid_t, ProcStat> processes;
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", failed)) {
    const std::string name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    const auto pid = static_cast<pid_t>(std::stol(name));
    if (const std::optional<ProcStat> stat = read_stat(pid)) processes[pid] = *stat;
  }
  return processes;
}

// The child of this process from which `pid` descends, or nothing.
std::optional<pid_t> top_ancestor(pid_t pid, const std::map<pid_t, ProcStat>& processes) {
  const pid_t self = ::getpid();
  // A process that was replaced while we looked could close a circle.
  for (size_t steps = 0; steps <= processes.size(); ++steps) {
    const auto found = processes.find(pid);
    if (found == processes.end()) return std::nullopt;
    if (found->second.parent == self) return pid;
    pid = found->second.parent;
  }
  return std::nullopt;
}

// What a process says in its environment; nothing where that cannot be read or says nothing.
struct Mark {
  std::optional<std::string> guid;
  std::string attempt;
  std::string log_path;
};

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

bool is_of(const Mark& mark, const AttemptToken& token) {
  return mark.guid == token.guid && mark.attempt == std::to_string(token.attempt);
}

bool is_of_any(const Mark& mark, const std::set<AttemptToken>& tokens) {
  return std::any_of(tokens.begin(), tokens.end(),
                     [&](const AttemptToken& token) { return is_of(mark, token); });
}

std::string command_of(pid_t pid) {
  const Result<std::string> text = read_file("/proc/" + std::to_string(pid) + "/cmdline", 1 << 20);
  std::string command = text.ok() ? *text : "";
  std::replace(command.begin(), command.end(), '\0', ' ');
  while (!command.empty() && command.back() == ' ') command.pop_back();
  return cut_text(sanitize_utf8(command), kCommandShown);
}

// Holds on to a process by a pidfd, so that it is judged and killed as one and the same.
class Held {
 public:
  explicit Held(pid_t pid) : fd_(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))) {}
  bool valid() const { return fd_.valid(); }
  int fd() const { return fd_.get(); }
  // False: it may not be killed.
  bool kill() const {
    return ::syscall(SYS_pidfd_send_signal, fd_.get(), SIGKILL, nullptr, 0) == 0 || errno != EPERM;
  }
  bool is_dead() const {
    pollfd death{fd_.get(), POLLIN, 0};
    return ::poll(&death, 1, 0) == 1;
  }

 private:
  UniqueFd fd_;
};

void await_deaths(const std::map<pid_t, Held>& dying, int64_t deadline_us) {
  for (const auto& [pid, held] : dying) {
    pollfd death{held.fd(), POLLIN, 0};
    const int64_t left_ms = std::max<int64_t>((deadline_us - boot_us()) / 1000, 0);
    while (::poll(&death, 1, static_cast<int>(left_ms)) < 0 && errno == EINTR) {
    }
  }
}

// Kills every process for which `is_stray` holds, and what those begot meanwhile.
using Judge = std::function<bool(pid_t, const std::map<pid_t, ProcStat>&)>;
std::vector<Stray> kill_all(const Judge& is_stray) {
  std::map<pid_t, Stray> strays;
  std::map<pid_t, Held> dying;
  const int64_t deadline_us = boot_us() + kPatience.count();
  do {
    dying.clear();
    const std::map<pid_t, ProcStat> processes = all_processes();
    for (const auto& [pid, stat] : processes) {
      if (pid == ::getpid() || stat.state == 'Z' || stat.state == 'X') continue;
      Held held(pid);
      if (!held.valid() || !is_stray(pid, processes)) continue;
      Stray& stray = strays.try_emplace(pid, Stray{pid, command_of(pid)}).first->second;
      stray.fate = held.kill() ? Fate::dead : Fate::untouched;
      if (stray.fate == Fate::dead) dying.emplace(pid, std::move(held));
    }
    if (dying.empty()) break;
    await_deaths(dying, deadline_us);
    reap_adopted();
  } while (boot_us() < deadline_us);
  std::vector<Stray> killed;
  for (auto& [pid, stray] : strays) {
    const auto held = dying.find(pid);
    if (held != dying.end() && !held->second.is_dead()) stray.fate = Fate::dying;
    killed.push_back(std::move(stray));
  }
  return killed;
}

// Whether one of `members`, or a member that it descends from, says that it is to outlive the
// attempt.
bool is_kept(pid_t pid, const std::vector<pid_t>& members) {
  for (size_t steps = 0; steps < members.size(); ++steps) {
    if (!std::binary_search(members.begin(), members.end(), pid)) return false;
    if (read_mark(pid).guid == "") return true;
    const std::optional<ProcStat> stat = read_stat(pid);
    if (!stat) return false;
    pid = stat->parent;
  }
  return false;
}

bool has_children() {
  siginfo_t info{};
  return ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 || errno != ECHILD;
}

}  // namespace

Result<Done> adopt_orphans() {
  if (::prctl(PR_SET_CHILD_SUBREAPER, 1) == 0) return Done{};
  return Error{"cannot adopt orphaned processes: " + errno_text(errno)};
}

void reap_adopted() {
  for (;;) {
    siginfo_t info{};
    if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) return;
    // Its Process wants to know how it ended; others that are dead are seen next time.
    if (Process::is_own_child(info.si_pid)) return;
    ::waitpid(info.si_pid, nullptr, WNOHANG);
  }
}

std::vector<Stray> kill_strays(const AttemptToken& ended, const std::set<AttemptToken>& running) {
  reap_adopted();
  if (!has_children()) return {};
  return kill_all([&](pid_t pid, const std::map<pid_t, ProcStat>& processes) {
    const std::optional<pid_t> top = top_ancestor(pid, processes);
    if (!top) return false;
    if (*top != pid && read_mark(*top).guid == "") return false;
    const Mark mark = read_mark(pid);
    if (is_of(mark, ended)) return true;
    const bool is_kept = mark.guid == "";
    if (is_kept || is_of_any(mark, running)) return false;
    return running.empty() && !Process::is_own_child(*top);
  });
}

std::vector<Stray> kill_marked(const std::set<AttemptToken>& attempts, const std::string& dir) {
  if (attempts.empty()) return {};
  return kill_all([&](pid_t pid, const std::map<pid_t, ProcStat>&) {
    const Mark mark = read_mark(pid);
    const bool is_elsewhere = !mark.log_path.empty() && !mark.log_path.starts_with(dir + "/");
    return !is_elsewhere && is_of_any(mark, attempts);
  });
}

std::vector<Stray> kill_members(const Cgroup& cgroup) {
  std::map<pid_t, Stray> strays;
  const int64_t deadline_us = boot_us() + kPatience.count();
  while (cgroup.is_populated() && boot_us() < deadline_us) {
    const std::vector<pid_t> members = cgroup.processes();
    for (const pid_t pid : members) {
      if (is_kept(pid, members)) {
        cgroup.release(pid);
      } else {
        strays.try_emplace(pid, Stray{pid, command_of(pid)});
      }
    }
    cgroup.kill();
    cgroup.await_empty(Duration(deadline_us - boot_us()));
    reap_adopted();
  }
  std::vector<Stray> killed;
  const std::vector<pid_t> left = cgroup.is_populated() ? cgroup.processes() : std::vector<pid_t>();
  for (auto& [pid, stray] : strays) {
    const bool lives = std::find(left.begin(), left.end(), pid) != left.end();
    if (lives) stray.fate = ::kill(pid, 0) != 0 && errno == EPERM ? Fate::untouched : Fate::dying;
    killed.push_back(std::move(stray));
  }
  return killed;
}

std::string describe(const std::vector<Stray>& strays) {
  std::string text = strays.size() == 1 ? "a process that left its process group: "
                                        : std::to_string(strays.size()) +
                                              " processes that left their process group: ";
  for (size_t i = 0; i < strays.size(); ++i) {
    if (i == kStraysShown) return text + ", ...";
    text += (i == 0 ? "" : ", ") + std::to_string(strays[i].pid) + " (" + strays[i].command + ")";
  }
  return text;
}

}  // namespace muster
