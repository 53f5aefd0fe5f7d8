#include "workers/strays.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <map>
#include <optional>

#include "io/clock.h"
#include "io/file.h"
#include "io/process.h"
#include "workers/process_look.h"

namespace muster {

namespace {

// What dies of SIGKILL dies at once, unless the kernel waits for something (a hung disk).
constexpr Duration kPatience = std::chrono::milliseconds(500);
constexpr size_t kStraysShown = 5;
// Looks in a row that must find nothing, where it is not proven that nothing is there: who forks
// and ends is easily missed by one.
constexpr int kLooksForNothing = 3;

// The child of this process from which `pid` descends, or nothing.
std::optional<pid_t> top_ancestor(pid_t pid, const Processes& processes) {
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

bool is_of(const Mark& mark, const AttemptToken& token) {
  return mark.guid == token.guid && mark.attempt == std::to_string(token.attempt);
}

bool is_of_any(const Mark& mark, const std::set<AttemptToken>& tokens) {
  return std::any_of(tokens.begin(), tokens.end(),
                     [&](const AttemptToken& token) { return is_of(mark, token); });
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
  void term() const { ::syscall(SYS_pidfd_send_signal, fd_.get(), SIGTERM, nullptr, 0); }
  UniqueFd take() { return std::move(fd_); }
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

// Whether this process has any. What is below it has an ancestor among them, for orphans become
// them: where there is none, nothing is left.
bool has_children() {
  siginfo_t info{};
  return ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 || errno != ECHILD;
}

// Whether one of `processes` is a child of this process that stays: it is waited for elsewhere, or
// lives although what may be killed was.
bool is_child_left(const Processes& processes) {
  return std::any_of(processes.begin(), processes.end(), [](const auto& entry) {
    const auto& [pid, stat] = entry;
    return stat.parent == ::getpid() && (stat.state != 'Z' || Process::is_own_child(pid));
  });
}

// Kills every process for which `is_stray` holds, and what those begot meanwhile, until none is
// left as far as `is_clear` knows, which is told what there was and how often in a row no stray was
// found. When the time for that is used up before, one that is dying stands for what may be left.
using Judge = std::function<bool(pid_t, const Processes&)>;
using Clear = std::function<bool(const Processes&, int found_none)>;
std::vector<Stray> kill_all(const Judge& is_stray, const Clear& is_clear) {
  std::map<pid_t, Stray> strays;
  std::map<pid_t, Held> dying;
  const int64_t deadline_us = boot_us() + kPatience.count();
  bool is_over = false;
  for (int found_none = 0; !is_over;) {
    dying.clear();
    const Processes processes = all_processes();
    for (const auto& [pid, stat] : processes) {
      if (pid == ::getpid() || stat.state == 'Z' || stat.state == 'X') continue;
      Held held(pid);
      if (!held.valid() || !is_stray(pid, processes)) continue;
      Stray& stray = strays.try_emplace(pid, Stray{pid, command_of(pid)}).first->second;
      stray.fate = held.kill() ? Fate::dead : Fate::untouched;
      if (stray.fate == Fate::dead) dying.emplace(pid, std::move(held));
    }
    found_none = dying.empty() ? found_none + 1 : 0;
    await_deaths(dying, deadline_us);
    reap_adopted();
    is_over = is_clear(processes, found_none);
    const bool is_idle = found_none > 0 && found_none < kLooksForNothing;
    if (boot_us() >= deadline_us && !is_idle) break;
  }
  std::vector<Stray> killed;
  if (!is_over && dying.empty()) killed.push_back({-1, "forks and ends unseen", Fate::dying});
  for (auto& [pid, stray] : strays) {
    const auto held = dying.find(pid);
    if (held != dying.end() && (!is_over || !held->second.is_dead())) stray.fate = Fate::dying;
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
  const auto is_stray = [&](pid_t pid, const Processes& processes) {
    const std::optional<pid_t> top = top_ancestor(pid, processes);
    if (!top) return false;
    if (*top != pid && read_mark(*top).guid == "") return false;
    const Mark mark = read_mark(pid);
    if (is_of(mark, ended)) return true;
    const bool is_kept = mark.guid == "";
    if (is_kept || is_of_any(mark, running)) return false;
    return running.empty() && !Process::is_own_child(*top);
  };
  return kill_all(is_stray, [](const Processes& processes, int found_none) {
    return !has_children() || (found_none >= kLooksForNothing && is_child_left(processes));
  });
}

namespace {

// Whether it is below this process, which has no other attempt.
bool is_left_by(const AttemptToken& attempt, pid_t pid, const Processes& processes) {
  const std::optional<pid_t> top = top_ancestor(pid, processes);
  if (!top || read_mark(*top).guid == "") return false;
  const Mark mark = read_mark(pid);
  return !mark.guid || is_of(mark, attempt);
}

}  // namespace

std::vector<UniqueFd> term_strays(const AttemptToken& of, const Cgroup* cgroup, pid_t group) {
  const std::vector<pid_t> members = cgroup == nullptr ? std::vector<pid_t>() : cgroup->processes();
  const Processes processes = all_processes();
  std::vector<UniqueFd> told;
  for (const auto& [pid, stat] : processes) {
    if (pid == ::getpid() || stat.state == 'Z' || stat.state == 'X') continue;
    Held held(pid);
    if (!held.valid() || ::getpgid(pid) == group) continue;
    const bool is_member = std::binary_search(members.begin(), members.end(), pid);
    const bool is_stray = is_member ? !is_kept(pid, members) : is_left_by(of, pid, processes);
    if (!is_stray) continue;
    held.term();
    told.push_back(held.take());
  }
  return told;
}

std::vector<Stray> kill_marked(const std::set<AttemptToken>& attempts, const std::string& dir) {
  if (attempts.empty()) return {};
  const auto is_stray = [&](pid_t pid, const Processes&) {
    const Mark mark = read_mark(pid);
    const bool is_elsewhere = !mark.log_path.empty() && !mark.log_path.starts_with(dir + "/");
    return !is_elsewhere && is_of_any(mark, attempts);
  };
  return kill_all(is_stray,
                  [](const Processes&, int found_none) { return found_none >= kLooksForNothing; });
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
