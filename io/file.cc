#include "io/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <system_error>

namespace muster {

namespace {

constexpr int kMakeDirsTriesMax = 100;

Error file_error(std::string_view doing, const std::string& path, int error_number) {
  return Error{std::string(doing) + " " + path + ": " + errno_text(error_number)};
}

std::string parent_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// Makes a rename or a new entry in `dir` durable.
Result<Done> sync_dir(const std::string& dir) {
  const UniqueFd fd(::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid() || ::fsync(fd.get()) != 0) return file_error("cannot sync", dir, errno);
  return Done{};
}

mode_t mode_of(const std::string& path, mode_t otherwise) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 ? info.st_mode & 07777 : otherwise;
}

Result<Done> write_new_file(const std::string& path, std::string_view bytes, mode_t mode) {
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
  if (!fd.valid()) return file_error("cannot create", path, errno);
  if (::fchmod(fd.get(), mode) != 0) return file_error("cannot set the mode of", path, errno);
  const Result<Done> written = write_all(fd.get(), bytes);
  if (!written) return Error{"cannot write " + path + ": " + written.error()};
  if (::fsync(fd.get()) != 0) return file_error("cannot sync", path, errno);
  return Done{};
}

pid_t read_pid(int fd) {
  char text[32];
  const ssize_t size = ::pread(fd, text, sizeof text, 0);
  pid_t pid = 0;
  if (size > 0) std::from_chars(text, text + size, pid);
  return pid;
}

// Somebody who only asks who the holder is takes the lock for a moment, and a new holder needs one
// to write its id: so a lock that is taken is tried again for a tenth of a second.
bool lock_patiently(int fd) {
  constexpr int kTries = 20;
  for (int i = 0; i < kTries; ++i) {
    if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return true;
    if (errno != EWOULDBLOCK && errno != EINTR) return false;
    const timespec pause{0, 5'000'000};
    ::nanosleep(&pause, nullptr);
  }
  errno = EWOULDBLOCK;
  return false;
}

}  // namespace

std::string errno_text(int error_number) { return std::generic_category().message(error_number); }

UniqueFd& UniqueFd::operator=(UniqueFd&& other) noexcept {
  if (this != &other) {
    reset();
    fd_ = other.release();
  }
  return *this;
}

void UniqueFd::reset() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Result<std::string> own_program_dir() {
  std::array<char, 4096> path{};
  const ssize_t size = ::readlink("/proc/self/exe", path.data(), path.size() - 1);
  if (size <= 0) return Error{"cannot tell where this program lies: " + errno_text(errno)};
  const std::string whole(path.data(), static_cast<size_t>(size));
  return whole.substr(0, whole.rfind('/'));
}

Result<std::string> read_file(const std::string& path, size_t bytes_max) {
  // O_NONBLOCK: a FIFO must not make us wait for a writer.
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid()) return file_error("cannot read", path, errno);
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return file_error("cannot read", path, errno);
  if (!S_ISREG(info.st_mode)) return Error{"cannot read " + path + ": it is not a regular file"};

  std::string bytes;
  char chunk[64 << 10];
  for (;;) {
    const ssize_t size = ::read(fd.get(), chunk, sizeof chunk);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return file_error("cannot read", path, errno);
    if (size == 0) return bytes;
    bytes.append(chunk, static_cast<size_t>(size));
    if (bytes.size() > bytes_max) {
      return Error{"cannot read " + path + ": it is larger than the limit of " +
                   std::to_string(bytes_max) + " bytes"};
    }
  }
}

Result<Done> write_file_atomically(const std::string& path, std::string_view bytes) {
  const std::string temporary = path + ".tmp" + std::to_string(::getpid());
  Result<Done> written = write_new_file(temporary, bytes, mode_of(path, 0600));
  if (written && ::rename(temporary.c_str(), path.c_str()) != 0) {
    written = file_error("cannot replace", path, errno);
  }
  if (!written) {
    ::unlink(temporary.c_str());
    return written;
  }
  return sync_dir(parent_of(path));
}

namespace {

// 0, or errno of the folder `failed` that cannot be made.
int make_each_dir(const std::string& path, std::string& failed) {
  for (size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    failed = path.substr(0, end);
    if (::mkdir(failed.c_str(), 0700) != 0 && errno != EEXIST) {
      const int error_number = errno;
      struct stat info {};
      if (::stat(failed.c_str(), &info) != 0) return error_number;
    }
    if (end == std::string::npos) return 0;
  }
}

}  // namespace

Result<Done> make_dirs(const std::string& path) {
  if (path.empty()) return Error{"cannot make a directory: its path is empty"};
  std::string failed;
  int error_number = ENOENT;
  // Somebody may be removing what is empty on the way.
  for (int tries = 0; error_number == ENOENT && tries < kMakeDirsTriesMax; ++tries) {
    error_number = make_each_dir(path, failed);
  }
  if (error_number != 0) {
    return Error{"cannot make the directory " + failed + ": " + errno_text(error_number) +
                 "; make it by hand or choose another place"};
  }
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return file_error("cannot use", path, errno);
  if (!S_ISDIR(info.st_mode)) {
    return Error{"cannot use " + path + " as a directory: a file of that name is in the way"};
  }
  return Done{};
}

Result<uint64_t> free_bytes(const std::string& path) {
  struct statvfs info {};
  if (::statvfs(path.c_str(), &info) != 0) {
    return file_error("cannot ask for the free space of", path, errno);
  }
  return static_cast<uint64_t>(info.f_bavail) * info.f_frsize;
}

Result<Done> write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t size = ::write(fd, bytes.data(), bytes.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return Error{errno_text(errno)};
    bytes.remove_prefix(static_cast<size_t>(size));
  }
  return Done{};
}

void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

Result<PidFile> PidFile::acquire(const std::string& path, std::string_view who) {
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd.valid()) return file_error("cannot open the lock file", path, errno);
  if (!lock_patiently(fd.get())) {
    if (errno != EWOULDBLOCK) return file_error("cannot lock", path, errno);
    return Error{std::string(who) + " is already running (pid " +
                 std::to_string(read_pid(fd.get())) + ", lock file " + path + ")"};
  }
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(fd.get(), 0) != 0 ||
      ::pwrite(fd.get(), pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
    return file_error("cannot write the lock file", path, errno);
  }
  return PidFile(std::move(fd));
}

std::optional<pid_t> PidFile::holder(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid() || ::flock(fd.get(), LOCK_SH | LOCK_NB) == 0) return std::nullopt;
  if (errno != EWOULDBLOCK) return std::nullopt;
  const pid_t pid = read_pid(fd.get());
  return pid > 0 ? std::optional<pid_t>(pid) : std::nullopt;
}

PidFile& PidFile::operator=(PidFile&& other) noexcept {
  if (this != &other) {
    release();
    fd_ = std::move(other.fd_);
  }
  return *this;
}

void PidFile::release() {
  if (!fd_.valid()) return;
  // A file that cannot be emptied is no harm: the lock, not the number, says who runs.
  [[maybe_unused]] const int rc = ::ftruncate(fd_.get(), 0);
  fd_.reset();
}

void hide_memory() { ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); }

Result<std::string> read_secret(const std::string& path, size_t bytes_max) {
  hide_memory();
  Result<std::string> secret = read_file(path, bytes_max + 2);
  if (!secret) return secret;
  while (!secret->empty() && (secret->back() == '\n' || secret->back() == '\r')) {
    secret->pop_back();
  }
  return secret;
}

}  // namespace muster
