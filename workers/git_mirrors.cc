#include "workers/git_mirrors.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <set>
#include <string_view>
#include <system_error>

#include "io/file.h"

namespace muster {

namespace {

namespace fs = std::filesystem;

constexpr size_t kPackedRefsMax = 64 << 20;

// Nothing: nobody can say.
std::optional<Instant> last_use(const UniqueFd& touched) {
  struct stat info {};
  if (::fstat(touched.get(), &info) != 0) return std::nullopt;
  return Instant(std::chrono::duration_cast<Duration>(
      std::chrono::seconds(info.st_mtim.tv_sec) + std::chrono::nanoseconds(info.st_mtim.tv_nsec)));
}

// Names below refs/muster, as git keeps them: a file each, or together in one.
std::set<std::string> kept_refs(const std::string& mirror) {
  std::set<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(mirror + "/refs/muster", error);
       entry != fs::directory_iterator(); entry.increment(error)) {
    names.insert(entry->path().filename().string());
  }
  const Result<std::string> read = read_file(mirror + "/packed-refs", kPackedRefsMax);
  const std::string text = read.ok() ? *read : "";  // most mirrors have none
  constexpr std::string_view kPrefix = " refs/muster/";
  for (size_t at = text.find(kPrefix); at != std::string::npos; at = text.find(kPrefix, at)) {
    at += kPrefix.size();
    names.insert(text.substr(at, std::min(text.find('\n', at), text.size()) - at));
  }
  return names;
}

}  // namespace

void touch_kept_ref(const std::string& mirror, const std::string& name) {
  if (!make_dirs(mirror + "/muster").ok()) return;
  const std::string path = mirror + "/muster/" + name;
  const UniqueFd mark(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  if (mark.valid()) ::futimens(mark.get(), nullptr);
}

std::vector<std::string> idle_kept_refs(const std::string& mirror, Duration keep, Instant now) {
  const std::set<std::string> names = kept_refs(mirror);
  std::vector<std::string> idle;
  for (const std::string& name : names) {
    const std::string path = mirror + "/muster/" + name;
    const UniqueFd mark(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    const std::optional<Instant> used = mark.valid() ? last_use(mark) : std::nullopt;
    if (!used) {
      touch_kept_ref(mirror, name);
    } else if (now - *used >= keep) {
      idle.push_back(name);
    }
  }
  // Of refs that are gone nothing stays.
  std::vector<fs::path> stale;
  std::error_code error;
  for (fs::directory_iterator entry(mirror + "/muster", error); entry != fs::directory_iterator();
       entry.increment(error)) {
    if (!names.contains(entry->path().filename().string())) stale.push_back(entry->path());
  }
  for (const fs::path& mark : stale) fs::remove(mark, error);
  return idle;
}

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
