#include "workers/job_artifacts.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "core/glob.h"
#include "core/guid.h"
#include "core/limits.h"
#include "io/file.h"
#include "io/sha256.h"
#include "workers/job_files.h"

namespace muster {

namespace {

constexpr size_t kProblemsMax = 20;
constexpr size_t kDepthMax = 64;

struct CloseDir {
  void operator()(DIR* dir) const { ::closedir(dir); }
};

class Collector {
 public:
  Collector(const std::vector<std::string>& patterns, const std::string& into, Collected& out)
      : patterns_(patterns.begin(), patterns.end()), into_(into), out_(out) {}

  void walk(UniqueFd dir_fd, const std::string& prefix, size_t depth) {
    const std::unique_ptr<DIR, CloseDir> dir(::fdopendir(dir_fd.get()));
    if (!dir) return complain(prefix, errno_text(errno));
    const int fd = dir_fd.release();  // closedir closes it
    std::vector<std::string> names;
    while (const dirent* entry = ::readdir(dir.get())) {
      const std::string name = entry->d_name;
      if (name != "." && name != "..") names.push_back(name);
    }
    std::sort(names.begin(), names.end());
    for (const std::string& name : names) {
      if (++seen_ > kArtifactWalkMax || out_.files.size() >= kArtifactsMax) return;
      visit(fd, name, prefix + name, depth);
    }
  }
  // Problems that are only counted.
  size_t unsaid() const { return complaints_ - std::min(complaints_, kProblemsMax); }
  bool is_full() const { return seen_ > kArtifactWalkMax || out_.files.size() >= kArtifactsMax; }

 private:
  bool is_wanted(const std::string& path) const {
    return std::any_of(patterns_.begin(), patterns_.end(),
                       [&](const Glob& pattern) { return pattern.matches(path); });
  }

  void complain(const std::string& path, const std::string& why) {
    if (++complaints_ <= kProblemsMax) {
      out_.problems.push_back(quote_text(path) + " is not collected: " + why);
    }
  }

  void visit(int dir_fd, const std::string& name, const std::string& path, size_t depth) {
    struct stat info {};
    if (::fstatat(dir_fd, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return;
    if (S_ISDIR(info.st_mode)) {
      if (depth >= kDepthMax) return complain(path, "it lies too deep");
      UniqueFd below(
          ::openat(dir_fd, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
      if (!below.valid()) return complain(path, errno_text(errno));
      return walk(std::move(below), path + "/", depth + 1);
    }
    if (!is_wanted(path)) return;
    if (S_ISLNK(info.st_mode)) return complain(path, "symbolic links are not followed");
    if (!S_ISREG(info.st_mode)) return complain(path, "it is no regular file");
    if (const auto reason = invalid_artifact(path)) return complain(path, *reason);
    // What was looked at is what is taken: by its descriptor.
    const UniqueFd file(
        ::openat(dir_fd, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!file.valid() || ::fstat(file.get(), &info) != 0) return complain(path, errno_text(errno));
    if (!S_ISREG(info.st_mode)) return complain(path, "it is no regular file");
    take(file.get(), path, static_cast<uint64_t>(info.st_size));
  }

  void take(int file_fd, const std::string& path, uint64_t bytes) {
    const std::string target = into_ + "/" + path;
    if (const Result<Done> made = make_dirs(target.substr(0, target.rfind('/'))); !made.ok()) {
      return complain(path, made.error());
    }
    const std::string source = "/proc/self/fd/" + std::to_string(file_fd);
    if (::linkat(AT_FDCWD, source.c_str(), AT_FDCWD, target.c_str(), AT_SYMLINK_FOLLOW) != 0) {
      if (errno == EEXIST) return complain(path, "the job has pushed a file of that name");
      if (const Result<Done> copied = copy(file_fd, target); !copied.ok()) {
        ::unlink(target.c_str());
        return complain(path, copied.error());
      }
    }
    out_.files.push_back({path, bytes, digest(file_fd, bytes)});
  }

  // Of what is cheap to read: a large file is read by the uploader anyway.
  std::string digest(int file_fd, uint64_t bytes) {
    if (bytes > kArtifactHashedBytesMax || hashed_ + bytes > kArtifactsHashedBytesMax) return {};
    hashed_ += bytes;
    Sha256 sha256;
    std::string chunk(256 << 10, '\0');
    for (off_t at = 0;;) {
      const ssize_t size = ::pread(file_fd, chunk.data(), chunk.size(), at);
      if (size < 0 && errno == EINTR) continue;
      if (size <= 0) return size == 0 && sha256.bytes() == bytes ? sha256.hex() : std::string();
      sha256.update(std::string_view(chunk.data(), static_cast<size_t>(size)));
      if (sha256.bytes() > bytes) return {};  // it is still being written
      at += size;
    }
  }

  static Result<Done> copy(int from, const std::string& target) {
    const UniqueFd into(
        ::open(target.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!into.valid()) return Error{errno_text(errno)};
    for (;;) {
      const ssize_t copied = ::copy_file_range(from, nullptr, into.get(), nullptr, 1 << 30, 0);
      if (copied == 0) return Done{};
      if (copied < 0) break;
    }
    // Between file systems that cannot: by hand, from where that left off.
    std::string chunk(256 << 10, '\0');
    for (;;) {
      const ssize_t size = ::read(from, chunk.data(), chunk.size());
      if (size == 0) return Done{};
      if (size < 0 && errno == EINTR) continue;
      if (size < 0) return Error{errno_text(errno)};
      const std::string_view bytes(chunk.data(), static_cast<size_t>(size));
      if (Result<Done> written = write_all(into.get(), bytes); !written.ok()) return written;
    }
  }

  const std::vector<Glob> patterns_;
  const std::string& into_;
  Collected& out_;
  size_t seen_ = 0;
  size_t complaints_ = 0;
  uint64_t hashed_ = 0;
};

}  // namespace

Collected collect_artifacts(const std::string& from, const std::vector<std::string>& patterns,
                            const std::string& into) {
  Collected collected;
  if (patterns.empty()) return collected;
  UniqueFd dir(::open(from.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!dir.valid()) {
    collected.problems.push_back("artifacts are not collected: " + from + ": " + errno_text(errno));
    return collected;
  }
  Collector collector(patterns, into, collected);
  collector.walk(std::move(dir), "", 0);
  if (collector.unsaid() > 0) {
    collected.problems.push_back(std::to_string(collector.unsaid()) +
                                 " more files are not collected");
  }
  if (collector.is_full()) {
    collected.problems.push_back("not all artifacts are collected: there are more than " +
                                 std::to_string(kArtifactsMax) + ", or " +
                                 std::to_string(kArtifactWalkMax) + " files to look at");
  }
  return collected;
}

}  // namespace muster
