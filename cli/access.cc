#include "cli/access.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

namespace muster {
namespace {

constexpr std::string_view kIpc = "ipc://";

bool is_denied(const std::string& path, int mode) {
  return ::faccessat(AT_FDCWD, path.c_str(), mode, AT_EACCESS) != 0 && errno == EACCES;
}

std::string owner_of(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return "somebody else";
  const passwd* entry = ::getpwuid(info.st_uid);
  return entry != nullptr ? entry->pw_name : "user " + std::to_string(info.st_uid);
}

}  // namespace

std::optional<std::string> denied_access(const std::string& path, int mode) {
  if (!is_denied(path, mode)) return std::nullopt;
  // The first directory on the way that does not let us in, else the file itself.
  std::string culprit = path;
  for (size_t end = path.find('/', 1); end != std::string::npos; end = path.find('/', end + 1)) {
    const std::string dir = path.substr(0, end);
    if (!is_denied(dir, X_OK)) continue;
    culprit = dir;
    break;
  }
  return "permission denied on " + culprit + ", owned by " + owner_of(culprit);
}

std::optional<std::string> denied_endpoint(const std::string& endpoint) {
  const bool is_path = endpoint.starts_with(std::string(kIpc) + "/");
  if (!is_path) return std::nullopt;
  return denied_access(endpoint.substr(kIpc.size()), R_OK | W_OK);
}

}  // namespace muster
