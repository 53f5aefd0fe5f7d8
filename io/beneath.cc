#include "io/beneath.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <memory>
#include <optional>

namespace muster {
namespace {

// RESOLVE_BENEATH gives EAGAIN when something is renamed at that moment.
constexpr int kTriesMax = 16;

Error leads_out(const std::string& path) { return {"\"" + path + "\" leads out of the tree"}; }

Error cannot_open(const std::string& path, int error_number) {
  return {"cannot open \"" + path + "\": " + errno_text(error_number)};
}

int open_with_kernel(int dir, const std::string& path) {
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  long fd = -1;
  for (int tries = 0; tries < kTriesMax; ++tries) {
    fd = ::syscall(SYS_openat2, dir, path.c_str(), &how, sizeof how);
    if (fd >= 0 || errno != EAGAIN) break;
  }
  return static_cast<int>(fd);
}

std::optional<std::string> real_path(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr),
                                                         &std::free);
  if (real == nullptr) return std::nullopt;
  return std::string(real.get());
}

// True when the components of `path` climb above where they began, whatever they are.
bool climbs_out(const std::string& path) {
  int depth = 0;
  for (size_t start = 0; start <= path.size();) {
    const size_t end = std::min(path.find('/', start), path.size());
    const std::string component = path.substr(start, end - start);
    if (component == "..") --depth;
    if (!component.empty() && component != "." && component != "..") ++depth;
    if (depth < 0) return true;
    start = end + 1;
  }
  return false;
}

}  // namespace

Result<UniqueFd> open_beneath(const std::string& dir, const std::string& path) {
  const UniqueFd dir_fd(::open(dir.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!dir_fd.valid()) return Error{"cannot open directory " + dir + ": " + errno_text(errno)};
  const int fd = open_with_kernel(dir_fd.get(), path);
  if (fd >= 0) return UniqueFd(fd);
  // Old seccomp filters say EPERM to every call that they do not know.
  if (errno == ENOSYS || errno == EPERM) return open_beneath_by_components(dir, path);
  if (errno == EXDEV) return leads_out(path);
  return cannot_open(path, errno);
}

Result<UniqueFd> open_beneath_by_components(const std::string& dir, const std::string& path) {
  if (path.empty()) return cannot_open(path, ENOENT);
  if (path.front() == '/' || climbs_out(path)) return leads_out(path);
  const std::optional<std::string> root = real_path(dir);
  if (!root) return Error{"cannot open directory " + dir + ": " + errno_text(errno)};
  const std::optional<std::string> target = real_path(*root + "/" + path);
  if (!target) return cannot_open(path, errno);
  const bool inside = *target == *root || *root == "/" || target->starts_with(*root + "/");
  if (!inside) return leads_out(path);
  UniqueFd fd(::open(target->c_str(), O_PATH | O_CLOEXEC | O_NOFOLLOW));
  if (!fd.valid()) return cannot_open(path, errno);
  return fd;
}

}  // namespace muster
