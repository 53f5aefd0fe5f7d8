#include "io/rotating_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "core/limits.h"

namespace muster {
namespace {

uint64_t size_of(int fd) {
  struct stat info {};
  return ::fstat(fd, &info) == 0 ? static_cast<uint64_t>(info.st_size) : 0;
}

uint64_t size_of(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 ? static_cast<uint64_t>(info.st_size) : 0;
}

bool is_same_file(int fd, const std::string& path) {
  struct stat ours {};
  struct stat there {};
  return ::fstat(fd, &ours) == 0 && ::stat(path.c_str(), &there) == 0 &&
         ours.st_dev == there.st_dev && ours.st_ino == there.st_ino;
}

}  // namespace

Result<RotatingFile> RotatingFile::open(RotatingFileOptions options) {
  RotatingFile file(std::move(options));
  if (!file.reopen() && errno != ENOSPC && errno != EDQUOT) return Error{file.fault_};
  file.remove_surplus();
  file.aside_bytes_ = size_of(file.path_of(1));
  return file;
}

std::string RotatingFile::path_of(uint32_t age) const {
  return options_.stem + (age == 0 ? "" : "." + std::to_string(age)) + options_.suffix;
}

// Keeps errno.
bool RotatingFile::fail(const char* what) {
  const int why = errno;
  fault_ = std::string("cannot ") + what + " " + path() + ": " + errno_text(why);
  errno = why;
  return false;
}

bool RotatingFile::reopen() {
  UniqueFd fd(::open(path().c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!fd.valid()) return fail("write");
  fd_ = std::move(fd);
  return true;
}

void RotatingFile::remove_surplus() const {
  for (uint32_t age = options_.files; age < kLogFilesMax; ++age) ::unlink(path_of(age).c_str());
}

bool RotatingFile::set_aside() {
  // It was set aside before, and there was no room for a new one.
  if (!is_same_file(fd_.get(), path())) return reopen();
  for (uint32_t age = options_.files - 1; age > 0; --age) {
    if (::rename(path_of(age - 1).c_str(), path_of(age).c_str()) == 0) continue;
    if (errno != ENOENT) return fail("set aside");
  }
  aside_bytes_ = size_of(fd_.get());
  // Where only one is kept, it begins anew.
  if (options_.files == 1) return ::ftruncate(fd_.get(), 0) == 0 || fail("shorten");
  return reopen();
}

bool RotatingFile::append(std::string_view lines) {
  if (fd_.get() < 0 && !reopen()) return false;
  const uint64_t before = size_of(fd_.get());
  if (before > 0 && before + lines.size() > options_.bytes_max) {
    if (!set_aside()) return false;
    return append(lines);
  }
  if (const Result<Done> written = write_all(fd_.get(), lines); !written) {
    fault_ = path() + ": " + written.error();
    // Half a line would be taken for one; and nobody else writes here.
    (void)::ftruncate(fd_.get(), static_cast<off_t>(before));
    return false;
  }
  return true;
}

void RotatingFile::look() {
  if (fd_.get() < 0 || !is_same_file(fd_.get(), path())) {
    (void)reopen();
  } else if (size_of(fd_.get()) > options_.bytes_max) {
    (void)set_aside();
  }
  // One that was larger when it was set aside (the size was lowered since) is no such.
  const std::string aside = path_of(1);
  const uint64_t bytes = options_.files > 1 ? size_of(aside) : 0;
  if (bytes <= aside_bytes_ || bytes <= 2 * options_.bytes_max) return;
  (void)::truncate(aside.c_str(), 0);
  aside_bytes_ = 0;
}

}  // namespace muster
