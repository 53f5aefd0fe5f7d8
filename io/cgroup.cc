#include "io/cgroup.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <sstream>
#include <utility>

#include "io/clock.h"

namespace muster {

namespace {

// Of a kernel's table that is read whole.
constexpr size_t kTableBytesMax = 16 << 20;
// Of groups below ours: whoever made more of them deserves to be looked for by other means.
constexpr int kDepthMax = 32;

// mountinfo writes blanks, tabs, line ends and backslashes as \OOO.
std::string unescape(std::string_view text) {
  std::string plain;
  const auto is_octal = [](char c) { return c >= '0' && c <= '7'; };
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && is_octal(text[i + 1]) && is_octal(text[i + 2]) &&
        is_octal(text[i + 3])) {
      plain += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                                 (text[i + 3] - '0'));
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

// The line of the one tree that has no controllers in its name: `0::/path`.
std::optional<std::string> unified_path(std::string_view cgroup) {
  std::istringstream lines{std::string(cgroup)};
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("0::/")) return line.substr(3);
  }
  return std::nullopt;
}

// `path` as it is seen below a mount of the subtree `root`: empty for the subtree itself, "/a/b"
// for what is below.
std::optional<std::string> below_root(const std::string& path, const std::string& root) {
  if (root == "/") return path == "/" ? "" : path;
  if (path == root) return "";
  if (!path.starts_with(root + "/")) return std::nullopt;
  return path.substr(root.size());
}

}  // namespace

Result<std::string> find_cgroup_dir(std::string_view cgroup, std::string_view mountinfo) {
  const std::optional<std::string> path = unified_path(cgroup);
  if (!path) return Error{"this kernel has no cgroup v2"};
  // The process is outside of what its cgroup namespace shows, or its group was removed.
  if (path->starts_with("/..") || path->ends_with(" (deleted)")) {
    return Error{"its cgroup " + *path + " cannot be seen from here"};
  }
  // ID PARENT MAJOR:MINOR ROOT MOUNT_POINT OPTIONS [TAG...] - TYPE SOURCE OPTIONS
  std::istringstream lines{std::string(mountinfo)};
  for (std::string line; std::getline(lines, line);) {
    if (line.find(" - cgroup2 ") == std::string::npos) continue;
    std::istringstream words(line);
    std::string id, parent, device, root, mount_point;
    if (!(words >> id >> parent >> device >> root >> mount_point)) continue;
    if (const std::optional<std::string> below = below_root(*path, unescape(root))) {
      return unescape(mount_point) + *below;
    }
  }
  return Error{"its cgroup " + *path + " is not mounted"};
}

Result<std::string> find_own_cgroup_dir() {
  const Result<std::string> cgroup = read_file("/proc/self/cgroup", kTableBytesMax);
  if (!cgroup.ok()) return cgroup;
  const Result<std::string> mountinfo = read_file("/proc/self/mountinfo", kTableBytesMax);
  if (!mountinfo.ok()) return mountinfo;
  Result<std::string> dir = find_cgroup_dir(*cgroup, *mountinfo);
  if (!dir.ok()) return dir;
  // To move a process from one group to another is to write to what is above both.
  for (const std::string& path : {*dir, *dir + "/cgroup.procs"}) {
    if (::access(path.c_str(), W_OK) != 0) {
      return Error{path + " may not be written: " + errno_text(errno)};
    }
  }
  return dir;
}

Result<Cgroup> Cgroup::make(const std::string& dir) {
  const bool made = ::mkdir(dir.c_str(), 0755) == 0;
  if (!made && errno != EEXIST) {
    return Error{"cannot make the cgroup " + dir + ": " + errno_text(errno)};
  }
  Result<Cgroup> cgroup = open(dir);
  if (!cgroup.ok() && made) ::rmdir(dir.c_str());
  return cgroup;
}

Result<Cgroup> Cgroup::open(const std::string& dir) {
  UniqueFd fd(::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return Error{"cannot open the cgroup " + dir + ": " + errno_text(errno)};
  if (::faccessat(fd.get(), "cgroup.procs", F_OK, 0) != 0) return Error{dir + " is no cgroup"};
  return Cgroup(dir, std::move(fd));
}

namespace {

// What a file of a few lines says, and nothing where it is not there.
std::string read_small(int dir_fd, const char* name) {
  const UniqueFd fd(::openat(dir_fd, name, O_RDONLY | O_CLOEXEC));
  char bytes[4096];
  const ssize_t size = fd.valid() ? ::read(fd.get(), bytes, sizeof bytes) : -1;
  return size > 0 ? std::string(bytes, static_cast<size_t>(size)) : std::string();
}

bool write_word(int dir_fd, const char* name, const std::string& word) {
  const UniqueFd fd(::openat(dir_fd, name, O_WRONLY | O_CLOEXEC));
  return fd.valid() && ::write(fd.get(), word.data(), word.size()) >= 0;
}

// `dir` and every group below it, the deepest first.
void list_groups(const std::string& dir, int depth, std::vector<std::string>& groups) {
  std::error_code failed;
  if (depth < kDepthMax) {
    for (const auto& entry : std::filesystem::directory_iterator(dir, failed)) {
      std::error_code gone;
      if (!entry.is_symlink(gone) && entry.is_directory(gone)) {
        list_groups(entry.path().string(), depth + 1, groups);
      }
    }
  }
  groups.push_back(dir);
}

}  // namespace

bool Cgroup::is_populated() const {
  const std::string events = read_small(fd_.get(), "cgroup.events");
  if (events.find("populated 1") != std::string::npos) return true;
  if (events.find("populated 0") != std::string::npos) return false;
  return !processes().empty();
}

std::vector<pid_t> Cgroup::processes() const {
  std::vector<std::string> groups;
  list_groups(dir_, 0, groups);
  std::vector<pid_t> found;
  for (const std::string& group : groups) {
    const Result<std::string> text = read_file(group + "/cgroup.procs", kTableBytesMax);
    if (!text.ok()) continue;  // it has gone meanwhile
    std::istringstream pids(*text);
    // 0: in a pid namespace that we do not see into.
    for (pid_t pid = 0; pids >> pid;) {
      if (pid > 0) found.push_back(pid);
    }
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

void Cgroup::release(pid_t pid) const {
  write_word(fd_.get(), "../cgroup.procs", std::to_string(pid));
}

void Cgroup::kill() const {
  if (write_word(fd_.get(), "cgroup.kill", "1")) return;
  for (const pid_t pid : processes()) ::kill(pid, SIGKILL);
}

bool Cgroup::await_empty(Duration patience) const {
  // The kernel says by POLLPRI that the file has changed since it was read.
  const UniqueFd events(::openat(fd_.get(), "cgroup.events", O_RDONLY | O_CLOEXEC));
  const int64_t deadline_us = boot_us() + patience.count();
  for (;;) {
    char bytes[256];
    if (events.valid()) [[maybe_unused]]
      const ssize_t seen = ::pread(events.get(), bytes, sizeof bytes, 0);
    if (!is_populated()) return true;
    const int64_t left_us = deadline_us - boot_us();
    if (left_us <= 0) return false;
    pollfd changed{events.get(), POLLPRI, 0};
    ::poll(&changed, 1, static_cast<int>(left_us / 1000 + 1));
  }
}

Result<Done> Cgroup::remove() const {
  if (::rmdir(dir_.c_str()) == 0 || errno == ENOENT) return Done{};
  std::vector<std::string> groups;
  list_groups(dir_, 0, groups);
  for (const std::string& group : groups) {
    if (::rmdir(group.c_str()) != 0 && errno != ENOENT) {
      return Error{"cannot remove the cgroup " + group + ": " + errno_text(errno)};
    }
  }
  return Done{};
}

}  // namespace muster
