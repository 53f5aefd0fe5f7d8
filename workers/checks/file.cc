#include "workers/checks/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <ctime>

#include "core/duration_text.h"
#include "io/file.h"

namespace muster {
namespace {

constexpr size_t kChunkBytes = 64 << 10;

// Why something is not as it should be, or nothing.
using Fault = std::optional<std::string>;

Fault fault_of_errno() { return errno_text(errno); }

// Writes and removes a file in `dir`. O_TMPFILE leaves nothing behind even when we are killed; not
// every file system has it.
Fault check_dir_writable(const std::string& dir) {
  UniqueFd fd(::open(dir.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600));
  if (!fd.valid()) {
    std::string name = dir + "/.muster-check-XXXXXX";
    fd = UniqueFd(::mkostemp(name.data(), O_CLOEXEC));
    if (!fd.valid()) return "cannot make a file in it: " + errno_text(errno);
    ::unlink(name.c_str());
  }
  if (::write(fd.get(), "x", 1) != 1) return "cannot write in it: " + errno_text(errno);
  return std::nullopt;
}

// Opens neither a device nor a FIFO: that may do something.
Fault check_writable(const std::string& path, const struct stat& info) {
  if (S_ISDIR(info.st_mode)) return check_dir_writable(path);
  if (S_ISREG(info.st_mode)) {
    const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    return fd.valid() ? std::nullopt : Fault("cannot be written: " + errno_text(errno));
  }
  if (::faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) == 0) return std::nullopt;
  return "cannot be written: " + errno_text(errno);
}

// Looks for `text` in chunks that overlap by its length.
Fault check_contains(const std::string& path, const std::string& text) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd.valid()) return fault_of_errno();
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return fault_of_errno();
  if (!S_ISREG(info.st_mode)) return "is not a regular file, so it cannot be searched";
  std::string window;
  for (;;) {
    const size_t kept = std::min(window.size(), text.size() - 1);
    window.erase(0, window.size() - kept);
    window.resize(kept + kChunkBytes);
    const ssize_t size = ::read(fd.get(), window.data() + kept, kChunkBytes);
    if (size < 0 && errno != EINTR) return fault_of_errno();
    if (size == 0) return "does not contain \"" + text + "\"";
    window.resize(kept + static_cast<size_t>(std::max<ssize_t>(size, 0)));
    if (window.find(text) != std::string::npos) return std::nullopt;
  }
}

Fault check_age(const struct stat& info, Duration age_max) {
  const Duration age = std::chrono::seconds(std::time(nullptr) - info.st_mtim.tv_sec);
  if (age <= age_max) return std::nullopt;
  return "was last changed " + format_duration(age) + " ago, at most " + format_duration(age_max) +
         " is allowed";
}

Fault find_fault(const FileCheck& check) {
  struct stat info {};
  const bool exists = ::stat(check.path.c_str(), &info) == 0;
  if (!exists && errno != ENOENT && errno != ENOTDIR) return fault_of_errno();
  if (!check.exists) return exists ? Fault("is there, but must not be") : std::nullopt;
  if (!exists) return fault_of_errno();
  if (check.writable) {
    if (Fault fault = check_writable(check.path, info)) return fault;
  }
  if (!check.contains.empty()) {
    if (Fault fault = check_contains(check.path, check.contains)) return fault;
  }
  return check.age_max > Duration::zero() ? check_age(info, check.age_max) : std::nullopt;
}

}  // namespace

std::vector<std::string> file_arguments(const FileCheck& check) {
  return {"file",
          check.path,
          check.exists ? "1" : "0",
          check.writable ? "1" : "0",
          check.contains,
          std::to_string(check.age_max.count())};
}

std::optional<FileCheck> parse_file_arguments(CheckArguments arguments) {
  if (arguments.size() != 5) return std::nullopt;
  const std::optional<uint64_t> age = parse_argument(arguments[4]);
  if (!age || *age > static_cast<uint64_t>(Duration::max().count())) return std::nullopt;
  return FileCheck{arguments[0], arguments[1] == "1", arguments[2] == "1", arguments[3],
                   Duration(static_cast<int64_t>(*age))};
}

CheckVerdict run_file_check(const FileCheck& check) {
  if (const Fault fault = find_fault(check)) return {false, check.path + ": " + *fault};
  return {true, check.path + (check.exists ? ": is as it should be" : ": is not there")};
}

}  // namespace muster
