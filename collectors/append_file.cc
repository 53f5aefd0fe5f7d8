#include "collectors/append_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "io/file.h"

namespace muster {
namespace {

Error failed(const char* what, const std::string& path) {
  return Error{"cannot " + std::string(what) + " " + path + ": " + errno_text(errno)};
}

Result<UniqueFd> open_for_writing(const std::string& dir, const std::string& path) {
  constexpr int kFlags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW;
  UniqueFd fd(::open(path.c_str(), kFlags, 0644));
  if (!fd.valid() && errno == ENOENT) {
    if (::mkdir(dir.c_str(), 0755) != 0 && errno != EEXIST) return failed("make", dir);
    fd = UniqueFd(::open(path.c_str(), kFlags, 0644));
  }
  if (!fd.valid()) return failed("open", path);
  return fd;
}

Result<UniqueFd> open_dir(const std::string& dir) {
  UniqueFd fd(::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return failed("open", dir);
  return fd;
}

}  // namespace

Result<uint64_t> append_at(const std::string& dir, const std::string& name, uint64_t length,
                           std::string_view text, bool sync) {
  const std::string path = dir + "/" + name;
  const Result<UniqueFd> opened = open_for_writing(dir, path);
  if (!opened.ok()) return Error{opened.error()};
  const int fd = opened->get();
  struct stat status;
  if (::fstat(fd, &status) != 0) return failed("look at", path);
  const uint64_t start = std::min(length, static_cast<uint64_t>(status.st_size));
  const off_t offset = static_cast<off_t>(start);
  if (status.st_size > offset && ::ftruncate(fd, offset) != 0) return failed("cut", path);
  if (::lseek(fd, offset, SEEK_SET) < 0) return failed("seek in", path);
  if (Result<Done> done = write_all(fd, text); !done.ok())
    return Error{"cannot write " + path + ": " + done.error()};
  if (sync) {
    if (::fdatasync(fd) != 0) return failed("sync", path);
    if (length == 0) {
      if (Result<Done> done = sync_dir(dir); !done.ok()) return Error{done.error()};
    }
  }
  return start + text.size();
}

Result<Done> sync_dir(const std::string& dir) {
  const Result<UniqueFd> opened = open_dir(dir);
  if (!opened.ok()) return Error{opened.error()};
  if (::fsync(opened->get()) != 0) return failed("sync", dir);
  return Done{};
}

Result<Done> sync_file_system(const std::string& dir) {
  const Result<UniqueFd> opened = open_dir(dir);
  if (!opened.ok()) return Error{opened.error()};
  if (::syncfs(opened->get()) != 0) return failed("sync", dir);
  return Done{};
}

}  // namespace muster
