#include "cli/log_tail.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace muster {
namespace {

constexpr std::string_view kFileScheme = "file://";
constexpr size_t kChunkBytes = 64 << 10;

}  // namespace

Result<std::string> local_log_path(const std::string& url) {
  if (url.empty()) return Error{"the attempt has not said where its log is"};
  if (!url.starts_with(std::string(kFileScheme) + "/")) {
    return Error{"its log is at " + printable(url) + ", which this version cannot read"};
  }
  const std::string path = url.substr(kFileScheme.size());
  if (::access(path.c_str(), F_OK) != 0) {
    return Error{"its log " + printable(path) +
                 " is not on this machine: look on the worker's, or it was removed"};
  }
  return path;
}

Result<LogTail> LogTail::open(const std::string& url) {
  const Result<std::string> path = local_log_path(url);
  if (!path) return Error{path.error()};
  UniqueFd fd(::open(path->c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return Error{"cannot read " + *path + ": " + errno_text(errno)};
  return LogTail(std::move(fd));
}

bool LogTail::print_new(Output& output) {
  std::array<char, kChunkBytes> chunk;
  while (true) {
    const ssize_t size = ::read(fd_.get(), chunk.data(), chunk.size());
    if (size == 0) return true;
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return false;
    output.print(std::string_view(chunk.data(), static_cast<size_t>(size)));
  }
}

}  // namespace muster
