// A disk that is low or full whenever a test says so, without a file system of its own. Loaded into
// a daemon with LD_PRELOAD; the file $MUSTER_TEST_DISK says what the disk is like:
//   (absent)    as it is
//   "low"       nearly nothing is free
//   "full"      and nothing can be written
//   "readonly"  nothing can be written, for another reason
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace {

template <typename Function>
Function next(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

// What $MUSTER_TEST_DISK says, in `text`.
std::string_view disk_is(char (&text)[8]) {
  const char* path = std::getenv("MUSTER_TEST_DISK");
  const int fd = path == nullptr ? -1 : open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return "";
  const ssize_t size = read(fd, text, sizeof text);
  close(fd);
  return {text, size < 0 ? 0 : static_cast<size_t>(size)};
}

// What standard error was when the daemon began.
struct stat console() {
  struct stat info {};
  fstat(STDERR_FILENO, &info);
  return info;
}
const struct stat kConsole = console();

// The console is not on that disk: what the daemon says about it should be heard.
bool refuses(int fd) {
  char text[8];
  struct stat info {};
  if (fd <= STDERR_FILENO || fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) return false;
  if (info.st_dev == kConsole.st_dev && info.st_ino == kConsole.st_ino) return false;
  const std::string_view disk = disk_is(text);
  if (disk != "full" && disk != "readonly") return false;
  errno = disk == "full" ? ENOSPC : EROFS;
  return true;
}

int limit_free(int result, unsigned long& available) {
  char text[8];
  const std::string_view disk = disk_is(text);
  if (result == 0 && (disk == "low" || disk == "full")) available = 0;
  return result;
}

}  // namespace

extern "C" {

ssize_t write(int fd, const void* bytes, size_t size) {
  static const auto real = next<ssize_t (*)(int, const void*, size_t)>("write");
  return refuses(fd) ? -1 : real(fd, bytes, size);
}

ssize_t pwrite64(int fd, const void* bytes, size_t size, off64_t at) {
  static const auto real = next<ssize_t (*)(int, const void*, size_t, off64_t)>("pwrite64");
  return refuses(fd) ? -1 : real(fd, bytes, size, at);
}

ssize_t pwrite(int fd, const void* bytes, size_t size, off_t at) {
  return pwrite64(fd, bytes, size, at);
}

int posix_fallocate(int fd, off_t at, off_t size) {
  static const auto real = next<int (*)(int, off_t, off_t)>("posix_fallocate");
  return refuses(fd) ? errno : real(fd, at, size);
}

int statvfs(const char* path, struct statvfs* info) {
  static const auto real = next<int (*)(const char*, struct statvfs*)>("statvfs");
  return limit_free(real(path, info), info->f_bavail);
}

int fstatvfs(int fd, struct statvfs* info) {
  static const auto real = next<int (*)(int, struct statvfs*)>("fstatvfs");
  return limit_free(real(fd, info), info->f_bavail);
}

}  // extern "C"
