#include "workers/git_mirrors.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <optional>
#include <system_error>

#include "io/file.h"

namespace muster {

namespace {

namespace fs = std::filesystem;

// Nothing: nobody can say.
std::optional<Instant> last_use(const UniqueFd& lock) {
  struct stat info {};
  if (::fstat(lock.get(), &info) != 0) return std::nullopt;
  return Instant(std::chrono::duration_cast<Duration>(
      std::chrono::seconds(info.st_mtim.tv_sec) + std::chrono::nanoseconds(info.st_mtim.tv_nsec)));
}

}  // namespace

RemovedMirrors remove_idle_mirrors(const std::string& mirrors_dir, Duration keep, Instant now) {
  RemovedMirrors removed;
  std::vector<fs::path> mirrors;
  std::error_code error;
  for (fs::directory_iterator entry(mirrors_dir, error); entry != fs::directory_iterator();
       entry.increment(error)) {
    if (entry->path().extension() == ".git") mirrors.push_back(entry->path());
  }
  for (const fs::path& mirror : mirrors) {
    const std::string path = fs::path(mirror).replace_extension(".lock").string();
    const UniqueFd lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!lock.valid()) {
      removed.problems.push_back("cannot open " + path + ": " + errno_text(errno));
      continue;
    }
    if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) continue;
    const std::optional<Instant> used = last_use(lock);
    if (!used || now - *used < keep) continue;
    fs::remove_all(mirror, error);
    if (error) {
      removed.problems.push_back("cannot remove " + mirror.string() + ": " + error.message());
    } else {
      removed.paths.push_back(mirror.string());
    }
  }
  return removed;
}

}  // namespace muster
