#include "workers/job_artifacts.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <memory>

#include "core/duration_text.h"
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
constexpr const char* kIsThere = "the job has pushed a file of that name";

struct CloseDir {
  void operator()(DIR* dir) const { ::closedir(dir); }
};

class Collector {
 public:
  Collector(const ArtifactSearch& search, bool is_own, Collected& out)
      : search_(search),
        patterns_(search.patterns.begin(), search.patterns.end()),
        is_own_(is_own),
        out_(out) {}

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

  // Whether a pattern is this very path.
  bool is_named(const std::string& path) const {
    const auto is_it = [&](const std::string& name) { return name == path || name == path + "/"; };
    return std::any_of(search_.patterns.begin(), search_.patterns.end(), is_it);
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
      if (is_named(path)) {
        complain(path, "it is a directory; \"" + path + "/**\" is what lies in it");
      }
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
    take(file.get(), path, info);
  }

  void take(int file_fd, const std::string& path, const struct stat& info) {
    const auto bytes = static_cast<uint64_t>(info.st_size);
    if (bytes > search_.bytes_max - taken_) {
      return complain(path, "an attempt leaves " + format_size(search_.bytes_max) +
                                " at most, and its " + format_size(bytes) + " exceed that");
    }
    const std::string target = search_.into + "/" + path;
    if (const Result<Done> made = make_dirs(target.substr(0, target.rfind('/'))); !made.ok()) {
      return complain(path, made.error());
    }
    if (is_own_ && info.st_nlink == 1) {
      const std::string source = "/proc/self/fd/" + std::to_string(file_fd);
      if (::linkat(AT_FDCWD, source.c_str(), AT_FDCWD, target.c_str(), AT_SYMLINK_FOLLOW) == 0) {
        return keep(file_fd, path, bytes);
      }
      if (errno == EEXIST) return complain(path, kIsThere);
    }
    const UniqueFd copy(
        ::open(target.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!copy.valid()) return complain(path, errno == EEXIST ? kIsThere : errno_text(errno));
    const Result<uint64_t> copied = fill(copy.get(), file_fd, bytes);
    if (copied.ok()) return keep(copy.get(), path, *copied);
    ::unlink(target.c_str());
    complain(path, copied.error());
  }

  void keep(int fd, const std::string& path, uint64_t bytes) {
    taken_ += bytes;
    out_.files.push_back({path, bytes, digest(fd, bytes)});
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

  // The first `bytes` of `from`, which somebody may still be writing. How many there were.
  Result<uint64_t> fill(int into, int from, uint64_t bytes) const {
    if (::ioctl(into, FICLONE, from) == 0) return cut(into, bytes);
    if (!has_room(bytes)) {
      return Error{"less than " + format_size(search_.disk->reserve()) +
                   " would be left on the worker's disk (worker.disk_reserve)"};
    }
    uint64_t done = 0;
    while (done < bytes) {
      const ssize_t copied = ::copy_file_range(from, nullptr, into, nullptr, bytes - done, 0);
      if (copied == 0) return done;
      if (copied < 0) break;
      done += static_cast<uint64_t>(copied);
    }
    // Between file systems that cannot: by hand, from where that left off.
    std::string chunk(256 << 10, '\0');
    while (done < bytes) {
      const ssize_t size = ::read(from, chunk.data(), std::min(chunk.size(), bytes - done));
      if (size < 0 && errno == EINTR) continue;
      if (size < 0) return Error{errno_text(errno)};
      if (size == 0) break;
      const std::string_view read(chunk.data(), static_cast<size_t>(size));
      if (const Result<Done> written = write_all(into, read); !written.ok()) {
        return Error{written.error()};
      }
      done += read.size();
    }
    return done;
  }

  static Result<uint64_t> cut(int fd, uint64_t bytes) {
    struct stat info {};
    if (::fstat(fd, &info) != 0) return Error{errno_text(errno)};
    if (static_cast<uint64_t>(info.st_size) <= bytes) return static_cast<uint64_t>(info.st_size);
    if (::ftruncate(fd, static_cast<off_t>(bytes)) != 0) return Error{errno_text(errno)};
    return bytes;
  }

  // For one copy, without a word to those who ask for less.
  bool has_room(uint64_t bytes) const {
    if (search_.disk == nullptr) return true;
    search_.disk->look();
    const uint64_t free = search_.disk->free();
    const uint64_t reserve = search_.disk->reserve();
    return !search_.disk->low() && free >= reserve && free - reserve >= bytes;
  }

  const ArtifactSearch& search_;
  const std::vector<Glob> patterns_;
  const bool is_own_;
  Collected& out_;
  size_t seen_ = 0;
  size_t complaints_ = 0;
  uint64_t taken_ = 0;  // bytes
  uint64_t hashed_ = 0;
};

// Where `fd` is, links resolved; empty when nobody can say.
std::string real_path(int fd) {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd), error).string();
}

// Whether the directory `dir_fd` lies in the directory `own` or is it.
bool is_below(const std::string& own, int dir_fd) {
  const UniqueFd own_fd(::open(own.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!own_fd.valid()) return false;
  const std::string above = real_path(own_fd.get());
  return !above.empty() && (real_path(dir_fd) + "/").starts_with(above + "/");
}

}  // namespace

std::string describe_problems(const Collected& collected) {
  if (collected.problems.empty()) return "";
  const size_t more = collected.problems.size() - 1;
  return "not all artifacts are kept: " + collected.problems[0] +
         (more == 0 ? "" : " (and " + std::to_string(more) + " more, see its log)");
}

Collected collect_artifacts(const ArtifactSearch& search) {
  Collected collected;
  if (search.patterns.empty()) return collected;
  UniqueFd dir(::open(search.from.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!dir.valid()) {
    collected.problems.push_back("artifacts are not collected: " + search.from + ": " +
                                 errno_text(errno));
    return collected;
  }
  Collector collector(search, is_below(search.own, dir.get()), collected);
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
